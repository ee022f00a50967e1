//! The origins that the positions of a log name.

use super::origins::Known;
use super::{Log, State};
use crate::history::clock::Now;
use crate::history::origin::Origin;
use crate::history::position::{self, ORIGINS_MAX, Position};

/// How often a log looks whether positions still have to name all origins, in parts of the retention.
const UNLISTING_PARTS: i64 = 64;

impl State {
    /// Leaves out of positions whoever ended long ago and has nothing in the ring, and forgets who ended longer ago.
    pub(super) fn unlist(&mut self, log: &Log, now: Now) {
        let shared = &log.shared;
        if self.origins.len() == 1 || now.ms < self.unlisting_ms {
            return;
        }
        let retention = log.times.retention_ms;
        self.unlisting_ms = now.ms + retention / UNLISTING_PARTS;
        for place in (0..self.origins.len()).rev() {
            let known = &mut self.origins[place];
            let origin = known.numbers.origin;
            if origin == shared.own || !known.numbers.has_no_entry() {
                continue;
            }
            if origin == shared.own.unnumbered() {
                // Nothing comes without a number any more.
                known.is_listed &= now.ms - known.changed_ms < retention;
            } else if let Some(ended) = shared.boots.ended(origin) {
                known.is_listed &= now.ms - ended < retention;
            } else if !shared.boots.is_known(origin) {
                // No sooner: whoever comes from before it has lost something, and not been ahead of this relay.
                self.forget_origin(place);
            }
        }
    }

    fn forget_origin(&mut self, place: usize) {
        let as_place = |place| u16::try_from(place).expect("origins are bounded far below");
        // Behind a gap there may be some of it.
        self.ring.drop_origin(as_place(place));
        let last = self.origins.len() - 1;
        self.origins.swap_remove(place);
        if place != last {
            self.ring.move_origin(as_place(last), as_place(place));
        }
    }

    /// The origins that positions name, and whether there are more.
    pub(super) fn listed(&self, own: Origin) -> (impl Iterator<Item = (Origin, u64)> + '_, bool) {
        // Where there was a log before, a number that it has never had says that the position is not one of its own.
        let is_marked = move |known: &Known| self.horizon.is_some() && known.numbers.origin == own;
        let is_named = move |known: &&Known| known.is_listed && (!known.numbers.is_empty() || is_marked(known));
        let count = self.origins.iter().filter(is_named).count();
        let left_out = count.saturating_sub(ORIGINS_MAX);
        // The relay's own stands first: whoever has that one can be judged here.
        let is_in = move |&(at, _): &(usize, &Known)| at == 0 || at > left_out;
        let named = self.origins.iter().filter(is_named).enumerate().filter(is_in).map(|(_, known)| known);
        let alone = (count == 0).then_some((own, 0));
        (named.map(|known| (known.numbers.origin, known.numbers.seen)).chain(alone), count > ORIGINS_MAX)
    }

    /// Appends the text of the position of now.
    pub(super) fn push_position(&self, out: &mut String, log: &Log, now: Now) {
        let (listed, is_partial) = self.listed(log.shared.own);
        position::push_text(out, now.minute, log.tag, listed, is_partial);
    }

    /// The position of now.
    pub(super) fn position(&self, log: &Log, now: Now) -> Position {
        let (listed, is_partial) = self.listed(log.shared.own);
        Position::of(now.minute, log.tag, listed, is_partial)
    }
}
