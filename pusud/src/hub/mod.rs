//! A shard's state and its doors to the other shards and to the network: who is connected, who listens to what, what has
//! to leave.
//!
//! Publications are joined: consecutive ones to the same channel form a run (run.rs), one buffer that all listeners of
//! the channel share and that leaves with one write each. [`Hub::flush_some`] writes at the end of a batch.
//!
//! **Invariant:** the open run is closed before anything else is pushed and before the table changes, so that every
//! client sees everything in the order in which the shard handled it.
//! **Invariant:** nobody leaves while listeners are walked; a slow consumer's own task takes it out later.

mod flow;
mod upkeep;

use crate::batch::Publications;
use crate::disconnect::Disconnect;
use crate::frame::{self, Frames};
use crate::keepalive::Keepalive;
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::outgoing::Outgoing;
use crate::queued::Queued;
use crate::refusal::Refusal;
use crate::report::Report;
use crate::run::Run;
use crate::settling::Settling;
use crate::shard_index::{ShardIndex, ShardIndexView, ShardSet};
use crate::slow_consumers::SlowConsumers;
use crate::stats::Stats;
use crate::subscriptions::{ListenerId, Subscribed, Subscriptions};
pub use flow::BATCH_BYTES_MAX;
use flow::Published;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Outboxes flushed before other tasks get a turn; at about 3 us a write this is under a millisecond.
const FLUSH_OUTBOXES_MAX: usize = 256;

/// One shard's state. Everything in it belongs to the shard's thread.
pub struct Hub {
    shard: usize,
    limits: Limits,
    queued: Arc<Queued>,
    state: RefCell<State>,
    /// Whether the flush task has been woken for what is marked.
    flush_due: Cell<bool>,
    flush_task: RefCell<Option<Waker>>,
}

struct State {
    outboxes: Slab<Rc<Outbox>>,
    subscriptions: Subscriptions,
    index: ShardIndexView,
    run: Run,
    outgoing: Outgoing,
    /// Of no use where there is no network.
    settling: Settling,
    marked: VecDeque<Rc<Outbox>>,
    outbox_bytes: usize,
    slow_consumers: SlowConsumers,
    keepalive: Keepalive,
    ping: Frames,
    /// Published since everything was flushed.
    batch: Published,
    batch_bytes_max: usize,
    waiting_for_flush: Vec<Waker>,
    waiting_for_last_client: Option<Waker>,
    stats: Stats,
}

impl Hub {
    /// The state of the shard that `outgoing` belongs to.
    pub fn new(outgoing: Outgoing, index: Arc<ShardIndex>, queued: Arc<Queued>, limits: Limits) -> Self {
        let shard = outgoing.member();
        Self {
            state: RefCell::new(State {
                outboxes: Slab::new(),
                subscriptions: Subscriptions::default(),
                index: ShardIndexView::new(index),
                run: Run::default(),
                outgoing,
                settling: Settling::default(),
                marked: VecDeque::new(),
                outbox_bytes: limits.outbox_bytes,
                slow_consumers: SlowConsumers::default(),
                keepalive: Keepalive::new(&limits, upkeep::TICK),
                ping: frame::ping(),
                batch: Published::default(),
                batch_bytes_max: flow::batch_bytes_max(&limits),
                waiting_for_flush: Vec::new(),
                waiting_for_last_client: None,
                stats: Stats::default(),
            }),
            shard,
            limits,
            queued,
            flush_due: Cell::new(false),
            flush_task: RefCell::new(None),
        }
    }

    /// What each client may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes a client in.
    pub fn join(&self, outbox: Rc<Outbox>) -> ListenerId {
        let key = self.state.borrow_mut().outboxes.insert(outbox);
        ListenerId::try_from(key).expect("connections are bounded far below 2^32")
    }

    /// From here on `listener` gets nothing that is published; what it was sent before still leaves.
    pub fn unsubscribe_all(&self, listener: ListenerId) {
        let state = &mut *self.state.borrow_mut();
        self.close_run(state);
        for channel in state.subscriptions.leave(listener) {
            state.withdraw(&channel);
        }
    }

    /// Takes a client and all its subscriptions out. Once it has been seen off: a shard that stops waits for it until
    /// here.
    pub fn leave(&self, listener: ListenerId) {
        self.unsubscribe_all(listener);
        let state = &mut *self.state.borrow_mut();
        state.outboxes.remove(listener as usize);
        if state.outboxes.is_empty()
            && let Some(waiting) = state.waiting_for_last_client.take()
        {
            waiting.wake();
        }
    }

    /// Ready when no client is connected to this shard. Called by the task that sees clients off alone.
    pub fn poll_empty(&self, cx: &mut Context<'_>) -> Poll<()> {
        let state = &mut *self.state.borrow_mut();
        if state.outboxes.is_empty() {
            return Poll::Ready(());
        }
        state.waiting_for_last_client = Some(cx.waker().clone());
        Poll::Pending
    }

    /// From here on `listener` gets what is published on `channel`. False, and nothing has changed: it is subscribed to
    /// `max_subscriptions` others.
    pub fn subscribe(&self, listener: ListenerId, channel: &str) -> bool {
        let state = &mut *self.state.borrow_mut();
        self.close_run(state);
        let may_add = state.subscriptions.channels_of(listener).len() < self.limits.max_subscriptions;
        match state.subscriptions.subscribe(listener, channel) {
            Subscribed::Already => return true,
            _ if !may_add => {
                state.subscriptions.unsubscribe(listener, channel);
                state.stats.refusals.count(Refusal::MaxSubscriptions);
                return false;
            }
            Subscribed::First => state.announce(channel),
            Subscribed::Added => {}
        }
        true
    }

    /// Whether all linked relays know that `channel`, which has a listener here, has one.
    pub fn is_settled(&self, channel: &str) -> bool {
        self.state.borrow().settling.is_settled(channel)
    }

    /// Ready when all linked relays know that `channel` has a listener; false if it is not `listener` any more, whose
    /// subscription has ended meanwhile.
    pub fn poll_settled(&self, listener: ListenerId, channel: &str, cx: &Context<'_>) -> Poll<bool> {
        let state = &mut *self.state.borrow_mut();
        if !state.subscriptions.channels_of(listener).any(|name| **name == *channel) {
            return Poll::Ready(false);
        }
        state.settling.poll(channel, cx).map(|()| true)
    }

    /// The network has answered: all linked relays know what they were to know.
    pub fn settled(&self, number: u64) {
        self.state.borrow_mut().settling.answered(number);
    }

    /// From here on `listener` gets nothing more that is published on `channel`.
    pub fn unsubscribe(&self, listener: ListenerId, channel: &str) {
        let state = &mut *self.state.borrow_mut();
        self.close_run(state);
        if state.subscriptions.unsubscribe(listener, channel) {
            state.withdraw(channel);
        }
    }

    /// What `listener` is subscribed to.
    pub fn channels_of(&self, listener: ListenerId) -> Vec<Rc<str>> {
        self.state.borrow().subscriptions.channels_of(listener).cloned().collect()
    }

    /// Sends frames to one client.
    pub fn send(&self, outbox: &Rc<Outbox>, frames: Frames) {
        let state = &mut *self.state.borrow_mut();
        self.close_run(state);
        state.push(outbox, frames);
        self.schedule_flush();
    }

    /// Ends one client's connection with a close frame behind all that it was sent before.
    pub fn close(&self, outbox: &Rc<Outbox>, disconnect: Disconnect) {
        let state = &mut *self.state.borrow_mut();
        self.close_run(state);
        self.close_one(state, outbox, disconnect);
    }

    fn close_one(&self, state: &mut State, outbox: &Rc<Outbox>, disconnect: Disconnect) {
        if !outbox.is_closing() {
            state.stats.disconnects.count(disconnect);
        }
        outbox.close(disconnect);
        state.mark(outbox);
        self.schedule_flush();
    }

    /// All clients that are connected now.
    pub fn clients(&self) -> Vec<Weak<Outbox>> {
        self.state.borrow().outboxes.iter().map(|(_, outbox)| Rc::downgrade(outbox)).collect()
    }

    /// Ends the connections of all clients.
    pub fn close_all(&self, disconnect: Disconnect) {
        for outbox in self.clients().iter().filter_map(Weak::upgrade) {
            self.close(&outbox, disconnect);
        }
    }

    /// Delivers `content` (JSON text) to all listeners of `channel`, in every shard and on every linked relay.
    pub fn publish(&self, channel: &str, content: &str) {
        let state = &mut *self.state.borrow_mut();
        state.stats.published += 1;
        let shards = if state.outgoing.is_alone() {
            ShardSet::default()
        } else {
            state.index.shards_of(channel).without(state.outgoing.member())
        };
        if !self.open_run(state, channel, shards) {
            return;
        }
        let bytes = state.run.push(content);
        state.count_published(bytes);
        self.schedule_flush();
    }

    /// Delivers what another shard has handed over to this shard's listeners.
    pub fn deliver(&self, publications: &Publications<'_>) {
        let state = &mut *self.state.borrow_mut();
        if self.open_run(state, publications.channel, ShardSet::default()) {
            let bytes = state.run.extend(publications);
            state.count_published(bytes);
            self.schedule_flush();
        }
    }

    /// Writes to some of the clients that something waits for; true if there are more.
    pub fn flush_some(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        self.close_run(state);
        // First, so that the other shards can begin.
        state.outgoing.send();
        for _ in 0..FLUSH_OUTBOXES_MAX {
            match state.marked.pop_front() {
                Some(outbox) => {
                    if outbox.flush() {
                        state.slow_consumers.watch(outbox);
                    }
                }
                None => {
                    state.batch = Published::default();
                    self.relieve_now(state);
                    state.waiting_for_flush.drain(..).for_each(Waker::wake);
                    return false;
                }
            }
        }
        true
    }

    /// Counts something that was refused for exceeding a limit.
    pub fn count_refusal(&self, refusal: Refusal) {
        self.state.borrow_mut().stats.refusals.count(refusal);
    }

    /// What the shard has counted since it started.
    pub fn stats(&self) -> Stats {
        self.state.borrow().stats.clone()
    }

    /// What the shard says of itself. Looks at every client.
    pub fn report(&self) -> Report {
        let state = self.state.borrow();
        Report {
            connections: state.outboxes.len(),
            unauthorized: state.outboxes.iter().filter(|(_, outbox)| !outbox.is_authorized()).count(),
            subscriptions: state.subscriptions.len(),
            stats: state.stats.clone(),
        }
    }

    /// Makes the run of `channel` the open one; false if nobody would get it.
    fn open_run(&self, state: &mut State, channel: &str, shards: ShardSet) -> bool {
        if state.run.takes(channel, shards) {
            return true;
        }
        self.close_run(state);
        let here = state.subscriptions.find(channel);
        if shards.is_empty() && here.is_none() {
            return false;
        }
        state.run.begin(channel, here, shards);
        true
    }

    fn close_run(&self, state: &mut State) {
        if state.run.is_empty() {
            return;
        }
        state.fan_out();
        state.outgoing.push(state.run.shards(), &state.run.publications());
        state.run.clear();
    }
}

impl State {
    /// The channel has its first listener in this shard.
    fn announce(&mut self, channel: &str) {
        self.index.index().announce(self.outgoing.member(), channel);
        if self.outgoing.has_network() {
            self.outgoing.settle(channel, self.settling.begin(channel));
        }
    }

    /// The channel has lost its last listener in this shard.
    fn withdraw(&mut self, channel: &str) {
        self.index.index().withdraw(self.outgoing.member(), channel);
        self.settling.end(channel);
    }

    /// So many bytes were added to the open run.
    fn count_published(&mut self, bytes: usize) {
        let listeners = self.run.here().map_or(0, |channel| self.subscriptions.listeners(channel).len());
        self.batch.bytes += bytes;
        self.batch.fan_out_bytes += bytes * listeners;
    }

    fn fan_out(&mut self) {
        let Some(channel) = self.run.here() else { return };
        let listeners = self.subscriptions.listeners(channel);
        let publications = self.run.publications();
        let frames = Frames::from(publications.frames);
        self.stats.delivered += publications.messages * listeners.len() as u64;
        for listener in listeners {
            let outbox = &self.outboxes[listener as usize];
            if let Err(overflow) = outbox.push(frames.clone(), self.outbox_bytes) {
                upkeep::count_cut(&mut self.stats, outbox, Refusal::OutboxBytes, overflow.dropped_bytes);
            }
            if outbox.mark() {
                self.marked.push_back(outbox.clone());
            }
        }
    }

    fn push(&mut self, outbox: &Rc<Outbox>, frames: Frames) {
        if let Err(overflow) = outbox.push(frames, self.outbox_bytes) {
            upkeep::count_cut(&mut self.stats, outbox, Refusal::OutboxBytes, overflow.dropped_bytes);
        }
        self.mark(outbox);
    }

    fn mark(&mut self, outbox: &Rc<Outbox>) {
        if outbox.mark() {
            self.marked.push_back(outbox.clone());
        }
    }
}
