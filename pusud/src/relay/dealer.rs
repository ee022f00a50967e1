//! Deals connections out to the shards, for all who let connections in.

use super::shard_picker::ShardPicker;
use crate::routing::{Arrival, InboxSender, Item};
use std::sync::Mutex;

/// The way to the shards.
pub(super) struct Dealer {
    inboxes: Vec<InboxSender>,
    picker: Mutex<ShardPicker>,
}

impl Dealer {
    /// Deals to the shards behind these inboxes.
    pub(super) fn new(inboxes: Vec<InboxSender>) -> Self {
        let picker = Mutex::new(ShardPicker::new(inboxes.len()));
        Self { inboxes, picker }
    }

    /// Hands a connection over to the next shard.
    pub(super) fn deal(&self, arrival: Box<Arrival>) {
        let shard = self.picker.lock().expect("nothing panics while it picks").next_shard();
        self.inboxes[shard].send(Item::Accepted(arrival));
    }
}
