//! The store of idempotency keys: publications over HTTP that were accepted, or are on their way, so that a repetition is
//! known. One for the whole relay, since a client may repeat a request on any connection.
//!
//! It keeps keyed hashes, and neither keys nor content. It is bounded in number and time, and publishes nothing itself.
//! **Invariant:** of two that begin with the same scope and content one is new at the most, as long as the other is on its
//! way or remembered.

mod chain;
mod digest;
mod ledger;
mod table;
#[cfg(test)]
mod tests;

use anyhow::Context as _;
use digest::{Digester, Kind};
use ledger::{Ledger, Seen};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use table::Key;

/// How long a publication is remembered after it was accepted.
const IDEMPOTENCY_TIME_MAX: Duration = Duration::from_secs(5 * 60);
/// Most publications that are remembered or on their way. Past it the oldest that was accepted is forgotten.
const IDEMPOTENCY_KEYS_MAX: usize = 65_536;
/// One subject has this part of the places at the most, so that no subject pushes out what all others have.
const SUBJECT_SHARE: usize = 8;

/// Bytes that the store takes at the most. They are taken at once when the first key comes, and nothing before that.
pub fn idempotency_bytes_max() -> usize {
    IDEMPOTENCY_KEYS_MAX * ledger::PLACE_BYTES
}

/// What makes two publications the same: all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope<'a> {
    /// The key of the request.
    pub key: &'a [u8],
    /// Where it publishes to.
    pub channel: &'a str,
    /// Who publishes: the name that the authenticator gave, or what stands for one where it gave none.
    pub subject: &'a str,
    /// The number of the publication among those to this channel in the request, from 0.
    pub ordinal: usize,
}

/// What is known of a publication that begins.
pub enum Begun {
    /// Nothing: it may be published.
    New(Reservation),
    /// It was accepted before, with the same content.
    Replayed,
    /// The same one is on its way, whatever its content: what becomes of it is not known yet.
    InFlight,
    /// One with another content was accepted before.
    OtherContent,
}

/// The store.
pub struct IdempotencyKeys {
    digester: Digester,
    ledger: Mutex<Ledger>,
}

impl IdempotencyKeys {
    /// An empty store.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new() -> anyhow::Result<Self> {
        Self::with_places(IDEMPOTENCY_KEYS_MAX)
    }

    fn with_places(places: usize) -> anyhow::Result<Self> {
        let digester = Digester::new().context("the system has no random numbers")?;
        let ledger = Ledger::new(places, (places / SUBJECT_SHARE).max(1));
        Ok(Self { digester, ledger: Mutex::new(ledger) })
    }

    /// A publication begins. All of `content` is hashed, on this thread.
    pub fn begin(self: &Arc<Self>, scope: Scope<'_>, content: &str, now: Instant) -> Begun {
        let Scope { key, channel, subject, ordinal } = scope;
        let ordinal = (ordinal as u64).to_be_bytes();
        let parts = [key, channel.as_bytes(), subject.as_bytes(), &ordinal];
        let id = self.digester.digest(Kind::Scope, &parts);
        let subject = self.digester.digest(Kind::Subject, &[subject.as_bytes()]);
        let content = self.digester.digest(Kind::Content, &[content.as_bytes()]);
        match self.lock().begin(id, subject, content, now) {
            Seen::Never(place) => Begun::New(Reservation { keys: self.clone(), place }),
            Seen::InFlight => Begun::InFlight,
            Seen::Accepted(accepted) if accepted == content => Begun::Replayed,
            Seen::Accepted(_) => Begun::OtherContent,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A publication on its way. Dropping it forgets the publication, so that it may be tried again.
pub struct Reservation {
    keys: Arc<IdempotencyKeys>,
    /// `None`: all places that it might have are of others on their way, and it is not known to repetitions.
    place: Option<Key>,
}

impl Reservation {
    /// The publication was accepted: it is remembered from now on.
    pub fn accept(mut self, now: Instant) {
        if let Some(place) = self.place.take() {
            self.keys.lock().accept(place, now);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.keys.lock().forget(place);
        }
    }
}
