//! Rows of several shards, as one list.

use crate::routing::{ChannelRow, ChannelSeen, ChannelSort, ClientId, ClientRow, ClientsSeen};
use std::cmp::Reverse;
use std::collections::HashMap;

/// The first rows of all shards, in order.
pub(super) fn first_clients(all: &mut ClientsSeen, limit: usize) -> Vec<ClientRow> {
    all.rows.sort_by_cached_key(|(key, row)| (Reverse(*key), row.id.parse::<ClientId>().ok()));
    all.rows.drain(..).map(|(_, row)| row).take(limit).collect()
}

/// Rows of the same channel from several shards, as one each.
pub(super) fn added_up(rows: Vec<ChannelSeen>) -> Vec<ChannelRow> {
    let mut all: HashMap<String, ChannelSeen> = HashMap::new();
    for seen in rows {
        match all.get_mut(&seen.row.channel) {
            None => drop(all.insert(seen.row.channel.clone(), seen)),
            Some(sum) => {
                sum.row.listeners += seen.row.listeners;
                sum.row.messages_per_second = plus(sum.row.messages_per_second, seen.row.messages_per_second);
                sum.row.bytes_per_second = plus(sum.row.bytes_per_second, seen.row.bytes_per_second);
                // The same messages are handed to each shard.
                let most = |(messages, bytes): (f64, f64), (m, b): (f64, f64)| (messages.max(m), bytes.max(b));
                sum.from_links = match (sum.from_links, seen.from_links) {
                    (Some(one), Some(other)) => Some(most(one, other)),
                    (one, other) => one.or(other),
                };
            }
        }
    }
    let with_links = |ChannelSeen { mut row, from_links }: ChannelSeen| {
        if let Some((messages, bytes)) = from_links {
            row.messages_per_second = plus(row.messages_per_second, Some(messages));
            row.bytes_per_second = plus(row.bytes_per_second, Some(bytes));
        }
        row
    };
    all.into_values().map(with_links).collect()
}

fn plus(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

/// What a list of channels is ordered by: what is less comes first.
pub(super) fn order(row: &ChannelRow, sort: ChannelSort) -> (Reverse<u64>, &str) {
    let first = match sort {
        ChannelSort::Listeners => row.listeners as u64,
        ChannelSort::Rate => (row.messages_per_second.unwrap_or(0.0) * 1000.0) as u64,
        ChannelSort::Name => 0,
    };
    (Reverse(first), &row.channel)
}
