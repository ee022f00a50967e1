//! The table of peers that listen to a channel, by their links.
//!
//! **Invariant:** a channel is in here exactly while a link has it, or one that has ended and is being cleared up.

use crate::mesh::membership::LinkId;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::rc::Rc;

/// Channels that peers listen to.
#[derive(Default)]
pub(crate) struct Wanted(HashMap<Rc<str>, SmallVec<[LinkId; 2]>>);

impl Wanted {
    /// The links whose peers listen to the channel, and the channel's name as all of them share it.
    pub(crate) fn links(&self, channel: &str) -> Option<(&Rc<str>, &[LinkId])> {
        self.0.get_key_value(channel).map(|(channel, ids)| (channel, ids.as_slice()))
    }

    /// The peer of this link listens to the channel. True: it is the first one.
    pub(crate) fn add(&mut self, channel: Rc<str>, id: LinkId) -> bool {
        let ids = self.0.entry(channel).or_default();
        ids.push(id);
        ids.len() == 1
    }

    /// The peer of this link does not listen to the channel any more. True: it was the last one.
    pub(crate) fn remove(&mut self, channel: &str, id: LinkId) -> bool {
        let Some(ids) = self.0.get_mut(channel) else { return false };
        ids.retain(|other| *other != id);
        if !ids.is_empty() {
            return false;
        }
        self.0.remove(channel);
        true
    }
}
