//! What those in a scenario share: where the relays are, how far everybody is, and what went wrong first.

use super::scenario::Scenario;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// What is published to.
pub(super) const CHANNEL: &str = "load";

/// What a crowd publishes to, where there is one.
pub(super) const CROWDED: &str = "crowd";

pub(super) struct Stage<'a> {
    pub(super) scenario: &'a Scenario,
    addresses: Vec<SocketAddr>,
    /// By reader: messages that it has.
    received: Vec<AtomicUsize>,
    progress: watch::Sender<Progress>,
    failure: Mutex<Option<String>>,
}

/// How far it is.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct Progress {
    /// Messages that the slowest of those who read has.
    pub(super) read: usize,
    pub(super) failed: bool,
}

impl<'a> Stage<'a> {
    pub(super) fn new(scenario: &'a Scenario, addresses: Vec<SocketAddr>) -> Self {
        Self {
            received: (0..scenario.readers).map(|_| AtomicUsize::new(0)).collect(),
            progress: watch::Sender::new(Progress::default()),
            failure: Mutex::new(None),
            scenario,
            addresses,
        }
    }

    /// Where client number `at` of its kind connects to: to the relays in turn.
    pub(super) fn address(&self, at: usize) -> SocketAddr {
        self.addresses[at % self.addresses.len()]
    }

    /// What those listen to who do not read.
    pub(super) fn not_read(&self) -> &'static str {
        if self.scenario.crowd.is_some() { CROWDED } else { CHANNEL }
    }

    /// A reader has so many messages now.
    pub(super) fn has_read(&self, reader: usize, messages: usize) {
        self.received[reader].store(messages, Ordering::SeqCst);
        self.progress.send_if_modified(|progress| {
            // Looked at here, so that of two readers at the same time the second one sees both.
            let read = self.received.iter().map(|received| received.load(Ordering::SeqCst)).min().unwrap_or(0);
            std::mem::replace(&mut progress.read, read) != read
        });
    }

    /// Something is not as it was promised. The first of it counts.
    pub(super) fn fail(&self, what: String) {
        self.failure.lock().unwrap().get_or_insert(what);
        self.progress.send_modify(|progress| progress.failed = true);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.progress.borrow().failed
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap().clone()
    }

    /// Sees all that changes from now on.
    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}
