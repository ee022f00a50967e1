//! The table of revocations: one for the whole relay. Each change has a number, by which links know what they have told.
//!
//! Of two changes about the same one the later holds, wherever they were made. A lift is kept as long as a relay that was
//! away may bring the revocation back.
//! **Invariant:** a change is in the table before anybody is told of it.

use super::entry::{Change, Entry, NoRoom, Stamp};
use super::hashing::{HashKeys, Hashes};
use super::standing::Standing;
use super::whom::Whom;
use rand::Rng as _;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Most revocations at a time.
pub(super) const REVOCATIONS_MAX: usize = 10_000;
/// Most lifts that are kept; past it the oldest is forgotten.
pub(super) const LIFTED_MAX: usize = 10_000;
type OnChange = Box<dyn Fn(Change) + Send + Sync>;

/// The table.
pub struct Revocations {
    keys: HashKeys,
    hasher: RandomState,
    writer: u64,
    /// Goes up with each change.
    version: AtomicU64,
    /// How many there are; nobody looks any further while there are none.
    count: AtomicUsize,
    table: Mutex<Table>,
    on_change: OnceLock<OnChange>,
}

#[derive(Default)]
struct Table {
    entries: BTreeMap<Whom, Numbered>,
    by_number: BTreeMap<u64, Whom>,
    /// The numbers of those that are revoked, each with its end.
    revoked: HashMap<u64, u64>,
    lifted: usize,
    last: u64,
}

struct Numbered {
    number: u64,
    /// The link that it has come over, which need not be told.
    from: Option<u64>,
    entry: Entry,
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new(HashKeys::own(HashKeys::generate()))
    }
}

impl Revocations {
    /// None yet. Authorizations are hashed with `keys`.
    pub fn new(keys: HashKeys) -> Self {
        Self {
            keys,
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
        self.keys.are_shared() || matches!(whom, Whom::Subject(_))
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
        let (table, now) = (self.lock(), now_ms());
        let is_revoked = |key| table.revoked.get(&key).is_some_and(|until| *until == 0 || *until > now);
        standing.numbers().any(is_revoked)
    }

    /// How many changes there have been: what was not revoked is not so as long as this stays.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Revokes, `lasting` so long or until it is lifted. Gives the number of the change.
    ///
    /// # Errors
    /// There is no room; nothing has changed.
    pub fn revoke(&self, whom: Whom, lasting: Option<Duration>) -> Result<(u64, Entry), NoRoom> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let until_ms = lasting.map_or(0, |lasting| now_ms().saturating_add(milliseconds(lasting)));
        let (changed, entry) = {
            let table = &mut *self.lock();
            let entry = Entry { stamp: self.stamp(table, &whom), whom, until_ms, is_lifted: false };
            (self.put(table, entry.clone(), None)?.unwrap_or(table.last), entry)
        };
        self.tell(&entry);
        Ok((changed, entry))
    }

    /// Lifts a revocation. Gives the number of the change, or `None` where there is nothing to lift.
    pub fn lift(&self, whom: &Whom) -> Option<u64> {
        let (number, entry) = {
            let table = &mut *self.lock();
            let held = table.entries.get(whom).filter(|held| held.entry.holds(now_ms()))?;
            let until_ms = held.entry.until_ms;
            let entry = Entry { whom: whom.clone(), stamp: self.stamp(table, whom), until_ms, is_lifted: true };
            // A lift takes the place of a revocation, for which there was room.
            (self.put(table, entry.clone(), None).ok()??, entry)
        };
        self.tell(&entry);
        Some(number)
    }

    /// Takes in what another relay has told over the link `from`, or what a file had. Each that is later than what is
    /// known takes its place.
    ///
    /// # Errors
    /// There was no room for some.
    pub fn take(&self, entries: Vec<Entry>, from: Option<u64>) -> Result<(), NoRoom> {
        let mut taken = Vec::new();
        let mut result = Ok(());
        {
            let table = &mut *self.lock();
            for entry in entries {
                match self.put(table, entry.clone(), from) {
                    Ok(Some(_)) => taken.push(entry),
                    Ok(None) => {}
                    Err(no_room) => result = Err(no_room),
                }
            }
        }
        taken.iter().for_each(|entry| self.tell(entry));
        result
    }

    /// All that hold, by whom.
    pub fn list(&self) -> Vec<Entry> {
        let (table, now) = (self.lock(), now_ms());
        table.entries.values().map(|held| &held.entry).filter(|entry| entry.holds(now)).cloned().collect()
    }

    /// All that is to be kept over a restart, lifts as well.
    pub fn all(&self) -> Vec<Entry> {
        let (table, now) = (self.lock(), now_ms());
        table.entries.values().map(|held| &held.entry).filter(|entry| !entry.is_over(now)).cloned().collect()
    }

    /// The number of the last change.
    pub fn last(&self) -> u64 {
        self.lock().last
    }

    /// What has changed after the change `number`, in order, but for what has come over the link `to`: until `is_full`.
    /// Gives the number of the last change that was looked at.
    pub fn after(&self, number: u64, to: u64, mut is_full: impl FnMut(&Entry) -> bool) -> (Vec<Entry>, u64) {
        let (table, now) = (self.lock(), now_ms());
        let (mut entries, mut last) = (Vec::new(), number);
        for (number, whom) in table.by_number.range(number + 1..) {
            let held = &table.entries[whom];
            if held.from != Some(to) && !held.entry.is_over(now) && self.is_for_others(whom) {
                if is_full(&held.entry) {
                    return (entries, last);
                }
                entries.push(held.entry.clone());
            }
            last = *number;
        }
        (entries, table.last.max(last))
    }

    /// A stamp that is later than that of what is known about `whom`, also where another relay's clock is ahead.
    fn stamp(&self, table: &Table, whom: &Whom) -> Stamp {
        let known = table.entries.get(whom).map_or(0, |held| held.entry.stamp.time_ms);
        Stamp { time_ms: now_ms().max(known.saturating_add(1)), writer: self.writer }
    }

    /// Puts an entry in; `None`: it says nothing new.
    fn put(&self, table: &mut Table, entry: Entry, from: Option<u64>) -> Result<Option<u64>, NoRoom> {
        let now = now_ms();
        let known = table.entries.get(&entry.whom);
        if entry.is_over(now) || known.is_some_and(|known| known.entry.stamp >= entry.stamp) {
            return Ok(None);
        }
        let is_new = known.is_none_or(|known| known.entry.is_lifted);
        if !entry.is_lifted && is_new && table.entries.len() - table.lifted >= REVOCATIONS_MAX {
            self.tidy(table, now);
            if table.entries.len() - table.lifted >= REVOCATIONS_MAX {
                return Err(NoRoom);
            }
        }
        self.remove(table, &entry.whom.clone());
        table.last += 1;
        let number = table.last;
        table.by_number.insert(number, entry.whom.clone());
        if entry.is_lifted {
            table.lifted += 1;
        } else {
            table.revoked.insert(self.key(&entry.whom), entry.until_ms);
        }
        table.entries.insert(entry.whom.clone(), Numbered { number, from, entry });
        if table.lifted > LIFTED_MAX {
            self.forget_a_lift(table, now);
        }
        self.count.store(table.revoked.len(), Ordering::Release);
        self.version.fetch_add(1, Ordering::AcqRel);
        Ok(Some(number))
    }

    fn remove(&self, table: &mut Table, whom: &Whom) {
        let Some(held) = table.entries.remove(whom) else { return };
        table.by_number.remove(&held.number);
        if held.entry.is_lifted {
            table.lifted -= 1;
        } else {
            table.revoked.remove(&self.key(whom));
        }
    }

    /// Forgets what is over, and revocations that have ended.
    fn tidy(&self, table: &mut Table, now: u64) {
        let is_over = |held: &Numbered| held.entry.is_over(now) || !(held.entry.is_lifted || held.entry.holds(now));
        let over: Vec<Whom> =
            table.entries.values().filter(|held| is_over(held)).map(|held| held.entry.whom.clone()).collect();
        over.iter().for_each(|whom| self.remove(table, whom));
    }

    fn forget_a_lift(&self, table: &mut Table, now: u64) {
        self.tidy(table, now);
        let oldest = table.by_number.values().find(|whom| table.entries[*whom].entry.is_lifted).cloned();
        if let Some(oldest) = oldest.filter(|_| table.lifted > LIFTED_MAX) {
            self.remove(table, &oldest);
        }
    }

    fn tell(&self, entry: &Entry) {
        if let Some(tell) = self.on_change.get() {
            tell(Change { revoked: (!entry.is_lifted).then(|| self.key(&entry.whom)) });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // No change is left half made, so a panic elsewhere does not make it unusable.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
