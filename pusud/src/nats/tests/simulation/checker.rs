//! The one checker: every message carries who sent it and its place among those of its source and channel.

use std::collections::BTreeMap;

/// A relay's place in the network.
pub(super) type Host = usize;

/// One start of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Start {
    pub(super) host: Host,
    pub(super) boot: u32,
}

#[derive(Default)]
pub(super) struct Checker {
    /// The last number of each source and channel.
    published: BTreeMap<(Start, Box<str>), u64>,
    /// The last number that arrived, and how many have, of each source and channel, at each relay.
    arrived: BTreeMap<(Start, Start, Box<str>), (u64, u64)>,
}

impl Checker {
    /// The content of the next message of this source to this channel.
    pub(super) fn content(&mut self, from: Start, channel: &str, padding: usize) -> String {
        let number = self.published.entry((from, channel.into())).or_default();
        *number += 1;
        format!("[{},{},{number},\"{}\"]", from.host, from.boot, "x".repeat(padding))
    }

    pub(super) fn delivered(&mut self, to: Start, channel: &str, content: &str) {
        let mut fields = content[1..].splitn(4, ',');
        let mut next = || fields.next().expect("as it was sent").parse::<u64>().expect("as it was sent");
        let (host, boot, number) = (next() as Host, next() as u32, next());
        let from = Start { host, boot };
        let (last, count) = self.arrived.entry((from, to, channel.into())).or_default();
        assert!(number > *last, "{from:?} to {to:?} on {channel}: {number} arrived behind {last}");
        (*last, *count) = (number, *count + 1);
        assert!(number <= self.published[&(from, channel.into())], "nothing is made up");
    }

    /// How many messages of all starts of a host have arrived at this start.
    pub(super) fn arrived_from(&self, from: Host, to: Start) -> u64 {
        let meant = self.arrived.iter().filter(|((source, at, _), _)| source.host == from && *at == to);
        meant.map(|(_, (_, count))| count).sum()
    }

    /// How many messages all starts of a host have published to channels that are `meant`.
    pub(super) fn published_by(&self, from: Host, meant: impl Fn(&str) -> bool) -> u64 {
        let all = self.published.iter().filter(|((source, channel), _)| source.host == from && meant(channel));
        all.map(|(_, last)| last).sum()
    }

    pub(super) fn last_arrived(&self, from: Start, to: Start, channel: &str) -> u64 {
        self.arrived.get(&(from, to, channel.into())).map_or(0, |(last, _)| *last)
    }

    pub(super) fn arrived(&self, from: Start, to: Start, channel: &str) -> u64 {
        self.arrived.get(&(from, to, channel.into())).map_or(0, |(_, count)| *count)
    }

    pub(super) fn last_published(&self, from: Start, channel: &str) -> u64 {
        self.published.get(&(from, channel.into())).copied().unwrap_or(0)
    }
}
