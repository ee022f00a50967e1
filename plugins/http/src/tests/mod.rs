//! The authenticator without a relay, against a small HTTP server in the same process that does what a test wants.

mod calls;
mod cancelling;
mod connections;
mod renewals;
pub(crate) mod server;
mod settings;

use crate::authorize::Authorizer;
use crate::options::{Options, Settings};
use crate::question::Facts;
use crate::single_flight::Waiter;
use pusu_plugin_api::options::from_json;
use pusu_plugin_api::{CreateError, Decision, Verdict, testing};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Far more than anything takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// Somebody who waits for a verdict.
struct Waiting(u64, Sender<Verdict>);

impl Waiter for Waiting {
    type Ticket = u64;

    fn ticket(&self) -> u64 {
        self.0
    }

    fn answer(self, verdict: Verdict) {
        self.1.send(verdict).unwrap();
    }
}

fn settings(options: Value) -> Result<Settings, CreateError> {
    Settings::of(from_json::<Options>(options.to_string().as_bytes())?, &testing::host())
}

/// An authorizer with these options and, unless they say so, no hurry.
fn authorizer(url: &str, more: Value) -> Authorizer<Waiting> {
    let mut options = json!({"http_url": url, "http_timeout": 20});
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Authorizer::start(settings(options).unwrap(), testing::host()).unwrap()
}

impl Authorizer<Waiting> {
    /// Asks for a client at `peer`.
    fn ask_from(&self, authorization: &str, peer: &str) -> Receiver<Verdict> {
        self.ask_with(authorization, peer, false).1
    }

    /// Asks for a client that is authorized already.
    fn renew(&self, authorization: &str) -> Receiver<Verdict> {
        self.ask_with(authorization, "", true).1
    }

    /// Asks; gives the ticket too.
    fn ask_with(&self, authorization: &str, peer: &str, again: bool) -> (u64, Receiver<Verdict>) {
        static TICKETS: AtomicU64 = AtomicU64::new(1);
        let ticket = TICKETS.fetch_add(1, Ordering::Relaxed);
        (ticket, self.ask_as(ticket, authorization, peer, again))
    }

    fn ask_as(&self, ticket: u64, authorization: &str, peer: &str, again: bool) -> Receiver<Verdict> {
        let (waiter, verdict) = channel();
        let attributes = BTreeMap::from([("http.path", vec![Cow::Borrowed("/")])]);
        let facts = Facts { authorization, peer: Cow::Borrowed(peer), attributes };
        self.ask(&facts, again, Waiting(ticket, waiter));
        verdict
    }

    /// Asks and waits for the verdict.
    fn verdict(&self, authorization: &str) -> Verdict {
        self.ask_from(authorization, "127.0.0.1").recv_timeout(DEADLINE).expect("a verdict in time")
    }

    fn decision(&self, authorization: &str) -> Decision {
        self.verdict(authorization).decision()
    }
}
