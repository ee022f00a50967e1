//! Counters of one shard. Plain integers: only the shard's thread touches them.

use crate::frames::Dropped;
use crate::protocol::{Disconnect, Refusal, Refusals};
use crate::routing::ended::Ended;
use crate::routing::histogram::Histogram;
use std::collections::HashMap;

/// One shard's counters since it started.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Messages accepted from sources.
    pub published: u64,
    /// Bytes of their contents.
    pub published_bytes: u64,
    /// Messages handed to listeners' outboxes.
    pub delivered: u64,
    /// Bytes of them, as frames of a WebSocket.
    pub delivered_bytes: u64,
    /// Messages that were lost with slow consumers.
    pub dropped: u64,
    /// Bytes that were lost with slow consumers.
    pub dropped_bytes: u64,
    /// Connections that the relay ended, by reason.
    pub disconnects: Disconnects,
    /// Clients among these that are gone.
    pub ended: Ended,
    /// What was refused for exceeding a limit, by limit.
    pub refusals: Refusals,
    /// How long things took.
    pub times: Times,
}

/// How long things took in one shard. Nothing, where nobody could look at it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// From the beginning of a flush until all that it is about was offered to the kernel; of every second one.
    pub fan_out: Histogram,
    /// From the first publication of a batch that was accepted until the same; of every second batch.
    pub accepted_to_flushed: Histogram,
    /// From an authorization that came until it was decided.
    pub authorize: Histogram,
    /// From the first subscription to a channel until the linked relays knew of it.
    pub settle: Histogram,
}

impl Stats {
    /// A message with this content was accepted.
    #[inline]
    pub fn count_published(&mut self, content: &str) {
        self.published += 1;
        self.published_bytes += content.len() as u64;
    }

    /// A client was cut because it took too little, by this limit, and with it this was lost.
    pub fn count_slow_consumer(&mut self, refusal: Refusal, dropped: Dropped) {
        self.dropped += dropped.messages;
        self.dropped_bytes += dropped.bytes as u64;
        self.disconnects.count(Disconnect::SlowConsumer);
        self.refusals.count(refusal);
    }

    /// Adds another shard's counters to these.
    pub fn add(&mut self, other: &Self) {
        // Without `..`, so that a field that is forgotten here does not compile.
        let Self {
            published,
            published_bytes,
            delivered,
            delivered_bytes,
            dropped,
            dropped_bytes,
            disconnects,
            ended,
            refusals,
            times,
        } = other;
        self.published += published;
        self.published_bytes += published_bytes;
        self.delivered += delivered;
        self.delivered_bytes += delivered_bytes;
        self.dropped += dropped;
        self.dropped_bytes += dropped_bytes;
        self.ended.add(ended);
        self.refusals.add(refusals);
        self.times.add(times);
        for (&disconnect, count) in &disconnects.0 {
            *self.disconnects.0.entry(disconnect).or_default() += count;
        }
    }
}

impl Times {
    fn add(&mut self, other: &Self) {
        let Self { fan_out, accepted_to_flushed, authorize, settle } = other;
        self.fan_out.add(fan_out);
        self.accepted_to_flushed.add(accepted_to_flushed);
        self.authorize.add(authorize);
        self.settle.add(settle);
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
