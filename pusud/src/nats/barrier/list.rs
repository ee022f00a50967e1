//! List of the subscriptions that one barrier is about, while it is put together. Bounded, and each stands in it once.

use super::Asked;
use crate::nats::wire::LIST_BYTES_MAX;
use std::collections::BTreeSet;

/// Channels of one barrier: the answer has 20 bytes for each.
const CHANNELS_MAX: usize = LIST_BYTES_MAX / 20;

/// What one barrier is about, while it is put together.
#[derive(Default)]
pub(super) struct List {
    pub(super) all: Vec<Asked>,
    sids: BTreeSet<u64>,
    bytes: usize,
}

impl List {
    /// Whether one more has room.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < LIST_BYTES_MAX - 256 && self.all.len() < CHANNELS_MAX
    }

    /// One more, if it is not among them.
    pub(super) fn add(&mut self, asked: &Asked) {
        if self.sids.insert(asked.sid) {
            self.bytes += asked.channel.len() + 1;
            self.all.push(asked.clone());
        }
    }
}
