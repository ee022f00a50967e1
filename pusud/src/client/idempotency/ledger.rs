//! The ledger: the publications that are on their way or remembered, by their digests. Without clock and lock.
//!
//! There is no timer. What has expired is taken for forgotten at once, and leaves when others come.
//! **Invariant:** every step takes the same time however many there are, and nobody on his way loses his place.

use super::IDEMPOTENCY_TIME_MAX;
use super::chain::{Chain, Links, Which};
use super::digest::Digest;
use super::table::{Key, Table};
use std::time::Instant;

/// Bytes for each place: its own, and one for a subject that may have no other.
pub(super) const PLACE_BYTES: usize = Table::<Place>::PLACE_BYTES + Table::<Subject>::PLACE_BYTES;
/// How many leave at most when one comes: more than come, so that they become fewer, and few, so that nobody waits for a
/// thousand.
const LEAVING_MAX: usize = 4;

/// One publication.
#[derive(Clone, Copy)]
pub(super) struct Place {
    content: Digest,
    subject: Key,
    /// Until when it is remembered; `None`: it is on its way, and in no chain.
    until: Option<Instant>,
    pub(super) links: [Links; 2],
}

/// Somebody with places.
#[derive(Clone, Copy, Default)]
struct Subject {
    /// How many, at least one.
    places: u32,
    /// Those of them that were accepted.
    accepted: Chain,
}

/// What is known of a publication.
pub(super) enum Seen {
    /// Nothing. It is on its way now, with this place unless all are taken.
    Never(Option<Key>),
    /// It is on its way.
    InFlight,
    /// It was accepted, with this content.
    Accepted(Digest),
}

/// The ledger.
pub(super) struct Ledger {
    places: Table<Place>,
    subjects: Table<Subject>,
    /// Those of all that were accepted.
    accepted: Chain,
    /// Most places of all, and of one subject.
    max: usize,
    own_max: usize,
}

impl Ledger {
    /// An empty one with so many places in all, a power of two, and for one subject.
    pub(super) fn new(max: usize, own_max: usize) -> Self {
        let (places, subjects) = (Table::new(max), Table::new(max));
        Self { places, subjects, accepted: Chain::default(), max, own_max }
    }

    /// A publication begins.
    pub(super) fn begin(&mut self, id: Digest, subject: Digest, content: Digest, now: Instant) -> Seen {
        self.forget_expired(now);
        if let Some(key) = self.places.find(&id) {
            let place = &self.places[key];
            match place.until {
                None => return Seen::InFlight,
                Some(until) if now < until => return Seen::Accepted(place.content),
                // Its turn to leave has not come yet.
                Some(_) => self.forget(key),
            }
        }
        if !self.make_room(&subject) {
            return Seen::Never(None);
        }
        let subject = self.subjects.find(&subject).unwrap_or_else(|| self.subjects.insert(subject, Subject::default()));
        self.subjects[subject].places += 1;
        Seen::Never(Some(self.places.insert(id, Place { content, subject, until: None, links: Default::default() })))
    }

    /// What was on its way is remembered from now on.
    pub(super) fn accept(&mut self, key: Key, now: Instant) {
        let place = &mut self.places[key];
        place.until = Some(now + IDEMPOTENCY_TIME_MAX);
        let subject = place.subject;
        self.accepted.push(&mut self.places, Which::All, key);
        self.subjects[subject].accepted.push(&mut self.places, Which::Own, key);
    }

    /// It is not known any more.
    pub(super) fn forget(&mut self, key: Key) {
        let Place { subject, until, .. } = self.places[key];
        let owner = &mut self.subjects[subject];
        if until.is_some() {
            self.accepted.remove(&mut self.places, Which::All, key);
            owner.accepted.remove(&mut self.places, Which::Own, key);
        }
        self.places.remove(key);
        owner.places -= 1;
        if owner.places == 0 {
            self.subjects.remove(subject);
        }
    }

    /// Some whose time is up leave.
    fn forget_expired(&mut self, now: Instant) {
        for _ in 0..LEAVING_MAX {
            let Some(key) = self.accepted.oldest() else { return };
            if self.places[key].until.is_some_and(|until| now < until) {
                return;
            }
            self.forget(key);
        }
    }

    /// The oldest leaves, where there is no place for one more of this subject. False: there is still none.
    fn make_room(&mut self, subject: &Digest) -> bool {
        let own = self.subjects.find(subject).map(|key| self.subjects[key]).unwrap_or_default();
        let oldest = if own.places as usize >= self.own_max {
            own.accepted.oldest()
        } else if self.places.len() >= self.max {
            self.accepted.oldest()
        } else {
            return true;
        };
        oldest.inspect(|&key| self.forget(key)).is_some()
    }

    /// Bytes that it takes now.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.places.bytes() + self.subjects.bytes()
    }
}
