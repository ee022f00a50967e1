//! A link that comes up: what its two sides can do together, and what the log says of it.

use super::Mesh;
use crate::mesh::handshake::{VERSION, why_not_encrypted};
use crate::mesh::membership::Candidate;
use crate::mesh::wire::{HISTORY_MINOR, Hello};
use crate::routing::Door;
use tracing::{info, warn};

impl<D: Door> Mesh<D> {
    /// Whether a relay will be linked at once. It may have refused another connection because of that.
    pub(crate) fn has_link_on_its_way(&self) -> bool {
        self.roster.has_link_on_its_way()
    }

    /// Whether both sides take whatever the other one publishes to channels with history.
    pub(super) fn tells_numbers(&self, peer: &Hello) -> bool {
        let (own, theirs) = (self.content_bytes_max, peer.content_bytes_max as usize);
        let knows = peer.minor.min(VERSION.1) >= HISTORY_MINOR;
        if knows && own != theirs {
            warn!(
                relay = %peer.name, own, theirs,
                "the relays take messages of different lengths, so that they do not complete each other's history: set \
                 `limits.max_message_bytes` alike on all relays"
            );
        }
        knows && own == theirs
    }

    /// The log says that it is up.
    pub(super) fn tell_of(&self, candidate: &Candidate, peer: &Hello) {
        let (relay, remote, encrypted) = (&candidate.name, candidate.remote, candidate.is_encrypted);
        info!(%relay, %remote, encrypted, "linked");
        if self.wants_encryption && !encrypted {
            warn!(%relay, %remote, reason = why_not_encrypted(peer), "the link is not encrypted");
        }
    }
}
