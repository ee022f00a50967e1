//! News for the instance that hears of the ends of grants: one instance at a time, the one that decides.
//!
//! **Invariant:** an instance hears of the end of a grant if it gave it or has adopted it, once, and after its adoption.

use std::collections::VecDeque;

/// An instance that leaves so many waiting counts as one that hangs.
pub(super) const WAITING_MAX: usize = 65_536;

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::authenticator) enum Heard {
    /// A grant has ended; the number is `abi::ENDED_*`.
    Ended(u64, i32),
    /// The instance takes over a grant that an earlier one gave. The last number is its end in milliseconds since 1970,
    /// or 0.
    Adopted(u64, String, u64),
}

/// What there is for an instance that waits for news.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::authenticator) enum Next {
    /// This.
    Heard(Heard),
    /// It is no longer the one that hears.
    Over,
}

/// The news that wait for the instance that hears.
#[derive(Default)]
pub(super) struct Hearing {
    /// Which one it is: goes up with each. 0: nobody hears.
    pub(super) epoch: u64,
    pub(super) waiting: VecDeque<Waiting>,
    /// Grants of earlier instances that it has not been told of yet: those with these tickets.
    pub(super) to_adopt: std::ops::Range<u64>,
    /// It wants to be told of those at all.
    adopts: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    Ended(u64, i32),
    /// The rest stands in the register, if it lives still.
    Adopted(u64),
}

impl Hearing {
    /// Another instance hears from here on. If it adopts, then grants with tickets below `next_ticket` to begin with.
    pub(super) fn begin(&mut self, epoch: u64, adopts: bool, next_ticket: u64) {
        self.epoch = epoch;
        self.adopts = adopts;
        self.waiting.clear();
        self.to_adopt = if adopts { 0..next_ticket } else { 0..0 };
    }

    /// A grant has been made; `by_epoch`: by which instance.
    pub(super) fn granted(&mut self, ticket: u64, by_epoch: u64) {
        // One of an earlier instance that comes late; those that wait to be adopted are told of in their turn.
        if self.adopts && by_epoch != self.epoch && !self.to_adopt.contains(&ticket) {
            self.waiting.push_back(Waiting::Adopted(ticket));
        }
    }

    /// A grant has ended of which the instance of `known_to` knows. False: too many news wait already.
    pub(super) fn ended(&mut self, ticket: u64, known_to: u64, why: i32) -> bool {
        // Others need not hear of it at all.
        if self.epoch == 0 || known_to != self.epoch {
            return true;
        }
        let has_room = self.waiting.len() < WAITING_MAX;
        if has_room {
            self.waiting.push_back(Waiting::Ended(ticket, why));
        }
        has_room
    }
}
