//! Waiting, between a subscription and `subscribe_ok`, until the linked relays know of it.

use super::{Client, Next};
use crate::message::Reply;
use std::future::poll_fn;

impl Client {
    /// Subscribes; the answer goes out now or, where a linked relay may not know the channel yet, from [`Self::settle`].
    pub(super) fn subscribe(&self, channel: &str) -> Next {
        let hub = &self.context.hub;
        hub.subscribe(self.listener, channel);
        if !hub.is_settled(channel) {
            return Next::Settled(channel.into());
        }
        self.reply(&Reply::SubscribeOk { channel });
        Next::Message
    }

    /// Answers when all linked relays know of the subscription. The network bounds how long that takes. Where the
    /// subscription ends meanwhile, because what permitted it does, the client has been told of that instead.
    pub(super) async fn settle(&mut self, channel: &str) -> Next {
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
