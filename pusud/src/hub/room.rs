//! Room for publications: what each lane takes until its outboxes have been flushed, and which sources wait for it.
//!
//! A source asks before each publication. Where there is room and nobody waits, it goes on at once. Else it waits for a
//! turn: first come, first served, and who has had a turn goes behind all who wait. A turn is an equal part of the lane's
//! room, at least one publication. Sources whose publication goes to a full inbox stand aside until that has room.
//!
//! **Invariant:** one publication in the whole shard may be larger than its lane's room, and then it is alone in it. So all
//! lanes together push to one outbox, between two of its flushes, at most `LANES` times the room of one and a publication.

use crate::routing::{LANES, Lane, Outgoing, ShardSet, Share};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The room of one lane where `outbox_bytes` does not ask for less, in bytes.
pub(super) const ROOM_BYTES_MAX: usize = 64 * 1024;
/// What one listener may be sent before it has had a chance to take any is this part of `outbox_bytes`: so the haste of
/// sources alone makes nobody a slow consumer, although what waits counts more than its bytes.
const OUTBOX_PART: usize = 4;
/// The same, summed over a lane's listeners. It bounds how long a lane takes to be flushed, and with it how long sources
/// wait: at 2 GiB/s that is 128 ms, beside 3 us a listener.
const FAN_OUT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The room of one lane under this bound on what may wait for one client.
pub fn room_bytes(outbox_bytes: usize) -> usize {
    ROOM_BYTES_MAX.min(outbox_bytes / OUTBOX_PART / LANES).max(1)
}

/// What a publication takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    pub(super) lane: Lane,
    /// The other shards it goes to, and the network.
    pub(super) members: ShardSet,
    /// Its bytes.
    pub(super) bytes: usize,
    /// Its part of the lane's room: its bytes, or more where very many listeners make it dear.
    pub(super) cost: usize,
}

/// A source that waits.
pub(super) struct Waiter {
    need: Need,
    state: Cell<State>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// It may go on, and has this much of its lane's room.
    Granted(usize),
    /// It has gone on, or given up.
    Gone,
}

impl Waiter {
    /// Ready, once, with what the source has of its lane's room.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<(Lane, usize)> {
        if let State::Granted(room) = self.state.get() {
            self.state.set(State::Gone);
            return Poll::Ready((self.need.lane, room));
        }
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The source does not wait any more; what it was granted, if it did not take it.
    pub(super) fn give_up(&self) -> Option<(Lane, usize)> {
        match self.state.replace(State::Gone) {
            State::Granted(room) => Some((self.need.lane, room)),
            State::Waiting | State::Gone => None,
        }
    }

    fn is_gone(&self) -> bool {
        self.state.get() == State::Gone
    }

    fn grant(&self, room: usize) {
        self.state.set(State::Granted(room));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// One lane's room.
#[derive(Default)]
struct Room {
    /// Published since the lane was last emptied.
    used: usize,
    /// Granted, and not used yet.
    reserved: usize,
    waiting: VecDeque<Rc<Waiter>>,
}

impl Room {
    fn taken(&self) -> usize {
        self.used + self.reserved
    }
}

/// The room of all lanes of one shard.
pub(super) struct Rooms {
    lanes: [Room; LANES],
    bytes_max: usize,
    /// So many listeners make a publication no dearer than its bytes.
    cheap_listeners: usize,
    /// The lane in which there is a publication that is larger than the room.
    oversized: Option<Lane>,
    /// By member of the index: those whose turn came when that member's inbox was full.
    held_up: Vec<VecDeque<Rc<Waiter>>>,
}

impl Rooms {
    /// Empty lanes with room for so many bytes each, in a relay with so many members of the index.
    pub(super) fn new(bytes_max: usize, members: usize) -> Self {
        Self {
            lanes: Default::default(),
            bytes_max,
            cheap_listeners: (FAN_OUT_BYTES_MAX / bytes_max).max(1),
            oversized: None,
            held_up: (0..members).map(|_| VecDeque::new()).collect(),
        }
    }

    /// What a publication of so many bytes to so many listeners here, and to other members, takes.
    pub(super) fn need(&self, bytes: usize, listeners: usize, members: ShardSet) -> Need {
        self.need_in(Lane::of(listeners), bytes, listeners, members)
    }

    /// The same in this lane, whatever lane it would be now.
    pub(super) fn need_in(&self, lane: Lane, bytes: usize, listeners: usize, members: ShardSet) -> Need {
        let is_cheap = listeners <= self.cheap_listeners;
        let cost = if is_cheap { bytes } else { bytes.saturating_mul(listeners) / self.cheap_listeners };
        Need { lane, members, bytes, cost }
    }

    /// Whether it may be published at once: there is room, and nobody waits for it.
    pub(super) fn is_free(&self, need: &Need, outgoing: &Outgoing) -> bool {
        let room = &self.lanes[need.lane.index()];
        room.waiting.is_empty()
            && self.fits(need)
            && (need.bytes <= self.bytes_max || !self.anybody_waits())
            && need.members.iter().all(|member| self.held_up[member].is_empty())
            && outgoing.full_member(need.members, Share::of(need.lane)).is_none()
    }

    /// Whether its lane has room.
    pub(super) fn fits(&self, need: &Need) -> bool {
        let taken = self.lanes[need.lane.index()].taken();
        taken + need.cost <= self.bytes_max || taken == 0 && (need.bytes <= self.bytes_max || self.oversized.is_none())
    }

    /// It is published.
    pub(super) fn take(&mut self, need: &Need) {
        self.lanes[need.lane.index()].used += need.cost;
        if need.bytes > self.bytes_max {
            self.oversized = Some(need.lane);
        }
    }

    /// It is published out of what was granted.
    pub(super) fn take_granted(&mut self, need: &Need) {
        self.lanes[need.lane.index()].reserved -= need.cost;
        self.take(need);
    }

    /// So much of what was granted is not used.
    pub(super) fn give_back(&mut self, lane: Lane, granted: usize) {
        self.lanes[lane.index()].reserved -= granted;
        self.forget_oversized(lane);
    }

    /// Everything that was published in the lane has been flushed.
    pub(super) fn flushed(&mut self, lane: Lane) {
        self.lanes[lane.index()].used = 0;
        self.forget_oversized(lane);
    }

    fn forget_oversized(&mut self, lane: Lane) {
        if self.oversized == Some(lane) && self.lanes[lane.index()].taken() == 0 {
            self.oversized = None;
        }
    }

    /// Puts a source behind all who wait.
    pub(super) fn wait(&mut self, need: Need) -> Rc<Waiter> {
        let waiter = Rc::new(Waiter { need, state: Cell::new(State::Waiting), waker: RefCell::new(None) });
        self.lanes[need.lane.index()].waiting.push_back(waiter.clone());
        waiter
    }

    /// Whether a source waits for a turn in this lane.
    pub(super) fn has_waiting(&self, lane: Lane) -> bool {
        !self.lanes[lane.index()].waiting.is_empty()
    }

    /// Whether a source waits for a turn in any lane. Those who wait for an inbox do not.
    pub(super) fn anybody_waits(&self) -> bool {
        Lane::all().any(|lane| self.has_waiting(lane))
    }

    /// Gives turns to those who wait in a lane, as far as there is room, and up to `granted_max` of it. Says how much it
    /// gave, and whether some now wait for an inbox instead.
    pub(super) fn grant(&mut self, lane: Lane, granted_max: usize, outgoing: &Outgoing) -> (usize, bool) {
        let mut are_held_up = false;
        let mut granted = 0;
        let left = self.bytes_max.saturating_sub(self.lanes[lane.index()].taken()).min(granted_max);
        let equal_part = left / self.lanes[lane.index()].waiting.len().max(1);
        while let Some(first) = self.lanes[lane.index()].waiting.front() {
            let (need, is_gone) = (first.need, first.is_gone());
            let full = outgoing.full_member(need.members, Share::of(lane)).filter(|_| !is_gone);
            let may_go = granted == 0 || granted + need.cost <= granted_max;
            if !is_gone && full.is_none() && !(may_go && self.fits(&need)) {
                break;
            }
            let Some(first) = self.lanes[lane.index()].waiting.pop_front() else { break };
            if let Some(member) = full {
                self.held_up[member].push_back(first);
                are_held_up = true;
            } else if !is_gone {
                let left = self.bytes_max.saturating_sub(self.lanes[lane.index()].taken());
                let room = need.cost.max(equal_part.min(left));
                self.lanes[lane.index()].reserved += room;
                if need.bytes > self.bytes_max {
                    self.oversized = Some(lane);
                }
                granted += room;
                first.grant(room);
            }
        }
        (granted, are_held_up)
    }

    /// The members and lanes whose inboxes sources wait for.
    pub(super) fn held_up(&self) -> impl Iterator<Item = (usize, Lane)> {
        let members = self.held_up.iter().enumerate();
        members.flat_map(|(member, waiters)| {
            Lane::all()
                .filter(|lane| waiters.iter().any(|waiter| waiter.need.lane == *lane))
                .map(move |lane| (member, lane))
        })
    }

    /// A member's inbox has room for what comes of a lane: who waited for that goes before all who came later.
    pub(super) fn let_on(&mut self, member: usize, lane: Lane) {
        let (free, held_up) = std::mem::take(&mut self.held_up[member])
            .into_iter()
            .partition(|waiter| waiter.need.lane == lane || waiter.is_gone());
        self.held_up[member] = held_up;
        let waiting = &mut self.lanes[lane.index()].waiting;
        let free: VecDeque<Rc<Waiter>> = free;
        free.into_iter().rev().filter(|waiter| !waiter.is_gone()).for_each(|waiter| waiting.push_front(waiter));
    }
}

#[cfg(test)]
mod tests;
