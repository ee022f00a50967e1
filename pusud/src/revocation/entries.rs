//! The entries of the table, found by whom they are about, by the number of their change, and by when they end.
//!
//! Whatever makes room looks at no more than it forgets, so a table that is full costs nobody anything.
//! **Invariant:** all indexes change together.

use super::clock::Now;
use super::entry::{Entry, NoRoom};
use super::whom::Whom;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most revocations at a time.
pub(crate) const REVOCATIONS_MAX: usize = 10_000;
/// Most lifts that are kept; past it the one that was made first is forgotten.
pub(super) const LIFTED_MAX: usize = 10_000;

/// The entries.
#[derive(Default)]
pub(super) struct Entries {
    by_whom: BTreeMap<Whom, Numbered>,
    by_number: BTreeMap<u64, Whom>,
    /// The numbers of those that are revoked, each with its end.
    revoked: HashMap<u64, u64>,
    /// Ends of revocations that have one, each with the number of the change.
    ends: BTreeSet<(u64, u64)>,
    /// When lifts were made, each with the number of the change.
    lifts: BTreeSet<(u64, u64)>,
    last: u64,
}

/// An entry and what is known about it here.
pub(super) struct Numbered {
    /// The number of the change.
    pub(super) number: u64,
    /// The link that it has come over, which need not be told.
    pub(super) from: Option<u64>,
    /// What names whom it is about in each `Standing`.
    key: u64,
    pub(super) entry: Entry,
}

impl Entries {
    /// What is known about `whom`.
    pub(super) fn get(&self, whom: &Whom) -> Option<&Entry> {
        self.by_whom.get(whom).map(|held| &held.entry)
    }

    /// All, by whom.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.by_whom.values().map(|held| &held.entry)
    }

    /// Those that have changed after the change `number`, in order.
    pub(super) fn after(&self, number: u64) -> impl Iterator<Item = &Numbered> {
        self.by_number.range(number + 1..).map(|(_, whom)| &self.by_whom[whom])
    }

    /// The number of the last change.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// How many revoke something, or have done so lately.
    pub(super) fn count(&self) -> usize {
        self.revoked.len()
    }

    /// Whether what `key` names is revoked.
    pub(super) fn revokes(&self, key: u64, now_ms: u64) -> bool {
        self.revoked.get(&key).is_some_and(|until| *until == 0 || *until > now_ms)
    }

    /// Whether there is room for one more, or would be without those that have ended.
    pub(super) fn has_room(&self, now_ms: u64) -> bool {
        self.held() < REVOCATIONS_MAX || self.ends.first().is_some_and(|(end, _)| *end <= now_ms)
    }

    /// Puts an entry in, about whom `key` names; `None`: it says nothing new.
    ///
    /// # Errors
    /// There is no room. An entry that has ended needs none: it is left out.
    pub(super) fn put(&mut self, entry: Entry, key: u64, from: Option<u64>, now: Now) -> Result<Option<u64>, NoRoom> {
        let is_more = match self.get(&entry.whom) {
            Some(known) if known.stamp >= entry.stamp => return Ok(None),
            Some(known) => known.is_lifted,
            // Where an earlier one is known it says something, however long ago it was made.
            None if entry.is_over(now) => return Ok(None),
            None => true,
        };
        if is_more && !entry.is_lifted && !self.make_room(now.steady_ms) {
            return if entry.holds(now.steady_ms) { Err(NoRoom) } else { Ok(None) };
        }
        self.remove(&entry.whom);
        self.last += 1;
        let number = self.last;
        self.by_number.insert(number, entry.whom.clone());
        if entry.is_lifted {
            self.lifts.insert((entry.stamp.time_ms, number));
        } else {
            self.revoked.insert(key, entry.until_ms);
            if entry.until_ms != 0 {
                self.ends.insert((entry.until_ms, number));
            }
        }
        self.by_whom.insert(entry.whom.clone(), Numbered { number, from, key, entry });
        if self.lifts.len() > LIFTED_MAX
            && let Some((_, oldest)) = self.lifts.first()
        {
            self.forget(*oldest);
        }
        Ok(Some(number))
    }

    fn held(&self) -> usize {
        self.by_whom.len() - self.lifts.len()
    }

    /// Sees to it that there is room for one more, for which those that have ended first are forgotten.
    fn make_room(&mut self, now_ms: u64) -> bool {
        while self.held() >= REVOCATIONS_MAX {
            match self.ends.first() {
                Some((end, number)) if *end <= now_ms => self.forget(*number),
                _ => return false,
            }
        }
        true
    }

    fn forget(&mut self, number: u64) {
        if let Some(whom) = self.by_number.get(&number).cloned() {
            self.remove(&whom);
        }
    }

    fn remove(&mut self, whom: &Whom) {
        let Some(Numbered { number, key, entry, .. }) = self.by_whom.remove(whom) else { return };
        self.by_number.remove(&number);
        if entry.is_lifted {
            self.lifts.remove(&(entry.stamp.time_ms, number));
        } else {
            self.revoked.remove(&key);
            self.ends.remove(&(entry.until_ms, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Stamp;
    use super::*;

    /// Later than everything in these tests is kept for.
    const DAY_MS: u64 = 24 * 3600 * 1000;

    fn entry(name: &str, time_ms: u64, until_ms: u64) -> Entry {
        Entry { whom: whom(name), stamp: Stamp { time_ms, writer: 1 }, until_ms, is_lifted: false }
    }

    fn whom(name: &str) -> Whom {
        Whom::Subject(name.into())
    }

    /// The number of the one that is put in: all keys differ.
    fn put(entries: &mut Entries, entry: Entry, now_ms: u64) -> Result<Option<u64>, NoRoom> {
        let key = entries.last() + 1;
        entries.put(entry, key, None, Now { steady_ms: now_ms, wall_ms: now_ms })
    }

    fn full(until_ms: impl Fn(usize) -> u64) -> Entries {
        let mut entries = Entries::default();
        for at in 0..REVOCATIONS_MAX {
            put(&mut entries, entry(&at.to_string(), 1, until_ms(at)), 1).unwrap();
        }
        entries
    }

    /// Nothing is looked through: what has ended first makes room, and nothing more is forgotten than has to be.
    #[test]
    fn room_is_made_by_what_has_ended_first_and_by_no_more() {
        let mut entries = full(|at| if at < 3 { 10 - at as u64 } else { 0 });
        assert!(!entries.has_room(7));
        assert_eq!(put(&mut entries, entry("new", 2, 0), 7), Err(NoRoom));
        assert!(entries.has_room(8));
        for (name, forgotten, left) in [("new", "2", 2), ("newer", "1", 1), ("newest", "0", 0)] {
            assert!(put(&mut entries, entry(name, 2, 0), 10).unwrap().is_some());
            assert!(entries.get(&whom(forgotten)).is_none());
            assert_eq!(entries.ends.len(), left);
        }
        assert_eq!((entries.held(), put(&mut entries, entry("one more", 2, 0), 10)), (REVOCATIONS_MAX, Err(NoRoom)));
    }

    #[test]
    fn what_has_ended_needs_no_room() {
        let mut entries = full(|_| 0);
        assert_eq!(put(&mut entries, entry("ended", 2, 5), 6), Ok(None));
        let lift = Entry { is_lifted: true, ..entry("lifted", 2, 0) };
        assert!(put(&mut entries, lift, 6).unwrap().is_some(), "nor does a lift");
    }

    #[test]
    fn past_the_bound_the_lift_that_was_made_first_is_forgotten() {
        let mut entries = Entries::default();
        let lift = |at: usize| Entry { is_lifted: true, ..entry(&at.to_string(), 2 + at as u64, 0) };
        for at in (0..=LIFTED_MAX).rev() {
            put(&mut entries, lift(at), 1).unwrap();
        }
        assert!(entries.get(&whom("0")).is_none() && entries.get(&whom("1")).is_some());
        assert_eq!(entries.lifts.len(), LIFTED_MAX);
    }

    /// A relay whose clock is months ahead takes it for over.
    #[test]
    fn a_lift_holds_however_long_ago_it_was_made() {
        let mut entries = Entries::default();
        put(&mut entries, entry("alice", 1, 0), 1).unwrap();
        let lift = |name| Entry { is_lifted: true, ..entry(name, 2, 0) };
        assert!(put(&mut entries, lift("alice"), 90 * DAY_MS).unwrap().is_some());
        assert_eq!((entries.count(), put(&mut entries, lift("bob"), 90 * DAY_MS)), (0, Ok(None)));
    }
}
