//! Confirming a subscription: `subscribe_ok` goes out when the linked relays know of it.
//!
//! Where there is no network, or it knows the channel already, that is at once.

use super::{Client, Next};
use crate::message::Reply;
use std::future::poll_fn;

impl Client {
    /// Subscribes, and confirms it if that needs no waiting.
    pub(super) fn subscribe(&self, channel: &str) -> Next {
        let hub = &self.context.hub;
        if !hub.subscribe(self.listener, channel) {
            return self.exceeded(channel, "more subscriptions than limits.max_subscriptions");
        }
        if !hub.is_settled(channel) {
            return Next::Confirm(channel.into());
        }
        self.reply(&Reply::SubscribeOk { channel });
        Next::Message
    }

    /// Waits until the linked relays know of the subscription, for which the network has its own deadline, and confirms
    /// it. A subscription that has ended meanwhile, because what permitted it did, is not confirmed: the client has been
    /// told of its end.
    pub(super) async fn confirm(&mut self, channel: &str) -> Next {
        let (context, listener) = (self.context.clone(), self.listener);
        let settled = poll_fn(|cx| context.hub.poll_settled(listener, channel, cx));
        match self.while_writing(settled).await {
            None => return Next::End,
            Some(false) => {}
            Some(true) => self.reply(&Reply::SubscribeOk { channel }),
        }
        Next::Message
    }
}
