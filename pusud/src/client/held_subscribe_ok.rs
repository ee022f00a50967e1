//! Confirming subscriptions: `subscribe_ok` goes out when the linked relays know of them.
//!
//! Where there is no network, or it knows the channel already, that is at once. Elsewhere the client goes on to subscribe
//! meanwhile, so that many subscriptions take the time of one, and everything else that it sends waits for all of them.
//! **Invariant:** answers leave in the order of what they answer.

use super::{Client, Next};
use crate::history::Start;
use crate::protocol::{self, Refusal, Request};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use tokio::task::coop;
use tokio_tungstenite::tungstenite::{Error, Message};

/// A subscription that the client has not been told of.
pub(super) struct Unconfirmed {
    channel: Box<str>,
    /// Where it begins, if the channel has history.
    start: Start,
}

/// What has happened while subscriptions wait.
enum Event {
    /// The linked relays know of the first one; whether it is still one.
    Acknowledged(bool),
    /// The client has sent something.
    Message(Result<Message, Error>),
}

/// What has to wait until all subscriptions before it are confirmed.
enum Held {
    Message(Result<Message, Error>),
    /// A subscription to this channel, of which there are too many.
    Exceeded(Box<str>),
}

impl Client {
    /// Subscribes, and confirms it if that needs no waiting.
    pub(super) fn subscribe(&self, channel: &str, start: Start) -> Next {
        let hub = &self.context.hub;
        if !hub.subscribe(self.listener, channel) {
            return self.one_too_many(channel);
        }
        if !hub.is_acknowledged(channel) {
            return Next::Confirm(Box::new(Unconfirmed { channel: channel.into(), start }));
        }
        hub.confirm(self.listener, &self.outbox, channel, start);
        Next::Message
    }

    fn one_too_many(&self, channel: &str) -> Next {
        self.exceeded(channel, Refusal::MaxSubscriptions, "more subscriptions than limits.max_subscriptions")
    }

    /// Waits until the linked relays know of the subscription to `first`, for which the network has its own deadline, and
    /// confirms it, and likewise those that the client asks for meanwhile. Then handles what came behind them.
    pub(super) async fn confirm(&mut self, first: Unconfirmed) -> Next {
        let (mut waiting, mut held) = (VecDeque::from([first]), None);
        while let Some(Unconfirmed { channel, start }) = waiting.front() {
            // Of one channel there may be many, which are one subscription.
            let may_read = held.is_none() && waiting.len() < self.context.limits.max_subscriptions;
            let Some(event) = self.next_event(channel, may_read).await else { return Next::End };
            match event {
                // A subscription that has ended meanwhile, because what permitted it did, is not confirmed: the client has
                // been told of its end.
                Event::Acknowledged(false) => drop(waiting.pop_front()),
                Event::Acknowledged(true) => {
                    self.context.hub.confirm(self.listener, &self.outbox, channel, start.clone());
                    waiting.pop_front();
                }
                Event::Message(message) => match self.subscription_in(&message) {
                    None => held = Some(self.hold(message)),
                    Some(next) if !self.context.hub.subscribe(self.listener, &next.channel) => {
                        held = Some(Held::Exceeded(next.channel));
                    }
                    Some(next) => waiting.push_back(next),
                },
            }
            coop::consume_budget().await;
        }
        match held {
            None => Next::Message,
            Some(Held::Exceeded(channel)) => self.one_too_many(&channel),
            Some(Held::Message(message)) => {
                self.account_for(&message, usize::saturating_sub);
                self.handle(message)
            }
        }
    }

    /// Waits until `channel` is acknowledged, or for the client's next message if it may be read. `None`: the
    /// connection is to end.
    async fn next_event(&mut self, channel: &str, may_read: bool) -> Option<Event> {
        let (context, listener) = (self.context.clone(), self.listener);
        poll_fn(|cx| {
            if self.poll_writing(cx).is_break() {
                return Poll::Ready(None);
            }
            ready!(self.poll_replayed(cx));
            if let Poll::Ready(is_subscribed) = context.hub.poll_acknowledged(listener, channel, cx) {
                return Poll::Ready(Some(Event::Acknowledged(is_subscribed)));
            }
            if !may_read {
                return Poll::Pending;
            }
            self.messages.poll_next(cx, &context.deadlines).map(|message| message.map(Event::Message))
        })
        .await
    }

    /// Ready when little is left of what the client has missed and is sent: before that it gets nothing more of that kind, however
    /// often it asks, so that this is bounded as well.
    pub(super) fn poll_replayed(&self, cx: &Context<'_>) -> Poll<()> {
        if self.outbox.replaying() <= self.context.limits.outbox_bytes {
            return Poll::Ready(());
        }
        if !self.outbox.is_blocked() {
            // It has not been flushed yet. From then on there will be room, and this task is woken for it.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// What a message asks for, where it is a subscription that is permitted.
    fn subscription_in(&mut self, message: &Result<Message, Error>) -> Option<Unconfirmed> {
        let (request, bytes) = match message.as_ref().ok()? {
            Message::Text(text) => (protocol::parse(text, &self.context.limits), text.len()),
            Message::Binary(binary) => (protocol::parse_binary(binary, &self.context.limits), binary.len()),
            _ => return None,
        };
        match request {
            Ok(Request::Subscribe { channel, since }) if self.session.may_read(&channel) => {
                let unconfirmed = Unconfirmed { channel: channel.into(), start: since.into() };
                self.messages.after_message(bytes);
                Some(unconfirmed)
            }
            _ => None,
        }
    }

    /// A message that waits is as good as one that is not finished: it counts, and goes where there is too much of that.
    fn hold(&self, message: Result<Message, Error>) -> Held {
        self.account_for(&message, usize::saturating_add);
        self.context.hub.relieve();
        Held::Message(message)
    }

    fn account_for(&self, message: &Result<Message, Error>, change: fn(usize, usize) -> usize) {
        let incoming = &self.outbox.incoming;
        let bytes = message.as_ref().map_or(0, Message::len);
        incoming.set_unfinished_bytes(change(incoming.unfinished_bytes(), bytes));
    }
}
