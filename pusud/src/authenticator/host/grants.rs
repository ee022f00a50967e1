//! An instance's side of the grants: what it gives is named, and whether it is the one that hears of them.

use super::Host;
use crate::authenticator::decider::Offers;
use crate::authenticator::grants::GrantBook;
use crate::authenticator::verdict::Decision;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

impl Host {
    /// Has a grant named by its ticket, and kept where the plugin has an eye on it.
    pub(super) fn named(&self, ticket: u64, mut verdict: Decision) -> Decision {
        if let Decision::Grant(grant) = &mut verdict {
            grant.ticket = ticket;
            if let Some(longest) = self.lasting.longest_life {
                grant.lifetime = Some(grant.lifetime.map_or(longest, |lifetime| lifetime.min(longest)));
            }
            if let Some(grants) = &self.lasting.grants {
                let ends =
                    grant.ends(SystemTime::now()).and_then(|end| end.duration_since(SystemTime::UNIX_EPOCH).ok());
                let expires_unix_ms = ends.map_or(0, |end| u64::try_from(end.as_millis()).unwrap_or(u64::MAX));
                let epoch = self.epoch.load(Ordering::Relaxed);
                grant.held = Some(grants.grant(ticket, epoch, &grant.subject, expires_unix_ms));
            }
        }
        verdict
    }

    /// The grants that the plugin has an eye on; `None`: it has not the flag GRANTS.
    pub(in crate::authenticator) fn grant_book(&self) -> Option<&Arc<GrantBook>> {
        self.lasting.grants.as_ref()
    }

    /// Whether what clients send is kept while the instance decides.
    #[cfg(unix)]
    pub(in crate::authenticator) fn rechecks(&self) -> bool {
        self.lasting.rechecks
    }

    /// The instance hears of nothing any more.
    pub(in crate::authenticator) fn end_hearing(&self) {
        if let Some(grants) = &self.lasting.grants {
            grants.end_hearing(self.epoch());
        }
    }

    /// Which one the instance is of those that hear of grants.
    pub(in crate::authenticator) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// From here on the instance is the one that hears of grants, if it offers to.
    pub(in crate::authenticator) fn begin_hearing(&self, offers: Offers) {
        if let Some(grants) = &self.lasting.grants {
            grants.begin_hearing(offers, &self.epoch);
        }
    }

    /// A new process of the instance is about to be asked; if the instance is the one that hears of grants, the process
    /// adopts what lives.
    #[cfg(unix)]
    pub(in crate::authenticator) fn go_on_hearing(&self, offers: Offers) {
        if let Some(grants) = &self.lasting.grants {
            grants.go_on_hearing(offers, &self.epoch);
        }
    }

    /// Whether the instance leaves too many news of its grants waiting.
    pub(in crate::authenticator) fn is_deaf(&self) -> bool {
        self.lasting.grants.as_ref().is_some_and(|grants| grants.is_deaf())
    }

    /// The plugin takes `ticket` for one that was granted, and nobody has the grant.
    pub(in crate::authenticator) fn never_arrived(&self, ticket: u64, why: i32) {
        if let Some(grants) = &self.lasting.grants {
            grants.never_arrived(ticket, self.epoch(), why);
        }
    }
}
