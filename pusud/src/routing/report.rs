//! The report of one shard: its counters, and how much there is of everything now.

use crate::routing::stats::Stats;
use serde::{Deserialize, Serialize};

/// One shard's answer, or the sum of several.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Connections, whatever has become of them.
    pub connections: usize,
    /// Connections that have not been authorized yet.
    pub unauthorized: usize,
    /// The connections, by what they speak.
    pub transports: Transports,
    /// The connections, by whether their client takes what is sent to it.
    pub states: States,
    /// What waits for clients, in bytes. What waits for several counts for each.
    pub outbox_bytes: usize,
    /// Pairs of a listener and a channel.
    pub subscriptions: usize,
    /// What was counted since the start.
    pub stats: Stats,
}

/// Connections by what they speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transports {
    /// WebSocket.
    pub ws: usize,
    /// WebSocket, encrypted.
    pub wss: usize,
    /// A stream of Server-Sent Events.
    pub sse: usize,
    /// The same, encrypted.
    pub sses: usize,
    /// HTTP, also before an upgrade or a stream.
    pub http: usize,
    /// The same, encrypted.
    pub https: usize,
    /// Whatever else: the operator's own.
    pub other: usize,
}

/// Connections by whether their client takes what is sent to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct States {
    /// It does, as far as is known.
    pub open: usize,
    /// Something waits, and the system takes nothing more for it now.
    pub blocked: usize,
    /// They are about to end.
    pub closing: usize,
}

impl Report {
    /// Adds another shard's report to this one.
    pub fn add(&mut self, other: &Self) {
        // Without `..`, so that a field that is forgotten here does not compile.
        let Self { connections, unauthorized, transports, states, outbox_bytes, subscriptions, stats } = other;
        self.connections += connections;
        self.unauthorized += unauthorized;
        self.transports.add(transports);
        self.states.add(states);
        self.outbox_bytes += outbox_bytes;
        self.subscriptions += subscriptions;
        self.stats.add(stats);
    }
}

impl Transports {
    fn add(&mut self, other: &Self) {
        let Self { ws, wss, sse, sses, http, https, other } = other;
        self.ws += ws;
        self.wss += wss;
        self.sse += sse;
        self.sses += sses;
        self.http += http;
        self.https += https;
        self.other += other;
    }
}

impl States {
    fn add(&mut self, other: &Self) {
        let Self { open, blocked, closing } = other;
        self.open += open;
        self.blocked += blocked;
        self.closing += closing;
    }
}
