//! Publications that other shards and the network have handed over, and whose lane was full: set aside in the order in
//! which they came, while those of other lanes go on.
//!
//! They count as waiting in the inbox until they are delivered, which is what bounds them.
//!
//! **Invariant:** of a channel nothing goes on before what was set aside of it, also where it has changed lanes since.

use crate::frames::Frames;
use crate::history::Appended;
use crate::routing::{LANES, Lane, Publications, Share};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// What was set aside in one shard.
#[derive(Default)]
pub(super) struct Aside {
    lanes: [VecDeque<Part>; LANES],
    /// The lane and the number of the parts of each channel that has some.
    channels: HashMap<Rc<str>, (Lane, usize)>,
    bytes: usize,
}

/// Consecutive publications to one channel.
pub(super) struct Part {
    pub(super) channel: Rc<str>,
    pub(super) frames: Frames,
    pub(super) messages: u64,
    /// The share of the inbox that it counts in.
    pub(super) share: Share,
    /// Its numbers, where the channel has history.
    pub(super) history: Option<Arc<Appended>>,
}

impl Part {
    pub(super) fn publications(&self) -> Publications<'_> {
        let Self { channel, frames, messages, share, history } = self;
        Publications { channel, frames, messages: *messages, share: *share, history: history.as_ref() }
    }
}

impl Aside {
    /// Whether there is nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Whether there is something in this lane.
    pub(super) fn has(&self, lane: Lane) -> bool {
        !self.lanes[lane.index()].is_empty()
    }

    /// The lane in which there is something of this channel.
    pub(super) fn lane_of(&self, channel: &str) -> Option<Lane> {
        if self.is_empty() {
            return None;
        }
        self.channels.get(channel).map(|&(lane, _)| lane)
    }

    /// What it holds, as it counts in the inbox, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets publications aside behind all others of a lane.
    pub(super) fn push(&mut self, lane: Lane, publications: &Publications<'_>) {
        self.bytes += publications.bytes_len();
        let channel = match self.channels.get_key_value(publications.channel) {
            Some((channel, _)) => channel.clone(),
            None => publications.channel.into(),
        };
        self.channels.entry(channel.clone()).or_insert((lane, 0)).1 += 1;
        let Publications { frames, messages, share, history, .. } = *publications;
        let (frames, history) = (Frames::from(frames), history.cloned());
        self.lanes[lane.index()].push_back(Part { channel, frames, messages, share, history });
    }

    /// What is first in a lane.
    pub(super) fn first(&self, lane: Lane) -> Option<&Part> {
        self.lanes[lane.index()].front()
    }

    /// Takes out what is first in a lane.
    pub(super) fn pop(&mut self, lane: Lane) -> Option<Part> {
        let part = self.lanes[lane.index()].pop_front()?;
        self.bytes -= part.publications().bytes_len();
        if let Some((_, count)) = self.channels.get_mut(&part.channel) {
            *count -= 1;
            if *count == 0 {
                self.channels.remove(&part.channel);
            }
        }
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_stays_in_its_lane_until_nothing_of_it_is_left() {
        let (mut aside, many) = (Aside::default(), Lane::of(1000));
        let of = |channel| Publications { channel, frames: b"12", messages: 1, share: Share::LINKS, history: None };
        aside.push(many, &of("a"));
        aside.push(many, &of("b"));
        aside.push(many, &of("a"));
        assert_eq!((aside.lane_of("a"), aside.lane_of("c"), aside.bytes()), (Some(many), None, 9));
        assert!(aside.has(many) && !aside.has(Lane::FIRST));
        let channels = [(); 3].map(|()| aside.pop(many).unwrap().channel.to_string());
        assert_eq!(channels, ["a", "b", "a"]);
        assert!(aside.is_empty() && aside.pop(many).is_none() && aside.bytes() == 0 && aside.lane_of("a").is_none());
    }
}
