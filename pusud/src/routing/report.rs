//! What one shard says of itself when it is asked: its counters, and how much there is of everything now.

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
        self.connections += other.connections;
        self.unauthorized += other.unauthorized;
        self.subscriptions += other.subscriptions;
        self.stats.add(&other.stats);
    }
}
