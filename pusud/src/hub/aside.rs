//! Publications that other shards and the network have handed over, and whose lane was full: set aside in the order in
//! which they came, while those of other lanes go on.
//!
//! They count as waiting in the inbox until they are delivered, which is what bounds them.
//!
//! **Invariant:** of a channel nothing goes on before what was set aside of it, also where it has changed lanes since.

use crate::batch::Publications;
use crate::frame::Frames;
use crate::lane::{LANES, Lane, Share};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// Where less than so much is left of what came of a channel over links, in bytes, peers are told to go on with it.
const GO_BYTES: usize = 32 * 1024;

/// What was set aside in one shard.
#[derive(Default)]
pub(super) struct Aside {
    lanes: [VecDeque<Part>; LANES],
    /// Each channel that has parts.
    channels: HashMap<Rc<str>, Channel>,
    bytes: usize,
}

/// What was set aside of one channel.
struct Channel {
    lane: Lane,
    parts: usize,
    /// What of it came over links, in bytes.
    bytes_of_links: usize,
    /// The network waits for little to be left of it: how many times it has asked.
    marks: usize,
}

/// Consecutive publications to one channel.
pub(super) struct Part {
    pub(super) channel: Rc<str>,
    pub(super) frames: Frames,
    pub(super) messages: u64,
    /// The share of the inbox that it counts in.
    pub(super) share: Share,
}

impl Part {
    fn bytes_of_links(&self) -> usize {
        if self.share == Share::LINKS { self.publications().bytes_len() } else { 0 }
    }

    pub(super) fn publications(&self) -> Publications<'_> {
        Publications { channel: &self.channel, frames: &self.frames, messages: self.messages, share: self.share }
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
        self.channels.get(channel).map(|channel| channel.lane)
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
        let of_channel = self.channels.entry(channel.clone());
        let of_channel = of_channel.or_insert(Channel { lane, parts: 0, bytes_of_links: 0, marks: 0 });
        let (frames, messages, share) = (Frames::from(publications.frames), publications.messages, publications.share);
        let part = Part { channel, frames, messages, share };
        of_channel.parts += 1;
        of_channel.bytes_of_links += part.bytes_of_links();
        self.lanes[lane.index()].push_back(part);
    }

    /// The network asks whether little is left of a channel. False: it is told when that is so.
    pub(super) fn mark(&mut self, channel: &str) -> bool {
        let waiting = self.channels.get_mut(channel).filter(|channel| channel.bytes_of_links >= GO_BYTES);
        waiting.map(|channel| channel.marks += 1).is_none()
    }

    /// What is first in a lane.
    pub(super) fn first(&self, lane: Lane) -> Option<&Part> {
        self.lanes[lane.index()].front()
    }

    /// Takes out what is first in a lane, and says how many times the network is to be told that little is left of it.
    pub(super) fn pop(&mut self, lane: Lane) -> Option<(Part, usize)> {
        let part = self.lanes[lane.index()].pop_front()?;
        self.bytes -= part.publications().bytes_len();
        let channel = self.channels.get_mut(&part.channel).expect("it has parts");
        channel.parts -= 1;
        channel.bytes_of_links -= part.bytes_of_links();
        let answered = if channel.bytes_of_links < GO_BYTES { std::mem::take(&mut channel.marks) } else { 0 };
        if channel.parts == 0 {
            self.channels.remove(&part.channel);
        }
        Some((part, answered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_stays_in_its_lane_until_nothing_of_it_is_left() {
        let (mut aside, many) = (Aside::default(), Lane::of(1000));
        let of = |channel| Publications { channel, frames: b"12", messages: 1, share: Share::LINKS };
        aside.push(many, &of("a"));
        aside.push(many, &of("b"));
        aside.push(many, &of("a"));
        assert_eq!((aside.lane_of("a"), aside.lane_of("c"), aside.bytes()), (Some(many), None, 9));
        assert!(aside.has(many) && !aside.has(Lane::FIRST));
        let channels = [(); 3].map(|()| aside.pop(many).unwrap().0.channel.to_string());
        assert_eq!(channels, ["a", "b", "a"]);
        assert!(aside.is_empty() && aside.pop(many).is_none() && aside.bytes() == 0 && aside.lane_of("a").is_none());
    }
    #[test]
    fn the_network_is_told_when_little_is_left_of_what_came_over_links() {
        let mut aside = Aside::default();
        let frames = vec![0; GO_BYTES - 1];
        let of = |channel, share| Publications { channel, frames: &frames, messages: 1, share };
        assert!(aside.mark("a"), "there is nothing");
        aside.push(Lane::FIRST, &of("a", Share::LINKS));
        (0..9).for_each(|_| aside.push(Lane::FIRST, &of("b", Share::of(Lane::FIRST))));
        assert!(!aside.mark("a") && aside.mark("b"), "a source here waits by itself");
        aside.push(Lane::FIRST, &of("a", Share::LINKS));
        assert!(!aside.mark("a"));
        let popped = [(); 11].map(|()| aside.pop(Lane::FIRST).unwrap().1);
        assert_eq!(popped, std::array::from_fn(|at| if at == 10 { 2 } else { 0 }));
    }
}
