//! Counters of one shard. Plain integers: only the shard's thread touches them.

use crate::protocol::{Disconnect, Refusal, Refusals};
use std::collections::HashMap;

/// One shard's counters since it started.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Messages accepted from sources.
    pub published: u64,
    /// Messages handed to listeners' outboxes.
    pub delivered: u64,
    /// Bytes that were lost with slow consumers.
    pub dropped_bytes: u64,
    /// Connections that the relay ended, by reason.
    pub disconnects: Disconnects,
    /// What was refused for exceeding a limit, by limit.
    pub refusals: Refusals,
}

impl Stats {
    /// A client was cut because it took too little, by this limit, and with it so many bytes.
    pub fn count_slow_consumer(&mut self, refusal: Refusal, dropped_bytes: usize) {
        self.dropped_bytes += dropped_bytes as u64;
        self.disconnects.count(Disconnect::SlowConsumer);
        self.refusals.count(refusal);
    }

    /// Adds another shard's counters to these.
    pub fn add(&mut self, other: &Self) {
        // Without `..`, so that a field that is forgotten here does not compile.
        let Self { published, delivered, dropped_bytes, disconnects, refusals } = other;
        self.published += published;
        self.delivered += delivered;
        self.dropped_bytes += dropped_bytes;
        self.refusals.add(refusals);
        for (&disconnect, count) in &disconnects.0 {
            *self.disconnects.0.entry(disconnect).or_default() += count;
        }
    }
}

/// How many connections the relay ended, by reason.
#[derive(Debug, Clone, Default)]
pub struct Disconnects(HashMap<Disconnect, u64>);

impl Disconnects {
    /// Counts one.
    pub fn count(&mut self, disconnect: Disconnect) {
        *self.0.entry(disconnect).or_default() += 1;
    }

    /// Those that have happened, and how often, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Disconnect, u64)> {
        self.0.iter().map(|(&disconnect, &count)| (disconnect, count))
    }

    /// How many have ended for this reason.
    pub fn of(&self, disconnect: Disconnect) -> u64 {
        self.0.get(&disconnect).copied().unwrap_or(0)
    }
}
