//! Publishing: at once where there is room for it, or when the client's turn comes.
//!
//! A publication that has to wait is held, and nothing else is read of the client meanwhile. **Invariant:** the client may
//! publish to the channel when it is published, and not just when it was sent.

use super::{Client, Next};
use crate::hub::{Turn, Waiting};
use crate::protocol::{Disconnect, Reply};
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::task::Poll;

/// A publication that waits for room.
pub(super) struct Held {
    channel: Box<str>,
    content: Box<str>,
    waiting: Waiting,
}

impl Client {
    /// Publishes, or holds what is to be published until there is room.
    pub(super) fn publish(&mut self, channel: &str, content: &str) -> Next {
        match self.context.hub.publish(channel, content, &mut self.turn) {
            Ok(()) => {
                self.context.hub.count_published(self.listener, content.len());
                Next::Message
            }
            Err(waiting) => Next::Room(Box::new(Held { channel: channel.into(), content: content.into(), waiting })),
        }
    }

    /// Waits for room, and publishes then.
    pub(super) async fn publish_in_turn(&mut self, held: Box<Held>) -> Next {
        let Held { channel, content, waiting } = *held;
        let incoming = &self.outbox.incoming;
        let before = incoming.unfinished_bytes();
        incoming.set_unfinished_bytes(before + content.len());
        self.context.hub.relieve();
        let turn = self.turn_of(&waiting).await;
        self.outbox.incoming.set_unfinished_bytes(before);
        let Some(turn) = turn else { return Next::End };
        self.turn = Some(turn);
        if self.session.may_write(&channel) {
            self.publish(&channel, &content)
        } else {
            let reason = "no permission to write this channel any more";
            self.end(&Reply::PermissionDenied { channel: &channel, reason }.to_json(), Disconnect::PermissionDenied)
        }
    }

    /// `None`: the connection is to end.
    async fn turn_of(&mut self, waiting: &Waiting) -> Option<Box<Turn>> {
        poll_fn(|cx| match self.poll_writing(cx) {
            ControlFlow::Break(()) => Poll::Ready(None),
            ControlFlow::Continue(()) => waiting.poll(cx).map(Some),
        })
        .await
    }
}
