//! A run: consecutive publications to one channel, as finished frames in one buffer that all its listeners share.
//!
//! The hub has one open run at a time. It knows nothing of listeners but the channel's number.

use crate::frames;
use crate::history::Log;
use crate::routing::batch::Publications;
use crate::routing::channel_id::ChannelId;
use crate::routing::lane::{Lane, Share};
use crate::routing::shard_index::ShardSet;
use std::sync::Arc;

/// A run takes no second message past this many bytes, so it is shorter or one message.
pub(super) const RUN_BYTES_MAX: usize = 64 * 1024;

/// Publications to one channel that have not been fanned out.
pub struct Run {
    channel: String,
    /// Finished frames, or contents where the channel has history: their frames are made when they have numbers.
    frames: Vec<u8>,
    /// The lengths of contents.
    lengths: Vec<u32>,
    /// Where the channel has history.
    log: Option<Arc<Log>>,
    messages: u64,
    /// The channel in this shard's table, if it has listeners here. The table does not change under an open run.
    here: Option<ChannelId>,
    /// The other shards it goes to, and the network.
    members: ShardSet,
    /// The lane in this shard that it counts in.
    lane: Lane,
    /// The share of their inboxes that it counts in.
    share: Share,
    bytes_max: usize,
}

impl Run {
    /// An empty run, which takes no second message past so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            channel: String::new(),
            frames: Vec::new(),
            lengths: Vec::new(),
            log: None,
            messages: 0,
            here: None,
            members: ShardSet::default(),
            lane: Lane::FIRST,
            share: Share::LINKS,
            bytes_max: bytes_max.min(RUN_BYTES_MAX),
        }
    }

    /// Begins anew, with nothing in it.
    pub fn begin(&mut self, channel: &str, here: Option<ChannelId>, members: ShardSet, lane: Lane, share: Share) {
        debug_assert!(self.is_empty(), "what is in a run is fanned out before the next one begins");
        self.channel.clear();
        self.channel.push_str(channel);
        self.here = here;
        self.members = members;
        (self.lane, self.share) = (lane, share);
    }

    /// From here on it is one of a channel with history: it takes contents, and no frames.
    pub fn number(&mut self, log: Arc<Log>) {
        debug_assert!(self.is_empty(), "all of a run have numbers, or none");
        self.log = Some(log);
    }

    /// The log in which it takes its numbers.
    pub fn log(&self) -> Option<&Arc<Log>> {
        self.log.as_ref()
    }

    /// Whether it is open, and of this channel.
    pub fn is_of(&self, channel: &str) -> bool {
        !self.is_empty() && self.channel == channel
    }

    /// Whether so many bytes of publications to `channel` that go to `members` can be added.
    pub fn takes(&self, channel: &str, members: ShardSet, bytes: usize) -> bool {
        !self.is_empty()
            && self.channel == channel
            && self.members == members
            && self.frames.len() + bytes <= self.bytes_max
    }

    /// Adds a message (JSON text).
    pub fn push(&mut self, content: &str) {
        match self.log {
            None => frames::push_publish(&mut self.frames, &self.channel, content),
            Some(_) => {
                self.frames.extend_from_slice(content.as_bytes());
                self.lengths.push(u32::try_from(content.len()).expect("messages are bounded to 1 GiB"));
            }
        }
        self.messages += 1;
    }

    /// Adds frames that another shard has made.
    pub fn extend(&mut self, publications: &Publications<'_>) {
        self.frames.extend_from_slice(publications.frames);
        self.messages += publications.messages;
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// The channel in this shard's table, if it has listeners here.
    pub fn here(&self) -> Option<ChannelId> {
        self.here
    }

    /// The other shards it goes to, and the network.
    pub fn members(&self) -> ShardSet {
        self.members
    }

    /// The lane in this shard that it counts in.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// What is in it.
    pub fn publications(&self) -> Publications<'_> {
        let Self { channel, frames, messages, share, .. } = self;
        Publications { channel, frames, messages: *messages, share: *share, history: None }
    }

    /// The contents of a run with history (JSON texts).
    pub fn contents(&self) -> impl Iterator<Item = &str> {
        let mut rest = &self.frames[..];
        self.lengths.iter().map(move |&length| {
            let (content, behind) = rest.split_at(length as usize);
            rest = behind;
            std::str::from_utf8(content).expect("it was text when it was added")
        })
    }

    /// How many messages are in it.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The share of their inboxes that it counts in.
    pub fn share(&self) -> Share {
        self.share
    }

    /// Empties it. Its buffers serve the next run, unless a large message has made them large.
    pub fn clear(&mut self) {
        (self.messages, self.log) = (0, None);
        self.lengths.clear();
        if self.frames.capacity() > 2 * RUN_BYTES_MAX {
            self.frames = Vec::new();
        }
        self.frames.clear();
    }
}
