//! Clients that the relay disconnects: counted, and remembered for an operator who asks when they are gone. The operator's own
//! sessions are neither: nobody else has to hear of them.

use super::subjects::token;
use super::{Hub, ListenerId, Outbox};
use crate::protocol::{Disconnect, Refusal};
use crate::routing::Stats;
use std::rc::{Rc, Weak};

/// Counts and remembers a client that is disconnected. Where it is can be asked only as long as its connection is there.
pub(super) fn count_disconnect(stats: &mut Stats, outbox: &Outbox, disconnect: Disconnect) {
    if !outbox.is_operators() {
        stats.disconnects.count(disconnect);
        remember(stats, outbox, disconnect);
    }
}

/// Remembers one that has been counted. When the relay stops they all go, and nobody asks where they were.
fn remember(stats: &mut Stats, outbox: &Outbox, disconnect: Disconnect) {
    if disconnect == Disconnect::GoingAway {
        return;
    }
    stats.ended.remember(disconnect, token(outbox), outbox.transport().describe_client());
}

/// Remembers a slow consumer, which has been counted, and the limit that it was past.
pub(super) fn remember_slow(stats: &mut Stats, outbox: &Outbox, limit: Refusal) {
    remember(stats, outbox, Disconnect::SlowConsumer);
    stats.ended.name_limit(token(outbox), limit);
}

impl Hub {
    /// Ends the connections of all clients.
    pub fn close_all(&self, disconnect: Disconnect) {
        for outbox in self.clients().iter().filter_map(Weak::upgrade) {
            self.close(&outbox, disconnect);
        }
    }

    /// Ends one client's connection because it is past this limit, of which it has been told.
    pub fn close_past(&self, outbox: &Rc<Outbox>, disconnect: Disconnect, limit: Refusal) {
        let was_closing = outbox.is_closing();
        self.close(outbox, disconnect);
        // What it was closed for before was something else.
        if !was_closing {
            self.state.borrow_mut().stats.ended.name_limit(token(outbox), limit);
        }
    }

    /// A client leaves: what is known of it beside its outbox is forgotten.
    pub(super) fn forget(&self, listener: ListenerId) {
        self.name_ended(listener);
        self.forget_publisher(listener);
        self.state.borrow_mut().end_stream_ids(listener);
        drop(self.take_questions(listener));
    }

    /// A client leaves: if the relay has disconnected it, whoever asks later is told also whom it was.
    fn name_ended(&self, listener: ListenerId) {
        let Some(outbox) = self.state.borrow().outboxes.get(listener as usize).cloned() else { return };
        if outbox.is_closing() {
            let subject = self.last_subject_of(&outbox);
            self.state.borrow_mut().stats.ended.name(token(&outbox), subject);
        }
        self.forget_subject(&outbox);
    }
}
