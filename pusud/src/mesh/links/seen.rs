//! Links as the relays at both ends of each see them: every relay tells its peers which links it has, so that an operator at
//! one of them sees where two others have none.
//!
//! It is only shown; nothing is decided by it.

use super::Mesh;
use crate::mesh::membership::LinkId;
use crate::mesh::wire::{self, LINKS_TOLD_MAX, LinkTold};
use crate::routing::{Door, PeerState, SeenRelay};

/// What one link knows of it.
#[derive(Default)]
pub(crate) struct PeerLinks {
    /// The peer knows such frames.
    pub knows: bool,
    /// What the peer was told last.
    told: Option<Vec<LinkTold>>,
    /// What it is to be told.
    owed: bool,
    theirs: Option<Vec<LinkTold>>,
}

impl PeerLinks {
    /// Appends what is to be told now, once.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        if let Some(told) = self.told.as_ref().filter(|_| std::mem::take(&mut self.owed)) {
            wire::links(out, told);
        }
    }

    /// What the peer has told, for the operator; `None`: nothing, or not all of it, since it has too many.
    pub(crate) fn shown(&self) -> Option<Vec<SeenRelay>> {
        let theirs = self.theirs.as_ref().filter(|theirs| theirs.len() < LINKS_TOLD_MAX)?;
        let shown = |link: &LinkTold| SeenRelay {
            name: link.name.to_string(),
            state: if link.is_linked { PeerState::Linked } else { PeerState::Linking },
        };
        Some(theirs.iter().map(shown).collect())
    }
}

impl<D: Door> Mesh<D> {
    /// Has the peer of a link told of this relay's links, if they are others than it was told last. Called once a second.
    pub(crate) fn tell_links(&mut self, id: LinkId) {
        let links = self.links.values().take(LINKS_TOLD_MAX);
        let own: Vec<LinkTold> =
            links.map(|link| LinkTold { name: link.name.as_ref().into(), is_linked: link.is_linked() }).collect();
        let Some(link) = self.links.get_mut(&id).filter(|link| link.seen.knows) else { return };
        if link.seen.told.as_ref() != Some(&own) {
            link.seen.told = Some(own);
            link.seen.owed = true;
            link.signals.send.notify_one();
        }
    }

    /// Which of the linked relays have listeners of each of these channels, by name.
    pub(crate) fn who_listens(&self, channels: &[Box<str>]) -> Vec<Vec<String>> {
        let listening = |channel: &str| {
            let have_some = self.links.values().filter(|link| link.announced.table().contains(channel));
            have_some.map(|link| link.name.to_string()).collect()
        };
        channels.iter().map(|channel| listening(channel)).collect()
    }

    /// What a peer has told.
    pub(super) fn told_of_links(&mut self, id: LinkId, theirs: Vec<LinkTold>) {
        if let Some(link) = self.links.get_mut(&id) {
            link.seen.theirs = Some(theirs);
        }
    }
}
