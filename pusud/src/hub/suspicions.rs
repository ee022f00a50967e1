//! The suspicions of a shard: what has been revoked since its clients were last looked at, and who is told how many of them
//! that is about.
//!
//! **Invariant:** one walk over the clients goes on at a time, and whatever is revoked meanwhile is joined into the next one:
//! no number of revocations makes more than two walks wait.

use crate::hub::outbox::Outbox;
use crate::revocation::REVOCATIONS_MAX;
use crate::routing::Tally;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Tallies of one round that are told a count of their own; those past it are counted together, in the last one.
const TALLIES_MAX: usize = u64::BITS as usize;

/// What has been revoked, and is to be looked for.
#[derive(Default)]
pub(super) struct Suspicions {
    next: RefCell<Round>,
    is_walking: Cell<bool>,
}

impl Suspicions {
    /// What these numbers name is revoked. True: nobody walks, and somebody has to begin.
    pub(super) fn add(&self, numbers: &[u64], tally: Tally) -> bool {
        self.next.borrow_mut().add(numbers, tally);
        !self.is_walking.replace(true)
    }

    /// What the next walk is about; `None`: there is nothing, and the walking is over.
    pub(super) fn next(&self) -> Option<Round> {
        let round = self.next.take();
        let is_any = !round.tallies.is_empty();
        self.is_walking.set(is_any);
        is_any.then_some(round)
    }
}

/// What one walk is about.
#[derive(Default)]
pub(super) struct Round {
    /// What is revoked, each with a bit for each tally that counts it.
    numbers: HashMap<u64, u64>,
    /// There is more than that, so that everybody has to look.
    is_about_everybody: bool,
    tallies: Vec<Tally>,
    /// How many clients each bit is about.
    counts: Vec<usize>,
}

impl Round {
    fn add(&mut self, numbers: &[u64], tally: Tally) {
        self.tallies.push(tally);
        self.counts.resize(self.tallies.len().min(TALLIES_MAX), 0);
        let bit = 1 << (self.counts.len() - 1);
        for number in numbers {
            if self.numbers.len() >= REVOCATIONS_MAX && !self.numbers.contains_key(number) {
                self.is_about_everybody = true;
            } else {
                *self.numbers.entry(*number).or_default() |= bit;
            }
        }
    }

    /// Has a client look that is authorized by any of it, and counts it.
    pub(super) fn look_at(&mut self, outbox: &Outbox) {
        let mut bits = outbox.bits_of(&self.numbers);
        if bits != 0 || self.is_about_everybody {
            outbox.suspect();
        }
        while bits != 0 {
            self.counts[bits.trailing_zeros() as usize] += 1;
            bits &= bits - 1;
        }
    }

    /// Everybody has been looked at.
    pub(super) fn finish(self) {
        let (own, shared) = self.tallies.split_at(self.tallies.len().min(TALLIES_MAX - 1));
        let counted = own.iter().chain(shared.last());
        counted.zip(self.counts).for_each(|(tally, count)| tally.add(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    /// A tally, and what it is told.
    fn tally() -> (Tally, Receiver<u64>) {
        let (sender, told) = channel();
        // Not all of them are looked at.
        (Tally::new(move |count| sender.send(count).unwrap_or_default()), told)
    }

    async fn outbox(numbers: impl IntoIterator<Item = u64>) -> Outbox {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let outbox = Outbox::new(tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        outbox.set_standing(numbers.into_iter().collect());
        outbox
    }

    #[test]
    fn one_walk_goes_on_and_what_comes_meanwhile_is_one_more() {
        let suspicions = Suspicions::default();
        assert!(suspicions.add(&[1], tally().0));
        let first = suspicions.next().unwrap();
        for number in 2..1000 {
            assert!(!suspicions.add(&[number], tally().0), "somebody walks already");
        }
        first.finish();
        assert_eq!(suspicions.next().unwrap().numbers.len(), 998);
        assert!(suspicions.next().is_none());
        assert!(suspicions.add(&[1], tally().0), "the walking was over");
    }

    #[tokio::test]
    async fn each_tally_counts_what_it_is_about_and_each_client_once() {
        let clients = [outbox([1, 2, 7]).await, outbox([3]).await, outbox([9]).await];
        let (mut round, told): (_, Vec<_>) = (Round::default(), (0..3).map(|_| tally()).collect());
        let (tallies, told): (Vec<_>, Vec<_>) = told.into_iter().unzip();
        for (numbers, tally) in [&[1, 2][..], &[2, 3], &[4]].into_iter().zip(tallies) {
            round.add(numbers, tally);
        }
        clients.iter().for_each(|client| round.look_at(client));
        round.finish();
        assert_eq!(told.iter().map(|told| told.recv().unwrap()).collect::<Vec<_>>(), [1, 2, 0]);
        assert_eq!(clients.each_ref().map(Outbox::take_suspicion), [true, true, false]);
        assert_eq!(clients[0].bits_of(&HashMap::from([(7, 1)])), 1, "its numbers are still there");
    }

    #[tokio::test]
    async fn past_the_bounds_everybody_looks_and_nothing_is_counted_twice() {
        let clients = [outbox([1]).await, outbox([5]).await];
        let mut round = Round::default();
        let told: Vec<_> = (0..100)
            .map(|_| {
                let (tally, told) = tally();
                round.add(&[1], tally);
                told
            })
            .collect();
        clients.iter().for_each(|client| round.look_at(client));
        assert_eq!(clients.each_ref().map(Outbox::take_suspicion), [true, false]);
        round.add(&(10..=10 + REVOCATIONS_MAX as u64).collect::<Vec<_>>(), tally().0);
        assert_eq!(round.numbers.len(), REVOCATIONS_MAX);
        round.look_at(&clients[1]);
        assert!(clients[1].take_suspicion());
        round.finish();
        assert_eq!(told.iter().map(|told| told.recv().unwrap()).sum::<u64>(), TALLIES_MAX as u64 - 1);
    }
}
