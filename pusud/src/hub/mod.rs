//! A shard's state and its doors to the other shards and to the network: who is connected, who listens to what, what has
//! to leave.
//!
//! Publications are joined: consecutive ones to the same channel form a run (run.rs), one buffer that all listeners of
//! the channel share and that leaves with one write each (fan_out.rs). [`Hub::flush_some`] writes at the end of a batch,
//! lane by lane (lanes.rs), and each lane has room (room.rs) that sources wait for in turn.
//!
//! **Invariant:** the open run is closed before anything else is pushed and before the table changes, so that every
//! client sees everything in the order in which the shard handled it.
//! **Invariant:** nobody leaves while listeners are walked; a slow consumer's own task takes it out later.

mod aside;
mod batch_timer;
mod encrypted;
mod ended;
mod event_streams;
mod fan_out;
mod fences;
mod flow;
mod generations;
mod history;
mod incoming;
mod interest;
mod keepalive;
mod kick;
mod lanes;
mod link_backlog;
mod look_turn;
mod looking;
mod memory;
mod operators;
mod outbox;
mod pending_subscriptions;
mod questions;
mod relief;
mod report;
mod room;
mod sample;
mod slow_consumers;
mod stage;
mod stalls;
mod subjects;
mod subscriptions;
mod suspicions;
mod top;
mod transport;
mod unacknowledged;
mod upkeep;

pub use encrypted::{Encrypted, Scratch};
pub use event_streams::EventStream;
pub use fences::Fence;
pub use flow::{Turn, Waiting};
pub use memory::{exchange_bytes_max, looking_bytes_max, subscriptions_bytes_max};
pub use outbox::Outbox;
pub use room::room_bytes;
pub use stage::Stage;
pub use subscriptions::{ListenerId, Subscriptions};
pub use transport::Transport;

use crate::frames::{self, EventBody, Frames, QueuedMemory};
use crate::history::Logs;
use crate::hub::keepalive::Keepalive;
use crate::hub::pending_subscriptions::PendingSubscriptions;
use crate::hub::stalls::Stalls;
use crate::protocol::{Disconnect, Limits, Refusal};
use crate::routing::{LANES, Lane, Outgoing, Run, ShardIndex, ShardIndexView, Stats};
use aside::Aside;
use batch_timer::BatchTimer;
use fences::Fences;
use generations::Generations;
use history::History;
use lanes::Lanes;
use link_backlog::LinkBacklog;
use operators::Operators;
use questions::Questions;
use room::Rooms;
use sample::{Sample, Sampling};
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use subjects::Subjects;
use suspicions::Suspicions;
use tokio::sync::Semaphore;

/// The most that is published in a shard until its next flush, beside one message, in bytes.
const BATCH_BYTES_MAX: usize = LANES * room::ROOM_BYTES_MAX;

/// One shard's state. Everything in it belongs to the shard's thread.
pub struct Hub {
    shard: usize,
    limits: Limits,
    is_timed: bool,
    queued_memory: Arc<QueuedMemory>,
    state: RefCell<State>,
    /// Whether the flush task has been woken for what is marked.
    flush_due: Cell<bool>,
    flush_task: RefCell<Option<Waker>>,
    suspicions: Suspicions,
    operators: Operators,
    questions: Questions,
    subjects: Subjects,
    sampling: Sampling,
    /// Whose look goes on.
    looks: Semaphore,
}

struct State {
    outboxes: Slab<Rc<Outbox>>,
    generations: Generations,
    subscriptions: Subscriptions,
    index: ShardIndexView,
    run: Run,
    outgoing: Outgoing,
    /// Of no use where there is no network.
    pending_subscriptions: PendingSubscriptions,
    fences: Fences,
    lanes: Lanes<Rc<Outbox>>,
    outbox_bytes: usize,
    stalls: Stalls,
    keepalive: Keepalive,
    /// Clients that listen to a stream of events, or are about to.
    event_streams: usize,
    ping: Frames,
    /// In chunks, and without.
    comments: [Frames; 2],
    rooms: Rooms,
    /// What one lane takes until it is flushed.
    room_bytes: usize,
    /// What was handed over to this shard and has no room.
    aside: Aside,
    /// What of that came over links.
    link_backlog: LinkBacklog,
    /// How often room was given away.
    turns: usize,
    /// By lane: whether what was set aside goes before sources next time.
    aside_is_first: [bool; LANES],
    /// Sources wait for an inbox since then that did not before.
    has_held_up: bool,
    inbox_watcher: Option<Waker>,
    waiting_for_last_client: Option<Waker>,
    stats: Stats,
    /// While somebody wants to know rates.
    sample: Option<Box<Sample>>,
    batch_timer: BatchTimer,
    /// Where the operator has switched it on.
    history: Option<Box<History>>,
}

impl Hub {
    /// The state of the shard that `outgoing` belongs to. `is_timed`: it looks how long things take.
    pub fn new(
        outgoing: Outgoing,
        index: Arc<ShardIndex>,
        logs: Option<Arc<Logs>>,
        queued_memory: Arc<QueuedMemory>,
        limits: Limits,
        is_timed: bool,
    ) -> Self {
        let shard = outgoing.member();
        let room_bytes = room::room_bytes(limits.outbox_bytes);
        Self {
            state: RefCell::new(State {
                outboxes: Slab::new(),
                generations: Generations::default(),
                subscriptions: Subscriptions::default(),
                index: ShardIndexView::new(index),
                run: Run::new(room_bytes),
                rooms: Rooms::new(room_bytes, outgoing.members_len()),
                room_bytes,
                aside: Aside::default(),
                link_backlog: LinkBacklog::default(),
                turns: 0,
                aside_is_first: [false; LANES],
                has_held_up: false,
                inbox_watcher: None,
                outgoing,
                pending_subscriptions: PendingSubscriptions::default(),
                fences: Fences::default(),
                lanes: Lanes::default(),
                outbox_bytes: limits.outbox_bytes,
                stalls: Stalls::default(),
                keepalive: Keepalive::new(&limits, upkeep::TICK),
                event_streams: 0,
                ping: frames::ping(),
                comments: [EventBody::Chunks, EventBody::Plain].map(frames::comment),
                waiting_for_last_client: None,
                stats: Stats::default(),
                sample: None,
                batch_timer: BatchTimer::new(is_timed),
                history: logs.map(|logs| Box::new(History::new(logs, &limits))),
            }),
            shard,
            limits,
            is_timed,
            queued_memory,
            flush_due: Cell::new(false),
            flush_task: RefCell::new(None),
            suspicions: Suspicions::default(),
            operators: Operators::default(),
            questions: Questions::default(),
            subjects: Subjects::default(),
            sampling: Sampling::default(),
            looks: Semaphore::new(1),
        }
    }

    /// What each client may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes a client in.
    pub fn join(&self, outbox: Rc<Outbox>) -> ListenerId {
        outbox.note_joined();
        let key = self.state.borrow_mut().outboxes.insert(outbox);
        ListenerId::try_from(key).expect("connections are bounded far below 2^32")
    }

    /// Takes a client and all its subscriptions out, once its connection has ended: a shard that stops waits for it until
    /// here.
    pub fn leave(&self, listener: ListenerId) {
        self.unsubscribe_all(listener);
        self.forget(listener);
        let state = &mut *self.state.borrow_mut();
        let outbox = state.outboxes.remove(listener as usize);
        state.generations.end(listener);
        self.operators.remove(&outbox);
        state.event_streams -= usize::from(matches!(outbox.stage(), Stage::EventStream(_)));
        if state.outboxes.is_empty()
            && let Some(waiting) = state.waiting_for_last_client.take()
        {
            waiting.wake();
        }
    }

    /// Ready when no client is connected to this shard. Called by the draining task alone.
    pub fn poll_empty(&self, cx: &mut Context<'_>) -> Poll<()> {
        let state = &mut *self.state.borrow_mut();
        if state.outboxes.is_empty() {
            return Poll::Ready(());
        }
        state.waiting_for_last_client = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Sends frames to one client.
    pub fn send(&self, outbox: &Rc<Outbox>, frames: Frames) {
        let state = &mut *self.state.borrow_mut();
        state.close_run();
        state.push(outbox, frames);
        self.schedule_flush();
    }

    /// Ends one client's connection with a close frame behind all that it was sent before.
    pub fn close(&self, outbox: &Rc<Outbox>, disconnect: Disconnect) {
        let state = &mut *self.state.borrow_mut();
        state.close_run();
        self.close_one(state, outbox, disconnect);
    }

    fn close_one(&self, state: &mut State, outbox: &Rc<Outbox>, disconnect: Disconnect) {
        if !outbox.is_closing() {
            ended::count_disconnect(&mut state.stats, outbox, disconnect);
        }
        outbox.close(disconnect);
        state.mark(outbox);
        self.schedule_flush();
    }

    /// All clients that are connected now.
    pub fn clients(&self) -> Vec<Weak<Outbox>> {
        self.state.borrow().outboxes.iter().map(|(_, outbox)| Rc::downgrade(outbox)).collect()
    }

    /// Counts something that was refused for exceeding a limit.
    pub fn count_refusal(&self, refusal: Refusal) {
        self.state.borrow_mut().stats.refusals.count(refusal);
    }
}

impl State {
    fn push(&mut self, outbox: &Rc<Outbox>, frames: Frames) {
        if let Err(overflow) = outbox.push(frames, self.outbox_bytes) {
            slow_consumers::count_slow_consumer(&mut self.stats, outbox, Refusal::OutboxBytes, overflow.dropped);
        }
        self.mark(outbox);
    }

    fn mark(&mut self, outbox: &Rc<Outbox>) {
        self.lanes.mark(outbox, Lane::FIRST);
    }
}
