//! Verdicts that are remembered for requests over HTTP, each of which brings its authorization anew: one table for the
//! whole relay, so that an authenticator that works hard or asks far away is not asked at every request.
//!
//! Who asks the same is known by a keyed hash of all that the authenticator is told; the authorization itself is not kept.
//! Whoever asks while the same question is being decided waits for that answer.
//! **Invariant:** nothing is remembered past its end, past [`REMEMBERED_TIME_MAX`], past a swap of the authenticator, or
//! once the plugin wants it to end.

use super::uptime::Uptime;
use crate::authenticator::{Grant, GrantEnd, HeldGrant, Mail, Mailbox, Request};
use crate::client::authorizations::Moment;
use crate::protocol::{Access, Permission};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use sha2::Sha256;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long a verdict is remembered at most.
pub(super) const REMEMBERED_TIME_MAX: Duration = Duration::from_secs(60);
/// How often it is looked for what has ended.
const TIDY_INTERVAL: Duration = Duration::from_secs(1);
/// What all that is remembered may take, in bytes; past it the oldest is forgotten.
const REMEMBERED_BYTES_MAX: usize = 8 << 20;
/// What one verdict takes beside its permissions and texts, in both tables.
const VERDICT_BYTES: usize = 512;

/// The bytes of all that is remembered.
pub fn verdicts_bytes_max() -> usize {
    REMEMBERED_BYTES_MAX
}

/// A question, as what tells it from all others.
pub(super) type Key = [u8; 32];

/// A verdict that grants something.
pub(super) struct Remembered {
    permissions: Box<[Permission]>,
    /// Who this is: the subject, or where the plugin names none the question itself.
    pub(super) identity: Box<str>,
    generation: u32,
    ends: Uptime,
    mailbox: Option<Arc<Mailbox>>,
    /// It ends when nobody remembers it any more.
    held: Option<HeldGrant>,
    /// The plugin's own end of it.
    expires: Option<Uptime>,
}

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
    secret: [u8; 32],
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

impl Default for Verdicts {
    fn default() -> Self {
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        Self { secret, tables: Mutex::default() }
    }
}

impl Verdicts {
    /// The key of a question; `peer` stands for the address in it, which has a port that changes.
    pub(super) fn key(&self, request: &Request, peer: &str) -> Key {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("any length is good");
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
        let remembered = Arc::new(Remembered::new(grant, &self.key, now));
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

impl Remembered {
    fn new(grant: Grant, key: &Key, now: Moment) -> Self {
        let expires = [
            grant.expires.and_then(|expires| now.until(expires)),
            grant.lifetime.and_then(|lifetime| now.after(lifetime)),
        ];
        let expires = expires.into_iter().flatten().min();
        let ends = [now.after(REMEMBERED_TIME_MAX), expires];
        let mailbox = grant.held.as_ref().map(|held| {
            // Nobody is woken: whoever asks looks first, and so does who tidies up.
            let mailbox = Mailbox::new(Waker::noop().clone());
            held.deliver_to(&mailbox);
            mailbox
        });
        let identity = if grant.subject.is_empty() {
            key.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
        } else {
            grant.subject.into()
        };
        Self {
            permissions: grant.permissions.into(),
            identity,
            generation: grant.generation,
            ends: ends.into_iter().flatten().min().unwrap_or(now.uptime),
            mailbox,
            held: grant.held,
            expires,
        }
    }

    /// Whether this generation of the authenticator has granted it.
    pub(super) fn is_of(&self, generation: u32) -> bool {
        self.generation == generation
    }

    /// Whether it still holds under this generation of the authenticator.
    pub(super) fn holds(&self, generation: u32) -> bool {
        self.is_of(generation)
            && !self.mailbox.as_ref().is_some_and(|mailbox| mailbox.has_mail())
            && Uptime::now() < self.ends
    }

    /// Whether it gives `access` to `channel`.
    pub(super) fn allows(&self, access: Access, channel: &str) -> bool {
        self.permissions.iter().any(|permission| permission.allows(access, channel))
    }

    /// How many permissions it gives.
    pub(super) fn permissions_len(&self) -> usize {
        self.permissions.len()
    }

    fn bytes(&self) -> usize {
        let permissions = self.permissions.iter().map(|one| size_of::<Permission>() + one.pattern.len());
        VERDICT_BYTES + self.identity.len() + permissions.sum::<usize>()
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        let Some(held) = &self.held else { return };
        let is_revoked = |mail: &Mail| matches!(mail, Mail::Revoke { .. });
        if self.mailbox.as_ref().is_some_and(|mailbox| mailbox.take().iter().any(is_revoked)) {
            held.set_end(GrantEnd::Revoked);
        } else if self.expires.is_some_and(|expires| expires <= Uptime::now()) {
            held.set_end(GrantEnd::Expired);
        }
    }
}

#[cfg(test)]
mod tests;
