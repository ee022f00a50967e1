//! A run: consecutive publications to one channel, as finished frames in one buffer that all its listeners share.
//!
//! The hub has one open run at a time. It knows nothing of listeners but the channel's number.

use crate::batch::Publications;
use crate::frame;
use crate::shard_index::ShardSet;
use crate::subscriptions::ChannelId;

/// A run takes nothing more past this many bytes.
pub const RUN_BYTES_MAX: usize = 64 * 1024;

/// Publications to one channel that have not been fanned out.
#[derive(Default)]
pub struct Run {
    channel: String,
    frames: Vec<u8>,
    messages: u64,
    /// The channel in this shard's table, if it has listeners here. The table does not change under an open run.
    here: Option<ChannelId>,
    /// The other shards it goes to.
    shards: ShardSet,
}

impl Run {
    /// Begins anew, with nothing in it.
    pub fn begin(&mut self, channel: &str, here: Option<ChannelId>, shards: ShardSet) {
        debug_assert!(self.is_empty(), "what is in a run is fanned out before the next one begins");
        self.channel.clear();
        self.channel.push_str(channel);
        self.here = here;
        self.shards = shards;
    }

    /// Whether a publication to `channel` that goes to `shards` can be added.
    pub fn takes(&self, channel: &str, shards: ShardSet) -> bool {
        !self.is_empty() && self.channel == channel && self.shards == shards && self.frames.len() < RUN_BYTES_MAX
    }

    /// Adds a message (JSON text); returns the bytes that it became.
    pub fn push(&mut self, content: &str) -> usize {
        let before = self.frames.len();
        frame::push_publish(&mut self.frames, &self.channel, content);
        self.messages += 1;
        self.frames.len() - before
    }

    /// Adds frames that another shard has made; returns their bytes.
    pub fn extend(&mut self, publications: &Publications<'_>) -> usize {
        self.frames.extend_from_slice(publications.frames);
        self.messages += publications.messages;
        publications.frames.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// The channel in this shard's table, if it has listeners here.
    pub fn here(&self) -> Option<ChannelId> {
        self.here
    }

    /// The other shards it goes to.
    pub fn shards(&self) -> ShardSet {
        self.shards
    }

    /// What is in it.
    pub fn publications(&self) -> Publications<'_> {
        Publications { channel: &self.channel, frames: &self.frames, messages: self.messages }
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
