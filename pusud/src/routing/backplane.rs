//! The border between the network and its own relay: what the network is told ([`Event`]) and what it asks ([`Door`]).
//!
//! Knows neither shards nor links, so that the simulation can stand on one side of it and the relay on the other.

use crate::history::{Appended, Logs};
use crate::revocation::Revocations;
use crate::routing::OwnDecider;
use crate::routing::batch::Batch;
use crate::routing::link_status::Status;
use crate::routing::orders::{KickTarget, Order, OrderReply, OrderTicket};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{mpsc::UnboundedReceiver, oneshot};

/// Whom to answer: the shard, and a number that means something there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The shard that asked.
    pub shard: usize,
    /// The shard's own number of the question.
    pub number: u64,
}

/// What the relay tells its network, in the order in which it happened.
pub enum Event {
    /// Publications of local sources, to channels that were wanted ([`Door::announce`]): finished WebSocket frames, as
    /// [`push_publish`](crate::frames::push_publish) makes them.
    Publications(Batch),
    /// The channel may have got its first local listener or lost its last one. The network asks
    /// [`Door::has_listeners`], so telling too often does no harm and changes that cancel out cost nothing.
    Changed(Box<str>),
    /// Tell ([`Door::settled`]) when every linked relay knows that the channel has listeners here. It is not needed to
    /// send [`Event::Changed`] before it.
    Settle {
        /// The channel.
        channel: Box<str>,
        /// Whom to tell.
        ticket: Ticket,
    },
    /// Say ([`Door::passed`]) when all publications before it stand in the queues of the links, or of whatever carries
    /// them.
    Fence(Ticket),
    /// A shard has little left of what came of this channel over links.
    GoOn {
        /// The channel.
        channel: Box<str>,
        /// For how many of those that [`Door::next_to_hold`] gave.
        marks: usize,
    },
    /// The revocations have changed: tell the linked relays.
    RevocationsChanged,
    /// Tell the linked relays of an operator's order, and say what becomes of it.
    Order(Order, OrderReply),
    /// The answer to [`Door::kick`]: so many connections were ended.
    Kicked(OrderTicket, u64),
    /// So many clients are authorized by what a peer has revoked: what [`Door::count_revoked`] gave was told.
    Revoked(OrderTicket, u64),
    /// These decide from here on: peers are told, so that a difference is seen.
    Deciders(Vec<OwnDecider>),
    /// Say which linked relays have listeners of each of these channels, by their names; `None`: no relay knows that of
    /// others.
    WhoListens(Box<[Box<str>]>, oneshot::Sender<Option<Vec<Vec<String>>>>),
    /// Say how the links are.
    Status(oneshot::Sender<Status>),
    /// Send what waits, say goodbye to the peers, and end.
    Stop,
}

/// Where events come from: the network's inbox.
pub trait Events: 'static {
    /// Takes the next event out; `None` when nobody can send any more, which ends the network like [`Event::Stop`].
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>>;
}

impl Events for UnboundedReceiver<Event> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_recv(cx)
    }
}

/// What the network asks of its own relay. Every call is made on the network's thread, and none may wait.
pub trait Door: 'static {
    /// A first peer listens to `channel`: from now on local publications on it are wanted. The peer is answered when
    /// this returns, so every publication that is accepted afterwards has to come as [`Event::Publications`].
    fn announce(&mut self, channel: &str);

    /// No peer listens to `channel` any more.
    fn withdraw(&mut self, channel: &str);

    /// Whether the relay's own clients listen to `channel`.
    fn has_listeners(&self, channel: &str) -> bool;

    /// All channels that the relay's own clients listen to; asked once, when the network starts.
    fn channels(&self) -> Vec<Box<str>>;

    /// A peer's publication for the relay's own listeners, and never for other peers. `content` is valid JSON, of the
    /// size that the settings allow, and `channel` is a valid name.
    fn deliver(&mut self, channel: &str, content: &str);

    /// The logs of channels with history, if there can be such channels.
    fn logs(&self) -> Option<Arc<Logs>> {
        None
    }

    /// Publications of a peer's, or a gap, that have been appended to a log: for these shards, a bit for each. Called under the
    /// log's lock.
    fn deliver_numbered(&mut self, _frames: &[u8], _appended: Appended, _shards: u64) {}

    /// The relay has the numbers of the others: clients may come.
    fn history_is_ready(&mut self) {}

    /// The end of a batch of deliveries.
    fn flush(&mut self);

    /// After a flush: a channel of which more comes than a shard has delivered, so that peers are to send no more of it.
    /// For each that is given [`Event::GoOn`] comes, sooner or later.
    fn next_to_hold(&mut self) -> Option<Box<str>> {
        None
    }

    /// Ready while there is room for deliveries; links are not read meanwhile. Any number of tasks may wait at once.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// The answer to [`Event::Settle`]: given exactly once, at most about a second after it.
    fn settled(&mut self, ticket: Ticket);

    /// The relay's revocations, which the linked relays are told of and tell; `None`: it has none to tell.
    fn revocations(&self) -> Option<Arc<Revocations>> {
        None
    }

    /// A peer's operator ends connections: [`Event::Kicked`] is the answer.
    fn kick(&mut self, _target: KickTarget, _ticket: OrderTicket) {}

    /// What is to be told how many clients are authorized by what a peer has revoked: [`Event::Revoked`] follows.
    fn count_revoked(&self, _ticket: OrderTicket) -> Box<dyn FnOnce(u64) + Send> {
        Box::new(drop)
    }

    /// The answer to [`Event::Fence`]: given exactly once, in the order of the questions.
    fn passed(&mut self, ticket: Ticket);
}
