//! The numbers of publications between two starts of two relays, over all of their links: what makes it possible to say
//! how many were lost with a link, and to be sure that none comes twice.
//!
//! **Invariant:** every number that was given out is received, counted as lost, or still on its way.

/// The sender's side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The last number that was given out.
    given: u64,
    /// Everything up to this one has arrived or has been counted as lost.
    accounted: u64,
}

impl Outgoing {
    /// The number that the next publication will have.
    pub(crate) fn next(&self) -> u64 {
        self.given + 1
    }

    /// Gives the next numbers out.
    pub(crate) fn give(&mut self, count: u64) {
        self.given += count;
    }

    /// The receiver has seen this one. False: it was never given out.
    pub(crate) fn confirm(&mut self, seen: u64) -> bool {
        self.accounted = self.accounted.max(seen.min(self.given));
        seen <= self.given
    }

    /// A new link begins, and the last thing that the receiver has seen is this. Gives how many were lost.
    pub(crate) fn relink(&mut self, seen: u64) -> u64 {
        self.confirm(seen);
        self.abandon()
    }

    /// The receiver is gone for good: gives how many it may not have got.
    pub(crate) fn abandon(&mut self) -> u64 {
        std::mem::replace(&mut self.accounted, self.given).abs_diff(self.given)
    }

    /// How many are on their way, or lost without that being known yet.
    pub(crate) fn unconfirmed(&self) -> u64 {
        self.given - self.accounted
    }
}

/// The receiver's side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Incoming {
    /// The last one that has arrived.
    seen: u64,
    /// Everything up to this one has arrived or is known to be lost.
    settled: u64,
}

/// What a number that arrives says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is the next one.
    Next,
    /// So many before it were left out.
    Gap(u64),
    /// It has come before.
    Duplicate,
}

impl Incoming {
    /// The last one that has arrived, to be told to the sender.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// A new link begins, and the sender will go on with this number. Gives how many were lost before it.
    pub(crate) fn relink(&mut self, next: u64) -> u64 {
        let settled = next.saturating_sub(1);
        if settled < self.settled {
            // The sender has forgotten that it ever numbered anything for us, and begins anew.
            *self = Self { seen: 0, settled };
            return 0;
        }
        settled - std::mem::replace(&mut self.settled, settled)
    }

    /// A publication arrives.
    pub(crate) fn arrive(&mut self, number: u64) -> Arrival {
        if number <= self.settled {
            return Arrival::Duplicate;
        }
        let gap = number - self.settled - 1;
        (self.seen, self.settled) = (number, number);
        if gap == 0 { Arrival::Next } else { Arrival::Gap(gap) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give(outgoing: &mut Outgoing, count: u64) {
        outgoing.give(count);
    }

    #[test]
    fn losses_are_exact_on_both_sides() {
        let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
        give(&mut outgoing, 10);
        for number in 1..=7 {
            assert_eq!(incoming.arrive(number), Arrival::Next);
        }
        assert!(outgoing.confirm(5));
        assert_eq!(outgoing.unconfirmed(), 5);
        assert_eq!(incoming.relink(outgoing.next()), 3);
        assert_eq!(outgoing.relink(incoming.seen()), 3);
        assert_eq!(incoming.arrive(10), Arrival::Duplicate);
        assert_eq!(incoming.arrive(11), Arrival::Next);
        assert_eq!(incoming.arrive(14), Arrival::Gap(2));
        assert!(!outgoing.confirm(11));
    }

    #[test]
    fn a_link_that_breaks_while_it_begins_hides_no_loss() {
        let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
        give(&mut outgoing, 5);
        incoming.arrive(1);
        // The receiver hears of the new link, the sender never hears the answer.
        assert_eq!(incoming.relink(outgoing.next()), 4);
        assert_eq!(incoming.relink(outgoing.next()), 0, "counted once");
        assert_eq!(outgoing.relink(incoming.seen()), 4);
        assert_eq!(outgoing.relink(incoming.seen()), 0, "counted once");
    }

    #[test]
    fn a_sender_that_begins_anew_is_believed() {
        let mut incoming = Incoming::default();
        incoming.arrive(1);
        incoming.arrive(2);
        assert_eq!(incoming.relink(1), 0);
        assert_eq!((incoming.seen(), incoming.arrive(1)), (0, Arrival::Next));
    }
}
