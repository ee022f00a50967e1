//! Connections that other relays make: how many may be there before they have said who they are, and what is said about
//! those that were sent away.

use crate::mesh::handshake::{Code, End, Outcome, Refusal, Role};
use crate::mesh::links::{Conversation, Transport};
use crate::mesh::membership::strangers::{Admitted, Seen, Strangers};
use crate::mesh::node::Node;
use crate::routing::Door;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, info, warn};

/// The same complaint about the same address is made again after this time.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);
/// Complaints that are remembered.
const COMPLAINTS_MAX: usize = 256;

/// Counts and remembers.
#[derive(Default)]
pub(crate) struct Doorman {
    strangers: RefCell<Strangers>,
    has_left: Notify,
    complaints: RefCell<HashMap<(IpAddr, Option<Code>), Instant>>,
}

/// One that has not finished its handshake, as long as this is there.
struct Stranger {
    number: u64,
    doorman: Rc<Doorman>,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.doorman.strangers.borrow_mut().leave(self.number);
        self.doorman.has_left.notify_one();
    }
}

impl Doorman {
    /// Lets a connection in and serves it to its end, in a task of its own. Another one has to go where there are too many:
    /// then this waits until it has gone, so that there are never more.
    pub(crate) async fn admit<D: Door, T: Transport>(
        self: &Rc<Self>,
        node: &Rc<Node<D, T>>,
        (stream, remote): (T::Stream, SocketAddr),
        tasks: &mut JoinSet<()>,
    ) {
        let Admitted { number, seen, is_in_place_of_another } =
            self.strangers.borrow_mut().admit(remote.ip(), node.listed_at(remote.ip()));
        let stranger = Stranger { number, doorman: self.clone() };
        if is_in_place_of_another && self.may_complain(remote.ip(), None) {
            warn!(%remote, "too many connections have not said who they are: the oldest one goes");
        }
        tasks.spawn_local(self.clone().serve(node.clone(), stream, remote, (stranger, seen)));
        while self.strangers.borrow().are_some_leaving() {
            self.has_left.notified().await;
        }
    }

    async fn serve<D: Door, T: Transport>(
        self: Rc<Self>,
        node: Rc<Node<D, T>>,
        stream: T::Stream,
        remote: SocketAddr,
        (stranger, seen): (Stranger, Rc<Seen>),
    ) {
        let conversation = Conversation::new(node, Role::Acceptor, remote).seen_by(seen.clone());
        tokio::select! {
            biased;
            // Nobody has to go who is linked: that gives the place back.
            () = seen.has_to_go.notified() => debug!(%remote, "another connection has taken the place of this one"),
            outcome = conversation.run(stream, |_| drop(stranger)) => self.report(remote, &outcome),
        }
    }

    fn report(&self, remote: SocketAddr, outcome: &Outcome) {
        let end = &outcome.end;
        let relay = outcome.peer.as_ref().map_or("?", |peer| &peer.name);
        if outcome.linked_for.is_some() {
            match end {
                End::Goodbye => info!(%remote, relay, reason = %end, "the link has ended"),
                _ => warn!(%remote, relay, reason = %end, "the link has ended"),
            }
            return;
        }
        let code = match end {
            End::Refused(Refusal::Stranger(_)) => None,
            End::Refused(refusal) => refusal.code(),
            End::Unencrypted(_) => Some(Code::Encryption),
            _ => None,
        };
        let concerns_operator = !matches!(code, None | Some(Code::Itself | Code::AlreadyLinked | Code::Stopping));
        if concerns_operator && self.may_complain(remote.ip(), code) {
            warn!(%remote, relay, reason = %end, "a relay was not linked");
        } else {
            debug!(%remote, relay, reason = %end, "a connection was not linked");
        }
    }

    fn may_complain(&self, from: IpAddr, code: Option<Code>) -> bool {
        let now = Instant::now();
        let mut complaints = self.complaints.borrow_mut();
        if complaints.len() >= COMPLAINTS_MAX {
            complaints.retain(|_, at| now.saturating_duration_since(*at) < COMPLAINT_INTERVAL);
        }
        if complaints.len() >= COMPLAINTS_MAX {
            return false;
        }
        match complaints.insert((from, code), now) {
            Some(at) if now.saturating_duration_since(at) < COMPLAINT_INTERVAL => {
                complaints.insert((from, code), at);
                false
            }
            _ => true,
        }
    }
}
