//! One verdict that is remembered: what it grants, to whom, and until when it holds.

use super::Key;
use crate::authenticator::{Grant, GrantEnd, HeldGrant, Mail, Mailbox};
use crate::client::authorizations::Moment;
use crate::client::uptime::Uptime;
use crate::protocol::{Access, Permission};
use crate::revocation::{Revocations, Standing};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

/// How long a verdict is remembered at most.
const REMEMBERED_TIME_MAX: Duration = Duration::from_secs(60);
/// What one verdict takes beside its permissions and texts, in both tables.
const VERDICT_BYTES: usize = 576;

/// A verdict that grants something.
pub(in crate::client) struct Remembered {
    permissions: Box<[Permission]>,
    /// Who this is: the subject, or where the plugin names none the question itself.
    pub(in crate::client) identity: Box<str>,
    /// Whose it is, as far as it can be revoked.
    pub(in crate::client) standing: Standing,
    revocations: Arc<Revocations>,
    /// How many changes of the revocations have been heeded.
    heeded: AtomicU64,
    generation: u32,
    ends: Uptime,
    mailbox: Option<Arc<Mailbox>>,
    /// It ends when nobody remembers it any more.
    held: Option<HeldGrant>,
    /// The plugin's own end of it.
    expires: Option<Uptime>,
}

impl Remembered {
    pub(super) fn new(grant: Grant, key: &Key, now: Moment, revocations: Arc<Revocations>) -> Self {
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
            standing: grant.standing,
            // Whatever was revoked before counts, too: it is looked at when it is used for the first time.
            heeded: AtomicU64::new(0),
            revocations,
            generation: grant.generation,
            ends: ends.into_iter().flatten().min().unwrap_or(now.uptime),
            mailbox,
            held: grant.held,
            expires,
        }
    }

    /// Whether this generation of the authenticator has granted it.
    pub(in crate::client) fn is_of(&self, generation: u32) -> bool {
        self.generation == generation
    }

    /// Whether it still holds under this generation of the authenticator.
    pub(in crate::client) fn holds(&self, generation: u32) -> bool {
        self.is_of(generation)
            && !self.mailbox.as_ref().is_some_and(|mailbox| mailbox.has_mail())
            && Uptime::now() < self.ends
            && !self.is_revoked()
    }

    /// Looks into the table only where it has changed.
    fn is_revoked(&self) -> bool {
        let version = self.revocations.version();
        if self.heeded.load(Ordering::Relaxed) == version {
            return false;
        }
        let is_revoked = self.revocations.revokes(&self.standing);
        if !is_revoked {
            self.heeded.store(version, Ordering::Relaxed);
        }
        is_revoked
    }

    /// Whether it gives `access` to `channel`.
    pub(in crate::client) fn allows(&self, access: Access, channel: &str) -> bool {
        self.permissions.iter().any(|permission| permission.allows(access, channel))
    }

    /// How many permissions it gives.
    pub(in crate::client) fn permissions_len(&self) -> usize {
        self.permissions.len()
    }

    pub(super) fn bytes(&self) -> usize {
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
