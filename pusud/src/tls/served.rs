//! The credentials that a listener serves now, and their renewal while it runs.
//!
//! All threads share a handle. Sessions that have begun go on with what they began with.
//! **Invariant:** what cannot be used never takes the place of what can: a renewal serves all of the new files, or nothing of
//! them. What has expired takes the place only of what has expired too, as a file that was put back by mistake is the likelier
//! reason.

use super::certificate::{time_in_words, unix_now};
use super::contents::{Contents, ContentsDigest};
use super::credentials::Credentials;
use super::expiry::{Expiries, ExpiryNotice};
use super::files::Files;
use super::tickets::TicketSecret;
use rustls::ServerConfig;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Certificate and key are two files, and whoever writes them writes one after the other: for so long files that do not fit
/// are only looked at again.
const GRACE: Duration = Duration::from_secs(60);

/// A handle on the credentials of one listener, which is cheap to clone.
#[derive(Clone)]
pub struct Served(Arc<Shared>);

struct Shared {
    tickets: Option<TicketSecret>,
    strict: bool,
    current: RwLock<Arc<Credentials>>,
    renewals: Mutex<Renewals>,
}

struct Renewals {
    files: Files,
    /// Of the files that the current credentials were made of.
    served: ContentsDigest,
    /// Of the files as they were at the last attempt, whatever came of it.
    tried: ContentsDigest,
    /// When files that cannot be used were first seen, and no attempt has been made since.
    unfit_since: Option<Instant>,
    expiries: Expiries,
}

/// What became of a renewal. Its text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The files hold what is served.
    Unchanged,
    /// New sessions are served with what the files hold now.
    Swapped {
        /// What is served all the same, a sentence each.
        warnings: Vec<String>,
        /// When the first of the certificates expires, in Unix seconds.
        not_after: i64,
    },
    /// Nothing changes.
    Kept {
        /// Names the file, what is wrong with it, and the way out.
        reason: String,
    },
}

impl Served {
    /// Reads the files and serves them. As [`Credentials::load`], with the same warnings.
    ///
    /// # Errors
    /// Names the file, what is wrong with it, and the way out.
    pub fn load(files: Files, tickets: Option<TicketSecret>, strict: bool) -> anyhow::Result<(Self, Vec<String>)> {
        let contents = Contents::read(&files);
        let (credentials, warnings) = Credentials::of(&contents, files.client_certificates, tickets.as_ref(), strict)?;
        let digest = contents.digest();
        let mut expiries = Expiries::default();
        expiries.are_of(&credentials, unix_now());
        let renewals = Renewals { files, served: digest, tried: digest, unfit_since: None, expiries };
        let (current, renewals) = (RwLock::new(Arc::new(credentials)), Mutex::new(renewals));
        Ok((Self(Arc::new(Shared { tickets, strict, current, renewals })), warnings))
    }

    /// For the next handshake.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.credentials().server_config()
    }

    /// What is served now: facts, and the check of a client's certificate.
    pub fn credentials(&self) -> Arc<Credentials> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The files, as the settings name them.
    pub fn files(&self) -> Files {
        self.renewals().files.clone()
    }

    /// Reads all files again, and serves them or keeps what is served. May wait for the disk.
    pub fn renew(&self) -> Renewal {
        // Locked before the files are read, so that of two who renew the one that read later is served.
        let mut renewals = self.renewals();
        let contents = Contents::read(&renewals.files);
        let digest = contents.digest();
        renewals.tried = digest;
        renewals.unfit_since = None;
        if digest == renewals.served {
            return Renewal::Unchanged;
        }
        let (new, warnings) = match self.credentials_of(&contents, &renewals.files) {
            Ok(loaded) => loaded,
            Err(error) => return Renewal::Kept { reason: format!("{error:#}") },
        };
        let now = unix_now();
        let worse = new.out_of_date(&renewals.files, now);
        if let Some(reason) = worse.filter(|_| self.credentials().out_of_date(&renewals.files, now).is_none()) {
            return Renewal::Kept { reason: format!("{reason}, and what is served is not") };
        }
        let not_after = new.first_end();
        self.serve(&mut renewals, digest, new);
        Renewal::Swapped { warnings, not_after }
    }

    /// Whether a renewal is due: the files hold something else than at the last attempt, and it can be used, or for a minute
    /// it could not. To be asked every few seconds, by a thread that may wait for the disk.
    ///
    /// It compares bytes: neither times nor the names that links lead to say whether a file is another one.
    pub fn has_changed(&self) -> bool {
        self.is_due(Instant::now())
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut renewals = self.renewals();
        let contents = Contents::read(&renewals.files);
        let digest = contents.digest();
        if digest == renewals.tried {
            renewals.unfit_since = None;
            return false;
        }
        // What is served may have come back after an attempt that failed.
        if digest == renewals.served || self.credentials_of(&contents, &renewals.files).is_ok() {
            return true;
        }
        let since = *renewals.unfit_since.get_or_insert(now);
        now.saturating_duration_since(since) >= GRACE
    }

    /// Whole days until the first of the certificates expires; negative once one has.
    pub fn days_left(&self) -> i64 {
        let now = unix_now();
        let credentials = self.credentials();
        credentials.facts().iter().map(|facts| facts.days_left(now)).min().expect("there is a certificate at least")
    }

    /// What has come closer to its end than 30, 14, 7 or 1 days, or has reached it, since this was last asked: for the log.
    /// To be asked every hour or so.
    pub fn newly_passed(&self) -> Vec<ExpiryNotice> {
        let Renewals { files, expiries, .. } = &mut *self.renewals();
        expiries.newly_passed(&self.credentials(), files, unix_now())
    }

    fn credentials_of(&self, contents: &Contents, files: &Files) -> anyhow::Result<(Credentials, Vec<String>)> {
        Credentials::of(contents, files.client_certificates, self.0.tickets.as_ref(), self.0.strict)
    }

    fn serve(&self, renewals: &mut Renewals, digest: ContentsDigest, new: Credentials) {
        (renewals.served, renewals.tried, renewals.unfit_since) = (digest, digest, None);
        renewals.expiries.are_of(&new, unix_now());
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }

    fn renewals(&self) -> std::sync::MutexGuard<'_, Renewals> {
        self.0.renewals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("certificates", &self.credentials().facts()).finish_non_exhaustive()
    }
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Renewal::Unchanged => f.write_str("the certificates are those that are served"),
            Renewal::Swapped { not_after, .. } => {
                write!(f, "new certificates are served, good until {}", time_in_words(*not_after))
            }
            Renewal::Kept { reason } => write!(f, "the certificates stay those that are served: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests;
