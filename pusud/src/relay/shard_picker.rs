//! Deals connections out to the shards: so many to each, in an order that nobody can predict.
//!
//! **Invariant:** whatever the order of arrival, no shard is ahead of another by more than one connection.

use std::hash::{BuildHasher as _, RandomState};

/// Who gets the next connection. Each round goes once through all shards, in a random order of its own.
///
/// Random, because taking turns would follow a pattern of the clients: where each user opens a connection for a busy
/// channel and then one for a quiet channel, two shards in turn would leave one of them with all the work.
pub(crate) struct ShardPicker {
    order: Vec<usize>,
    dealt: usize,
    /// The standard library's source of randomness: a keyed hash of `drawn`, under a key that each process makes anew.
    random: RandomState,
    drawn: u64,
}

impl ShardPicker {
    /// Deals to so many shards.
    pub(crate) fn new(shards: usize) -> Self {
        Self { order: (0..shards).collect(), dealt: shards, random: RandomState::new(), drawn: 0 }
    }

    /// The number of the shard that gets the next connection.
    pub(crate) fn next_shard(&mut self) -> usize {
        if self.dealt == self.order.len() {
            self.shuffle();
            self.dealt = 0;
        }
        self.dealt += 1;
        self.order[self.dealt - 1]
    }

    /// Fisher and Yates's: every order is equally likely.
    fn shuffle(&mut self) {
        for last in (1..self.order.len()).rev() {
            self.drawn += 1;
            let other = self.random.hash_one(self.drawn) % (last as u64 + 1);
            self.order.swap(last, usize::try_from(other).expect("it is at most the number of shards"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_gives_each_shard_one() {
        let mut deal = ShardPicker::new(5);
        for _ in 0..100 {
            let mut round: Vec<_> = (0..5).map(|_| deal.next_shard()).collect();
            round.sort_unstable();
            assert_eq!(round, [0, 1, 2, 3, 4]);
        }
    }

    /// The bounds are more than six standard deviations away from what is expected.
    #[test]
    fn listeners_of_one_channel_are_spread_whatever_the_clients_pattern_is() {
        for (shards, every) in [(2, 2), (4, 2), (4, 4), (8, 8), (3, 6)] {
            let mut deal = ShardPicker::new(shards);
            let mut listeners = vec![0; shards];
            for connection in 0..1000 * every {
                let shard = deal.next_shard();
                if connection % every == 0 {
                    listeners[shard] += 1;
                }
            }
            let share = 1000 / shards;
            let far = 200.min(share);
            assert!(
                listeners.iter().all(|n| (share - far..=share + far).contains(n)),
                "every {every}th of the connections listens; their shards: {listeners:?}"
            );
        }
    }
}
