//! A run: consecutive publications to one channel, as finished frames in one buffer that all its listeners share.
//!
//! The hub has one open run at a time. It knows nothing of listeners but the channel's number.

use crate::frames;
use crate::routing::batch::Publications;
use crate::routing::channel_id::ChannelId;
use crate::routing::lane::{Lane, Share};
use crate::routing::shard_index::ShardSet;

/// A run takes no second message past this many bytes, so it is shorter or one message.
pub(super) const RUN_BYTES_MAX: usize = 64 * 1024;

/// Publications to one channel that have not been fanned out.
pub struct Run {
    channel: String,
    frames: Vec<u8>,
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

    /// Whether so many bytes of publications to `channel` that go to `members` can be added.
    pub fn takes(&self, channel: &str, members: ShardSet, bytes: usize) -> bool {
        !self.is_empty()
            && self.channel == channel
            && self.members == members
            && self.frames.len() + bytes <= self.bytes_max
    }

    /// Adds a message (JSON text).
    pub fn push(&mut self, content: &str) {
        frames::push_publish(&mut self.frames, &self.channel, content);
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
        Publications { channel: &self.channel, frames: &self.frames, messages: self.messages, share: self.share }
    }

    /// Empties it. Its buffers serve the next run, unless a large message has made them large.
    pub fn clear(&mut self) {
        self.messages = 0;
        if self.frames.capacity() > 2 * RUN_BYTES_MAX {
            self.frames = Vec::new();
        }
        self.frames.clear();
    }
}
