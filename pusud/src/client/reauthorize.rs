//! The re-authorization queue of one shard: clients are re-authorized after a swap of the authenticator, at a bounded
//! rate and few at a time, so that new clients need not wait behind all the others.
//!
//! Owns who is registered, who waits and how many are in flight. The question, and what follows from the answer, is the
//! client's task's business.
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

/// The clients of one shard that may be re-authorized, and those that wait for it.
pub struct ReauthorizationQueue {
    state: RefCell<State>,
    /// There is more to do, or more may be done, than before.
    changed: Notify,
    interval: Duration,
    in_flight_max: usize,
}

struct State {
    /// By their numbers, which go up in the order of registration.
    members: BTreeMap<u64, Member>,
    last_number: u64,
    /// Numbers of members; some may have left meanwhile.
    waiting: VecDeque<u64>,
    /// Permits that are given out, and those that are not fetched yet.
    in_flight: usize,
    not_before: Instant,
    backoff: Duration,
}

struct Member {
    waker: Waker,
    is_waiting: bool,
    /// Given to it, and not fetched yet.
    pending: Option<Pending>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Permit,
    Forget,
}

/// What a registered client is to do.
pub enum Instruction {
    /// Ask about one authorization again.
    Reauthorize(Permit),
    /// Forget what it kept for that: it will not be re-authorized.
    Forget,
}

impl ReauthorizationQueue {
    /// The queue of one of so many shards.
    pub fn new(shards: usize) -> Self {
        let share = u32::try_from(shards).unwrap_or(u32::MAX);
        Self {
            state: RefCell::new(State {
                members: BTreeMap::new(),
                last_number: 0,
                waiting: VecDeque::new(),
                in_flight: 0,
                not_before: Instant::now(),
                backoff: BACKOFF_MIN,
            }),
            changed: Notify::new(),
            interval: Duration::from_secs(1).saturating_mul(share) / RATE_MAX,
            in_flight_max: (IN_FLIGHT_MAX / shards.max(1)).max(1),
        }
    }

    /// Registers a client that keeps something to be re-authorized with, now or one day. Its task is woken when there is
    /// an instruction for it.
    pub fn register(self: &Rc<Self>, waker: Waker) -> Registration {
        let mut state = self.state.borrow_mut();
        state.last_number += 1;
        let number = state.last_number;
        state.members.insert(number, Member { waker, is_waiting: false, pending: None });
        Registration { queue: self.clone(), number }
    }

    /// Has every registered client wait to be re-authorized.
    pub fn enqueue_all(&self) {
        let state = &mut *self.state.borrow_mut();
        for (number, member) in &mut state.members {
            if !std::mem::replace(&mut member.is_waiting, true) {
                state.waiting.push_back(*number);
            }
        }
        state.backoff = BACKOFF_MIN;
        state.not_before = Instant::now();
        self.changed.notify_one();
    }

    /// Nobody is to be re-authorized any more.
    pub fn forget_all(&self) {
        let state = &mut *self.state.borrow_mut();
        state.waiting.clear();
        for member in state.members.values_mut() {
            member.is_waiting = false;
            if member.pending.replace(Pending::Forget) == Some(Pending::Permit) {
                state.in_flight -= 1;
            }
            member.waker.wake_by_ref();
        }
    }

    /// Gives out permits one after the other, for ever.
    pub async fn run(&self) {
        loop {
            match self.permit_next(Instant::now()) {
                // Elapsed or notified, the next step is the same.
                Some(again) => drop(timeout_at(again.into(), self.changed.notified()).await),
                None => self.changed.notified().await,
            }
        }
    }

    /// Gives a permit to the next client, if one may be given; returns when to try again, if that is known.
    fn permit_next(&self, now: Instant) -> Option<Instant> {
        let state = &mut *self.state.borrow_mut();
        while !state.waiting.is_empty() && state.in_flight < self.in_flight_max {
            if now < state.not_before {
                return Some(state.not_before);
            }
            let number = state.waiting.pop_front()?;
            // A client that has left, or has not fetched its last instruction yet, is passed over.
            let Some(member) = state.members.get_mut(&number) else { continue };
            member.is_waiting = false;
            if member.pending.is_none() {
                member.pending = Some(Pending::Permit);
                member.waker.wake_by_ref();
                state.in_flight += 1;
                state.not_before = now + self.interval;
            }
        }
        None
    }

    fn return_permit(&self) {
        self.state.borrow_mut().in_flight -= 1;
        self.changed.notify_one();
    }
}

/// A client's membership in the queue, which ends when this is dropped.
pub struct Registration {
    queue: Rc<ReauthorizationQueue>,
    number: u64,
}

impl Registration {
    /// Has the client wait for a permit, unless it does already.
    pub fn enqueue(&self) {
        let state = &mut *self.queue.state.borrow_mut();
        let member = state.members.get_mut(&self.number).expect("a member leaves with its registration");
        if !std::mem::replace(&mut member.is_waiting, true) {
            state.waiting.push_back(self.number);
            self.queue.changed.notify_one();
        }
    }

    /// Fetches the instruction for the client, if there is one.
    pub fn take_instruction(&self) -> Option<Instruction> {
        let pending = self.queue.state.borrow_mut().members.get_mut(&self.number)?.pending.take()?;
        Some(match pending {
            Pending::Permit => Instruction::Reauthorize(Permit { queue: self.queue.clone() }),
            Pending::Forget => Instruction::Forget,
        })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let member = self.queue.state.borrow_mut().members.remove(&self.number);
        if member.is_some_and(|member| member.pending == Some(Pending::Permit)) {
            self.queue.return_permit();
        }
    }
}

/// The right to ask about one authorization again; it returns to the queue when it is dropped.
pub struct Permit {
    queue: Rc<ReauthorizationQueue>,
}

impl Permit {
    /// The authenticator has decided: it is there.
    pub fn decided(&self) {
        self.queue.state.borrow_mut().backoff = BACKOFF_MIN;
    }

    /// The authenticator could not decide: this shard gives out no permits for a while, which doubles each time.
    pub fn undecided(&self) {
        self.undecided_at(Instant::now());
    }

    fn undecided_at(&self, now: Instant) {
        let state = &mut *self.queue.state.borrow_mut();
        // Several that were asked at the same time are one failure.
        if state.not_before < now + state.backoff / 2 {
            state.not_before = now + state.backoff;
            state.backoff = (state.backoff * 2).min(BACKOFF_MAX);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.queue.return_permit();
    }
}

#[cfg(test)]
mod tests;
