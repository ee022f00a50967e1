//! The report of one shard: its counters, and how much there is of everything now.

use crate::routing::stats::Stats;

/// One shard's answer, or the sum of several.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Connections, whatever has become of them.
    pub connections: usize,
    /// Connections that have not been authorized yet.
    pub unauthorized: usize,
    /// Pairs of a listener and a channel.
    pub subscriptions: usize,
    /// What was counted since the start.
    pub stats: Stats,
}

impl Report {
    /// Adds another shard's report to this one.
    pub fn add(&mut self, other: &Self) {
        // Without `..`, so that a field that is forgotten here does not compile.
        let Self { connections, unauthorized, subscriptions, stats } = other;
        self.connections += connections;
        self.unauthorized += unauthorized;
        self.subscriptions += subscriptions;
        self.stats.add(stats);
    }
}
