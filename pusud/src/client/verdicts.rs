//! Verdicts that are remembered for requests over HTTP, each of which brings its authorization anew: one table for the
//! whole relay, so that an authenticator that works hard or asks far away is not asked at every request.
//!
//! Who asks the same is known by a keyed hash of all that the authenticator is told; the authorization itself is not kept.
//! Whoever asks while the same question is being decided waits for that answer.
//! **Invariant:** nothing is remembered past its end, past a minute, past a swap of the authenticator, or
//! once the plugin or the operator wants it to end.

mod remembered;

pub(super) use remembered::Remembered;

use super::uptime::Uptime;
use crate::authenticator::{Grant, Request};
use crate::client::authorizations::Moment;
use crate::revocation::Revocations;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use sha2::Sha256;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use zeroize::Zeroizing;

/// How often it is looked for what has ended.
const TIDY_INTERVAL: Duration = Duration::from_secs(1);
/// What all that is remembered may take, in bytes; past it the oldest is forgotten.
const REMEMBERED_BYTES_MAX: usize = 8 << 20;

/// The bytes of all that is remembered.
pub fn verdicts_bytes_max() -> usize {
    REMEMBERED_BYTES_MAX
}

/// A question, as what tells it from all others.
pub(super) type Key = [u8; 32];

/// The end of a question.
#[derive(Clone)]
pub(super) enum Outcome {
    /// It grants this.
    Granted(Arc<Remembered>),
    /// It was understood and is not good, for this reason.
    Refused(Arc<str>),
    /// It could not be decided.
    Unavailable,
}

/// The answer to who asks.
pub(super) enum Found {
    /// This is remembered.
    Remembered(Arc<Remembered>),
    /// Another one has asked the same: its outcome, or `None` as long as there is none. The sender goes where it gives up.
    Asked(watch::Receiver<Option<Outcome>>),
    /// Nobody has: the question is to be asked, and its outcome given here.
    Unknown(Question),
}

/// A question that is being asked. Dropping it gives it up.
pub(super) struct Question {
    verdicts: Arc<Verdicts>,
    key: Key,
    outcome: watch::Sender<Option<Outcome>>,
}

/// The table.
pub struct Verdicts {
    /// Has taken a key that is made at the start, and nothing else.
    keyed: Hmac<Sha256>,
    revocations: Arc<Revocations>,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    /// With their places in the other table.
    remembered: HashMap<Key, (u64, Arc<Remembered>)>,
    by_age: BTreeMap<u64, Key>,
    last: u64,
    bytes: usize,
    tidied: Option<Uptime>,
    asked: HashMap<Key, watch::Receiver<Option<Outcome>>>,
}

impl Verdicts {
    /// None yet. What `revocations` say is heeded.
    pub fn new(revocations: Arc<Revocations>) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(&mut *secret);
        let keyed = Hmac::new_from_slice(&*secret).expect("HMAC takes keys of any length");
        Self { keyed, revocations, tables: Mutex::default() }
    }

    /// The key of a question; `peer` stands for the address in it, which has a port that changes.
    pub(super) fn key(&self, request: &Request, peer: &str) -> Key {
        let mut mac = self.keyed.clone();
        let mut add = |field: &[u8]| {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        };
        add(request.authorization.expose());
        add(peer.as_bytes());
        add(&[u8::from(request.encrypted)]);
        for (name, value) in &request.attributes {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// What is known of a question, under the current `generation` of the authenticator.
    pub(super) fn find(self: &Arc<Self>, key: Key, generation: u32) -> Found {
        let tables = &mut *self.tables();
        if let Some((_, remembered)) = tables.remembered.get(&key) {
            if remembered.holds(generation) {
                return Found::Remembered(remembered.clone());
            }
            tables.forget(&key);
        }
        if let Some(asked) = tables.asked.get(&key)
            && (asked.has_changed().is_ok() || asked.borrow().is_some())
        {
            return Found::Asked(asked.clone());
        }
        let (outcome, asked) = watch::channel(None);
        tables.asked.insert(key, asked);
        Found::Unknown(Question { verdicts: self.clone(), key, outcome })
    }

    /// Forgets what has ended, for ever: so grants end in time. Each shard runs this, and one of them does it.
    pub(super) async fn run_tidying(&self, generation: impl Fn() -> u32) {
        loop {
            sleep(TIDY_INTERVAL).await;
            self.tidy(generation(), Uptime::now());
        }
    }

    fn tidy(&self, generation: u32, now: Uptime) {
        let tables = &mut *self.tables();
        if tables.tidied.is_some_and(|tidied| now.saturating_since(tidied) < TIDY_INTERVAL / 2) {
            return;
        }
        tables.tidied = Some(now);
        let has_ended = |one: &Remembered| !one.holds(generation);
        let ended: Vec<Key> =
            tables.remembered.iter().filter(|(_, (_, one))| has_ended(one)).map(|(key, _)| *key).collect();
        ended.iter().for_each(|key| tables.forget(key));
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().expect("nothing panics while it holds the tables")
    }
}

impl Tables {
    fn remember(&mut self, key: Key, remembered: Arc<Remembered>) {
        self.forget(&key);
        self.last += 1;
        self.bytes += remembered.bytes();
        self.remembered.insert(key, (self.last, remembered));
        self.by_age.insert(self.last, key);
        while self.bytes > REMEMBERED_BYTES_MAX {
            let Some((_, oldest)) = self.by_age.pop_first() else { return };
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some((place, remembered)) = self.remembered.remove(key) {
            self.bytes -= remembered.bytes();
            self.by_age.remove(&place);
        }
    }
}

impl Question {
    /// Something was granted, and is remembered from here on.
    pub(super) fn grant(self, grant: Grant, now: Moment) -> Arc<Remembered> {
        let remembered = Arc::new(Remembered::new(grant, &self.key, now, self.verdicts.revocations.clone()));
        self.verdicts.tables().remember(self.key, remembered.clone());
        self.outcome.send_replace(Some(Outcome::Granted(remembered.clone())));
        remembered
    }

    /// Nothing was granted: whoever waits is told, and who comes later asks again.
    pub(super) fn fail(self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.verdicts.tables().asked.remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
