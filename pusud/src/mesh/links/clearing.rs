//! Links that have ended, and whose peers' interest is withdrawn from the relay slice by slice.
//!
//! There may be millions of channels, and others have their turn between two slices. Another link of the same peer may be
//! up already: what it has announced stays.

use super::Mesh;
use crate::mesh::interest::Announced;
use crate::mesh::membership::LinkId;
use crate::routing::Door;
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::sync::Notify;

/// So many channels are taken in or withdrawn before others have their turn: about a millisecond.
const SLICE: usize = 1024;

/// What a link has announced and what is left of that.
type Channels = Box<dyn Iterator<Item = Rc<str>>>;

/// What is left to be withdrawn.
#[derive(Default)]
pub(super) struct Clearing {
    links: VecDeque<(LinkId, Channels)>,
    signal: Rc<Notify>,
}

impl Clearing {
    /// A link has ended.
    pub(super) fn add(&mut self, id: LinkId, announced: Announced) {
        self.links.push_back((id, Box::new(announced.into_channels())));
        self.signal.notify_one();
    }
}

impl<D: Door> Mesh<D> {
    /// Told when there is something to clear up.
    pub(crate) fn to_clear_up(&self) -> Rc<Notify> {
        self.clearing.signal.clone()
    }

    /// Withdraws some of what peers have announced whose links have ended. True: there is more.
    pub(crate) fn clear_up_some(&mut self) -> bool {
        let Some((id, mut channels)) = self.clearing.links.pop_front() else { return false };
        let some = channels.by_ref().take(SLICE).map(|channel| (channel, false)).collect::<Vec<_>>();
        if some.len() == SLICE {
            self.clearing.links.push_back((id, channels));
        }
        self.apply(id, some);
        !self.clearing.links.is_empty()
    }

    /// Takes in some more of a snapshot whose end has come over this link, and has it acknowledged behind the last of it.
    /// True: there is more.
    pub(crate) fn take_in_some(&mut self, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.announced.is_taking_in()) else { return false };
        let (edges, number) = link.announced.take_in(SLICE);
        if number.is_some() {
            link.owe(|duties| duties.acknowledge = number);
        }
        self.apply(id, edges);
        number.is_none()
    }
}
