//! The duty to answer one request.
//!
//! **Invariant:** a reply is answered exactly once: by `send`, or as unavailable when it is dropped.

use crate::host::Host;
use crate::request::Ticket;
use crate::verdict::Verdict;
use pusu_plugin_abi as abi;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What became of an answer: for counting and tests, since what is taken may still turn out to be late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The relay acts upon it.
    Taken,
    /// Nobody waits for it any more: time was up, the client has gone, or the authenticator was destroyed.
    Late,
    /// The relay could not make sense of it (too long, too many permissions): it takes it as unavailable.
    Malformed,
    /// The relay does not know something that it may not ignore, such as an attribute that begins with `!`: it takes the
    /// answer as unavailable.
    Unsupported,
}

/// The duty to answer one request, at once or later, from any thread. Dropped without an answer, it answers that no
/// decision is possible now, so no client waits for nothing.
#[derive(Debug)]
#[must_use = "dropping a reply answers `unavailable`"]
pub struct Reply {
    host: Host,
    ticket: Ticket,
    answered: Arc<AtomicBool>,
}

impl Reply {
    pub(crate) fn new(host: Host, ticket: Ticket) -> Self {
        Self { host, ticket, answered: Arc::new(AtomicBool::new(false)) }
    }

    /// Tells, also after `self` has moved elsewhere, whether the answer was given.
    pub(crate) fn answered(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.answered)
    }

    /// The request this answers.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Answers.
    pub fn send(self, verdict: Verdict) -> Delivery {
        self.answer(&verdict)
    }

    fn answer(&self, verdict: &Verdict) -> Delivery {
        let outcome = self.host.complete(self.ticket.0, verdict);
        self.answered.store(true, Ordering::Release);
        match outcome {
            Some(abi::TAKEN) => Delivery::Taken,
            Some(abi::UNSUPPORTED) => Delivery::Unsupported,
            Some(code) if code < 0 => Delivery::Malformed,
            _ => Delivery::Late,
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.answered.load(Ordering::Acquire) {
            self.answer(&Verdict::unavailable("the authenticator gave no answer"));
        }
    }
}
