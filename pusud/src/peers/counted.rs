//! Counted: how many clients the last changes of the revocations were about. A change may come from several peers, since they
//! pass on what they are told; the clients are counted once, and each peer is given that count.
//!
//! **Invariant:** a bounded number of changes is remembered.

use crate::revocation::{Entry, Stamp, Whom};
use crate::routing::OrderTicket;
use std::collections::VecDeque;

/// Most changes that are remembered: the same one comes from others a moment later.
const REMEMBERED_MAX: usize = 64;

/// The last changes that have come alone in a frame.
#[derive(Default)]
pub(super) struct Counted {
    last: VecDeque<Told>,
}

struct Told {
    stamp: Stamp,
    whom: Whom,
    first: OrderTicket,
    count: Count,
}

enum Count {
    /// The shards count; these are to be told as well.
    Open(Vec<OrderTicket>),
    Done(u64),
}

/// What is known of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing: its clients are to be counted.
    First,
    /// They are being counted.
    Open,
    /// They were counted.
    Counted(u64),
}

impl Counted {
    /// A peer tells of a change; `ticket` stands for its frame.
    pub(super) fn heard(&mut self, change: &Entry, ticket: OrderTicket) -> Heard {
        let Entry { stamp, whom, .. } = change;
        match self.last.iter_mut().find(|change| change.stamp == *stamp && change.whom == *whom) {
            Some(Told { count: Count::Done(count), .. }) => Heard::Counted(*count),
            Some(Told { count: Count::Open(also), .. }) => {
                also.push(ticket);
                Heard::Open
            }
            None => {
                if self.last.len() >= REMEMBERED_MAX {
                    self.forget_one();
                }
                self.last.push_back(Told {
                    stamp: *stamp,
                    whom: whom.clone(),
                    first: ticket,
                    count: Count::Open(Vec::new()),
                });
                Heard::First
            }
        }
    }

    /// The clients are counted that a frame is about. Gives the other frames that tell of the same change.
    pub(super) fn counted(&mut self, ticket: OrderTicket, count: u64) -> Vec<OrderTicket> {
        let Some(change) = self.last.iter_mut().find(|change| change.first == ticket) else { return Vec::new() };
        match std::mem::replace(&mut change.count, Count::Done(count)) {
            Count::Open(also) => also,
            Count::Done(_) => Vec::new(),
        }
    }

    /// There was no room for a change that had not come before: once it is told again its clients are counted.
    pub(super) fn refused(&mut self, ticket: OrderTicket) {
        self.last.retain(|change| change.first != ticket);
    }

    /// Forgets the oldest one, of which somebody may still wait to be told: those that are counted go first.
    fn forget_one(&mut self) {
        let done = self.last.iter().position(|change| matches!(change.count, Count::Done(_)));
        self.last.remove(done.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(time_ms: u64) -> Entry {
        let stamp = Stamp { time_ms: time_ms / 2, writer: 1 };
        Entry { whom: Whom::Subject(time_ms.to_string()), stamp, until_ms: 0, is_lifted: false }
    }

    fn ticket(link: u64) -> OrderTicket {
        OrderTicket { link, number: 1 }
    }

    #[test]
    fn a_change_that_several_peers_tell_is_counted_once_and_all_are_told() {
        let mut counted = Counted::default();
        assert_eq!(counted.heard(&change(1), ticket(1)), Heard::First);
        assert_eq!(counted.heard(&change(1), ticket(2)), Heard::Open);
        assert_eq!(counted.heard(&change(2), ticket(3)), Heard::First);
        assert_eq!(counted.counted(ticket(1), 7), [ticket(2)]);
        assert_eq!(counted.heard(&change(1), ticket(4)), Heard::Counted(7));
        assert_eq!(counted.counted(ticket(1), 8), []);
        assert_eq!(counted.counted(ticket(9), 8), []);
        counted.refused(ticket(3));
        assert_eq!(counted.heard(&change(2), ticket(5)), Heard::First);
    }

    #[test]
    fn those_that_are_being_counted_are_forgotten_last() {
        let mut counted = Counted::default();
        let all = REMEMBERED_MAX as u64;
        (0..all).for_each(|n| assert_eq!(counted.heard(&change(n), ticket(n)), Heard::First));
        counted.counted(ticket(5), 1);
        assert_eq!(counted.heard(&change(all), ticket(all)), Heard::First);
        assert_eq!(counted.last.len(), REMEMBERED_MAX);
        assert_eq!(counted.heard(&change(0), ticket(100)), Heard::Open);
        assert_eq!(counted.heard(&change(5), ticket(101)), Heard::First);
    }
}
