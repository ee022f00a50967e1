//! A batch: publications to any number of channels, in order, that one shard hands over to another.
//!
//! All of them share one buffer, so that a hand-over costs one allocation and one wake-up however many they are.

use crate::history::Appended;
use crate::routing::lane::{SHARES, Share};
use std::sync::Arc;
use std::time::Instant;

/// Publications on their way to another shard.
#[derive(Default)]
pub struct Batch {
    parts: Vec<Part>,
    /// For each part the channel's name, then the frames.
    bytes: Vec<u8>,
    /// The bytes, by the share of the inbox that they count in.
    by_share: [usize; SHARES],
    /// When the first of them was accepted, where somebody has looked.
    pub accepted: Option<Instant>,
}

struct Part {
    channel_len: usize,
    frames_len: usize,
    messages: u64,
    share: Share,
    history: Option<Arc<Appended>>,
}

/// Consecutive publications to one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publications<'a> {
    /// The channel's name.
    pub channel: &'a str,
    /// One or more whole frames.
    pub frames: &'a [u8],
    /// How many frames.
    pub messages: u64,
    /// The share of an inbox that they count in.
    pub share: Share,
    /// Their numbers, where the channel has history. There are no messages where it is a gap.
    pub history: Option<&'a Arc<Appended>>,
}

impl Publications<'_> {
    /// What they count in an inbox, in bytes.
    pub fn bytes_len(&self) -> usize {
        self.channel.len() + self.frames.len()
    }
}

impl Batch {
    /// Adds publications behind those that are in it.
    pub fn push(&mut self, publications: &Publications<'_>) {
        let Publications { channel, frames, messages, share, history } = *publications;
        let history = history.cloned();
        self.bytes.extend_from_slice(channel.as_bytes());
        self.bytes.extend_from_slice(frames);
        self.by_share[share.index()] += publications.bytes_len();
        self.parts.push(Part { channel_len: channel.len(), frames_len: frames.len(), messages, share, history });
    }

    /// What it holds, in bytes.
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// The same, by the share of an inbox that it counts in.
    pub fn by_share(&self) -> &[usize; SHARES] {
        &self.by_share
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What is in it, in the order in which it was added.
    pub fn iter(&self) -> impl Iterator<Item = Publications<'_>> {
        let mut rest = &self.bytes[..];
        self.parts.iter().map(move |part| {
            let (channel, behind) = rest.split_at(part.channel_len);
            let (frames, behind) = behind.split_at(part.frames_len);
            rest = behind;
            let channel = std::str::from_utf8(channel).expect("it was a name when it was added");
            Publications { channel, frames, messages: part.messages, share: part.share, history: part.history.as_ref() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn everything_comes_out_in_order(parts in proptest::collection::vec((".{0,9}", any::<Vec<u8>>(), any::<u64>()), 0..9)) {
            let share = Share::LINKS;
            let expected: Vec<_> = parts
                .iter()
                .map(|(channel, frames, messages)| Publications { channel, frames, messages: *messages, share, history: None })
                .collect();
            let mut batch = Batch::default();
            for publications in &expected {
                batch.push(publications);
            }
            prop_assert_eq!(batch.is_empty(), expected.is_empty());
            prop_assert_eq!(batch.by_share().iter().sum::<usize>(), batch.bytes_len());
            prop_assert_eq!(batch.iter().collect::<Vec<_>>(), expected);
        }
    }
}
