//! The table of revocations: one for the whole relay. Each change has a number, by which links know what they have told.
//!
//! Of two changes about the same one the later holds, wherever they were made. A lift is kept as long as a relay that was
//! away may bring the revocation back.
//! **Invariant:** a change is in the table before anybody is told of it.

use super::clock::Clock;
use super::entries::Entries;
use super::entry::{Change, Entry, NoRoom, Stamp};
use super::hashing::{HashKeys, Hashes};
use super::standing::Standing;
use super::whom::Whom;
use rand::Rng as _;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

type OnChange = Box<dyn Fn(Change) + Send + Sync>;

/// The table.
pub struct Revocations {
    keys: HashKeys,
    clock: Clock,
    hasher: RandomState,
    writer: u64,
    /// Goes up with each change.
    version: AtomicU64,
    /// How many there are; nobody looks any further while there are none.
    count: AtomicUsize,
    table: Mutex<Entries>,
    on_change: OnceLock<OnChange>,
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new(HashKeys::own(HashKeys::generate()))
    }
}

impl Revocations {
    /// None yet. Authorizations are hashed with `keys`.
    pub fn new(keys: HashKeys) -> Self {
        Self::by_clock(keys, Clock::of_system())
    }

    fn by_clock(keys: HashKeys, clock: Clock) -> Self {
        Self {
            keys,
            clock,
            hasher: RandomState::new(),
            writer: rand::rng().next_u64(),
            version: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            table: Mutex::default(),
            on_change: OnceLock::new(),
        }
    }

    /// Has `tell` told of every change from here on, once it is in the table. Only the first call counts.
    pub fn on_change(&self, tell: impl Fn(Change) + Send + Sync + 'static) {
        // Whoever starts the relay calls it, once.
        let _ = self.on_change.set(Box::new(tell));
    }

    /// The hashes of an authorization, of which the first one is shown.
    pub fn hashes(&self, authorization: &[u8]) -> Hashes {
        self.keys.hashes(authorization)
    }

    /// Whether other relays know what an entry about `whom` means: hashes under a key of this relay's own they do not.
    pub fn is_for_others(&self, whom: &Whom) -> bool {
        match whom {
            Whom::Subject(_) => true,
            Whom::AuthorizationHash(hash) => self.keys.is_shared(hash),
        }
    }

    /// Whether nobody can tell any more what an entry about `whom` stands for: it is a hash under a key that is not there.
    pub fn is_void(&self, whom: &Whom) -> bool {
        matches!(whom, Whom::AuthorizationHash(hash) if !self.keys.knows(hash))
    }

    /// Whether this is the hash of an empty authorization.
    pub fn is_of_nothing(&self, whom: &Whom) -> bool {
        matches!(whom, Whom::AuthorizationHash(hash) if self.hashes(b"").contains(&Some(*hash)))
    }

    /// Whose an authorization with these hashes is; an empty subject is none.
    pub fn standing(&self, subject: &str, hashes: &Hashes) -> Standing {
        let subject = Some(subject).filter(|subject| !subject.is_empty()).map(|subject| self.subject_key(subject));
        subject.into_iter().chain(hashes.iter().flatten().map(|hash| hash.key())).collect()
    }

    /// The number that names a subject in each [`Standing`] of this process.
    pub fn subject_key(&self, subject: &str) -> u64 {
        self.hasher.hash_one(subject).max(1)
    }

    fn key(&self, whom: &Whom) -> u64 {
        match whom {
            Whom::Subject(subject) => self.subject_key(subject),
            Whom::AuthorizationHash(hash) => hash.key(),
        }
    }

    /// Whether this is revoked.
    pub fn revokes(&self, standing: &Standing) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let (table, now) = (self.lock(), self.now_ms());
        standing.numbers().any(|key| table.revokes(key, now))
    }

    /// How many changes there have been: what was not revoked is not so as long as this stays.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What the clock says that revocations end by, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.clock.now().steady_ms
    }

    /// Revokes, `lasting` so long or until it is lifted. Gives the number of the change, and the entry as people see it.
    /// `count` is told how many clients that is about, once they are being looked at.
    ///
    /// # Errors
    /// There is no room; nothing has changed.
    pub fn revoke(
        &self,
        whom: Whom,
        lasting: Option<Duration>,
        count: impl FnOnce(u64) + Send + 'static,
    ) -> Result<(u64, Entry), NoRoom> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let until_ms = lasting.map_or(0, |lasting| self.now_ms().saturating_add(milliseconds(lasting)));
        let (changed, entry) = {
            let table = &mut *self.lock();
            let entry = Entry { stamp: self.stamp(table, &whom), whom, until_ms, is_lifted: false };
            (self.put(table, entry.clone(), None)?.unwrap_or(table.last()), entry)
        };
        self.tell(&[&entry], count);
        Ok((changed, entry.shown(self.clock.now())))
    }

    /// Lifts a revocation. Gives the number of the change, or `None` where there is nothing to lift.
    pub fn lift(&self, whom: &Whom) -> Option<u64> {
        let (number, entry) = {
            let table = &mut *self.lock();
            let held = table.get(whom).filter(|held| held.holds(self.now_ms()))?;
            let until_ms = held.until_ms;
            let entry = Entry { whom: whom.clone(), stamp: self.stamp(table, whom), until_ms, is_lifted: true };
            // A lift takes the place of a revocation, for which there was room.
            (self.put(table, entry.clone(), None).ok()??, entry)
        };
        self.tell(&[&entry], drop);
        Some(number)
    }

    /// Takes in what the file had.
    ///
    /// # Errors
    /// There was no room for some.
    pub fn restore(&self, entries: Vec<Entry>) -> Result<(), NoRoom> {
        let now = self.clock.now();
        let entries = entries.into_iter().map(|entry| entry.by_clock(now.steady_ms, now.wall_ms));
        self.take(entries.collect(), None, drop)
    }

    /// Takes in what another relay has told over the link `from`, with ends by the clock of this table ([`Self::now_ms`]).
    /// Each that is later than what is known takes its place. `count` is told how many clients that is about, once they are being looked at.
    ///
    /// # Errors
    /// There was no room for some.
    pub fn take(
        &self,
        entries: Vec<Entry>,
        from: Option<u64>,
        count: impl FnOnce(u64) + Send + 'static,
    ) -> Result<(), NoRoom> {
        let mut taken = Vec::new();
        let mut result = Ok(());
        {
            let table = &mut *self.lock();
            for entry in &entries {
                match self.put(table, entry.clone(), from) {
                    Ok(Some(_)) => taken.push(entry),
                    Ok(None) => {}
                    Err(no_room) => result = Err(no_room),
                }
            }
        }
        self.tell(&taken, count);
        result
    }

    /// Whether there is room for one more.
    pub fn has_room(&self) -> bool {
        self.lock().has_room(self.now_ms())
    }

    /// How many hold.
    pub fn count(&self) -> usize {
        let (table, now) = (self.lock(), self.clock.now());
        table.all().filter(|entry| entry.holds(now.steady_ms)).count()
    }

    /// All that hold, by whom, as people see them: with ends by the system's clock.
    pub fn list(&self) -> Vec<Entry> {
        let (table, now) = (self.lock(), self.clock.now());
        table.all().filter(|entry| entry.holds(now.steady_ms)).map(|entry| entry.clone().shown(now)).collect()
    }

    /// All that is to be kept over a restart, lifts as well, with ends by the system's clock.
    pub fn all(&self) -> Vec<Entry> {
        let (table, now) = (self.lock(), self.clock.now());
        table.all().filter(|entry| !entry.is_over(now)).map(|entry| entry.clone().shown(now)).collect()
    }

    /// The number of the last change.
    pub fn last(&self) -> u64 {
        self.lock().last()
    }

    /// What has changed after the change `number`, in order, but for what has come over the link `to`: until `is_full`, which
    /// is given the number of a change that was made here as well. Gives the number of the last change that was looked at.
    pub fn after(
        &self,
        number: u64,
        to: u64,
        mut is_full: impl FnMut(&Entry, Option<u64>) -> bool,
    ) -> (Vec<Entry>, u64) {
        let (table, now) = (self.lock(), self.clock.now());
        let (mut entries, mut last) = (Vec::new(), number);
        for held in table.after(number) {
            if held.from != Some(to) && !held.entry.is_over(now) && self.is_for_others(&held.entry.whom) {
                if is_full(&held.entry, held.from.is_none().then_some(held.number)) {
                    return (entries, last);
                }
                entries.push(held.entry.clone());
            }
            last = held.number;
        }
        (entries, table.last().max(last))
    }

    /// A stamp that is later than that of what is known about `whom`, also where another relay's clock is ahead.
    fn stamp(&self, table: &Entries, whom: &Whom) -> Stamp {
        let known = table.get(whom).map_or(0, |known| known.stamp.time_ms);
        Stamp { time_ms: self.clock.now().wall_ms.max(known.saturating_add(1)), writer: self.writer }
    }

    /// Puts an entry in; `None`: it says nothing new.
    fn put(&self, table: &mut Entries, entry: Entry, from: Option<u64>) -> Result<Option<u64>, NoRoom> {
        let key = self.key(&entry.whom);
        let changed = table.put(entry, key, from, self.clock.now())?;
        if changed.is_some() {
            self.count.store(table.count(), Ordering::Release);
            self.version.fetch_add(1, Ordering::AcqRel);
        }
        Ok(changed)
    }

    fn tell(&self, entries: &[&Entry], count: impl FnOnce(u64) + Send + 'static) {
        let revoked: Vec<u64> =
            entries.iter().filter(|entry| !entry.is_lifted).map(|entry| self.key(&entry.whom)).collect();
        match self.on_change.get() {
            Some(tell) if !entries.is_empty() => tell(Change { revoked: revoked.into(), count: Box::new(count) }),
            _ => count(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // No change is left half made, so a panic elsewhere does not make it unusable.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
