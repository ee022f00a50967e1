//! Links as the relays at both ends of each see them: every relay tells its peers which links it has, so that an operator at
//! one of them sees where two others have none.
//!
//! It is only shown; nothing is decided by it.

use super::wire::{self, LINKS_TOLD_MAX, LinkTold};
use crate::routing::{PeerState, SeenRelay};

/// What one conversation knows of it.
#[derive(Default)]
pub(super) struct PeerLinks {
    /// What the peer was told last, or is to be.
    own: Option<Vec<LinkTold>>,
    owed: bool,
    theirs: Option<Vec<LinkTold>>,
}

impl PeerLinks {
    /// Appends what is to be told now, once.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        if let Some(own) = self.own.as_ref().filter(|_| std::mem::take(&mut self.owed)) {
            wire::links(out, own);
        }
    }

    /// The relay has these links. True: the peer has to be told, since they are others than it was told last.
    pub(super) fn tell<'a>(&mut self, own: impl Iterator<Item = (&'a str, bool)>) -> bool {
        let told = |(name, is_linked): (&str, bool)| LinkTold { name: name.into(), is_linked };
        let own: Vec<LinkTold> = own.take(LINKS_TOLD_MAX).map(told).collect();
        if self.own.as_ref() == Some(&own) {
            return false;
        }
        (self.own, self.owed) = (Some(own), true);
        true
    }

    /// The peer has told of its links.
    pub(super) fn told(&mut self, theirs: Vec<LinkTold>) {
        self.theirs = Some(theirs);
    }

    /// What the peer has told, for the operator; `None`: nothing, or not all of it, since it has too many.
    pub(super) fn shown(&self) -> Option<Vec<SeenRelay>> {
        let theirs = self.theirs.as_ref().filter(|theirs| theirs.len() < LINKS_TOLD_MAX)?;
        let shown = |link: &LinkTold| SeenRelay {
            name: link.name.to_string(),
            state: if link.is_linked { PeerState::Linked } else { PeerState::Linking },
        };
        Some(theirs.iter().map(shown).collect())
    }
}
