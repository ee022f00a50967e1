//! The one checker: every message carries who sent it and its place among those of its source and channel, and for each
//! pair of relays what was sent is what arrived and what was counted as lost.

use super::wire::Host;
use std::collections::BTreeMap;

/// One start of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::mesh::tests) struct Start {
    pub(in crate::mesh::tests) host: Host,
    pub(in crate::mesh::tests) boot: u32,
}

#[derive(Default)]
pub(in crate::mesh::tests) struct Checker {
    /// The last number of each source and channel.
    published: BTreeMap<(Start, Box<str>), u64>,
    /// The last number that arrived, of each source and channel, at each relay.
    arrived: BTreeMap<(Start, Start, Box<str>), u64>,
    /// How many arrived, of each source at each relay.
    count: BTreeMap<(Start, Start), u64>,
}

impl Checker {
    /// The content of the next message of this source to this channel.
    pub(in crate::mesh::tests) fn content(&mut self, from: Start, channel: &str, padding: usize) -> String {
        let number = self.published.entry((from, channel.into())).or_default();
        *number += 1;
        format!("[{},{},{number},\"{}\"]", from.host, from.boot, "x".repeat(padding))
    }

    pub(in crate::mesh::tests) fn delivered(&mut self, to: Start, channel: &str, content: &str) {
        let (host, boot, number, _): (Host, u32, u64, String) = serde_json::from_str(content).expect("as it was sent");
        let from = Start { host, boot };
        let last = self.arrived.entry((from, to, channel.into())).or_default();
        assert!(number > *last, "{from:?} to {to:?} on {channel}: {number} arrived behind {last}");
        *last = number;
        *self.count.entry((from, to)).or_default() += 1;
        assert!(number <= self.published[&(from, channel.into())], "nothing is made up");
    }

    /// How many messages of this start have arrived at all starts of a host.
    pub(in crate::mesh::tests) fn arrived_at(&self, from: Start, to: Host) -> u64 {
        self.count.iter().filter(|((source, at), _)| *source == from && at.host == to).map(|(_, count)| count).sum()
    }

    pub(in crate::mesh::tests) fn last_arrived(&self, from: Start, to: Start, channel: &str) -> u64 {
        self.arrived.get(&(from, to, channel.into())).copied().unwrap_or(0)
    }

    pub(in crate::mesh::tests) fn last_published(&self, from: Start, channel: &str) -> u64 {
        self.published.get(&(from, channel.into())).copied().unwrap_or(0)
    }
}
