//! Whose turn it is, after another authenticator has taken over, to be asked again: at a bounded rate and few at a time,
//! so that new clients need not wait behind all the others.
//!
//! Owns the queue of one shard's clients. What is asked, and what comes of the answer, is the client's task's business.
//! **Invariant:** of one shard's authorizations, no more than its share of `IN_FLIGHT_MAX` are being asked again.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout_at;

/// Authorizations asked again in a second, by all shards together: 10 000 clients take 20 s.
const RATE_MAX: u32 = 500;
/// Authorizations that are being asked again, by all shards together: a small part of the authenticator's queue.
const IN_FLIGHT_MAX: usize = 32;
/// The first pause after the authenticator could not decide, and the longest; each is twice the one before.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// The turns of one shard.
pub struct Turns {
    state: RefCell<State>,
    /// There is more to do, or more may be done, than before.
    changed: Notify,
    interval: Duration,
    in_flight_max: usize,
}

struct State {
    seats: BTreeMap<u64, Place>,
    taken: u64,
    queue: VecDeque<u64>,
    in_flight: usize,
    not_before: Instant,
    backoff: Duration,
}

struct Place {
    waker: Waker,
    queued: bool,
    call: Option<Call>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Ask,
    Forget,
}

/// What a client is called for.
pub enum Called {
    /// It may be asked again about one authorization.
    Ask(Turn),
    /// It will not be asked again: what was kept for it is to be forgotten.
    Forget,
}

impl Turns {
    /// The turns of one of so many shards.
    pub fn new(shards: usize) -> Self {
        let share = u32::try_from(shards).unwrap_or(u32::MAX);
        Self {
            state: RefCell::new(State {
                seats: BTreeMap::new(),
                taken: 0,
                queue: VecDeque::new(),
                in_flight: 0,
                not_before: Instant::now(),
                backoff: BACKOFF_MIN,
            }),
            changed: Notify::new(),
            interval: Duration::from_secs(1).saturating_mul(share) / RATE_MAX,
            in_flight_max: (IN_FLIGHT_MAX / shards.max(1)).max(1),
        }
    }

    /// A seat for a client that has something to be asked again about, now or one day. Its task is woken when it is
    /// called.
    pub fn take_seat(self: &Rc<Self>, waker: Waker) -> Seat {
        let mut state = self.state.borrow_mut();
        state.taken += 1;
        let number = state.taken;
        state.seats.insert(number, Place { waker, queued: false, call: None });
        Seat { turns: self.clone(), number }
    }

    /// Everybody is to be asked again.
    pub fn queue_all(&self) {
        let state = &mut *self.state.borrow_mut();
        for (number, place) in &mut state.seats {
            if !std::mem::replace(&mut place.queued, true) {
                state.queue.push_back(*number);
            }
        }
        state.backoff = BACKOFF_MIN;
        state.not_before = Instant::now();
        self.changed.notify_one();
    }

    /// Nobody is to be asked again.
    pub fn forget_all(&self) {
        let state = &mut *self.state.borrow_mut();
        state.queue.clear();
        for place in state.seats.values_mut() {
            place.queued = false;
            if place.call.replace(Call::Forget) == Some(Call::Ask) {
                state.in_flight -= 1;
            }
            place.waker.wake_by_ref();
        }
    }

    /// Calls one after the other, for ever.
    pub async fn run(&self) {
        loop {
            match self.call_next(Instant::now()) {
                // Either way it is time to look again.
                Some(again) => drop(timeout_at(again.into(), self.changed.notified()).await),
                None => self.changed.notified().await,
            }
        }
    }

    /// Calls the next one if it may be; returns when to look again, if that is known.
    fn call_next(&self, now: Instant) -> Option<Instant> {
        let state = &mut *self.state.borrow_mut();
        while !state.queue.is_empty() && state.in_flight < self.in_flight_max {
            if now < state.not_before {
                return Some(state.not_before);
            }
            let number = state.queue.pop_front()?;
            // Whoever has left, or has not come for its last call yet, is passed over.
            let Some(place) = state.seats.get_mut(&number) else { continue };
            place.queued = false;
            if place.call.is_none() {
                place.call = Some(Call::Ask);
                place.waker.wake_by_ref();
                state.in_flight += 1;
                state.not_before = now + self.interval;
            }
        }
        None
    }

    fn end_turn(&self) {
        self.state.borrow_mut().in_flight -= 1;
        self.changed.notify_one();
    }
}

/// A client's place among those who may be asked again, which ends with it.
pub struct Seat {
    turns: Rc<Turns>,
    number: u64,
}

impl Seat {
    /// Wants a turn.
    pub fn queue(&self) {
        let state = &mut *self.turns.state.borrow_mut();
        let place = state.seats.get_mut(&self.number).expect("a seat's place goes with the seat");
        if !std::mem::replace(&mut place.queued, true) {
            state.queue.push_back(self.number);
            self.turns.changed.notify_one();
        }
    }

    /// What the client has been called for, once.
    pub fn called(&self) -> Option<Called> {
        let call = self.turns.state.borrow_mut().seats.get_mut(&self.number)?.call.take()?;
        Some(match call {
            Call::Ask => Called::Ask(Turn { turns: self.turns.clone() }),
            Call::Forget => Called::Forget,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let place = self.turns.state.borrow_mut().seats.remove(&self.number);
        if place.is_some_and(|place| place.call == Some(Call::Ask)) {
            self.turns.end_turn();
        }
    }
}

/// The right to ask about one authorization; the next one is called when it is dropped.
pub struct Turn {
    turns: Rc<Turns>,
}

impl Turn {
    /// The authenticator has decided: it is there.
    pub fn decided(&self) {
        self.turns.state.borrow_mut().backoff = BACKOFF_MIN;
    }

    /// The authenticator could not decide: nobody of this shard is called for a while, which doubles each time.
    pub fn undecided(&self) {
        self.undecided_at(Instant::now());
    }

    fn undecided_at(&self, now: Instant) {
        let state = &mut *self.turns.state.borrow_mut();
        // Several that were asked at the same time are one failure.
        if state.not_before < now + state.backoff / 2 {
            state.not_before = now + state.backoff;
            state.backoff = (state.backoff * 2).min(BACKOFF_MAX);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.end_turn();
    }
}

#[cfg(test)]
mod tests;
