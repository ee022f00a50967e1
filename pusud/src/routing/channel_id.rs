//! A channel's number in one shard's table.

/// A channel's number in its shard's table; good until the table changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChannelId(u32);

impl ChannelId {
    /// The channel in this place of the table.
    pub fn new(place: u32) -> Self {
        Self(place)
    }

    /// Its place in the table.
    pub fn place(self) -> usize {
        self.0 as usize
    }
}
