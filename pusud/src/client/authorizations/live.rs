//! One authorization of a client, until it ends.

use super::Moment;
use crate::authenticator::{Authorization, Grant, GrantEnd, HeldGrant};
use crate::client::uptime::Uptime;
use crate::protocol::Permission;
use crate::revocation::Standing;
use std::rc::Rc;
use std::time::Duration;

/// How long before its end a client is told that an authorization ends; half of its time if that is shorter.
const NOTICE_MAX: Duration = Duration::from_secs(30);
/// Permissions of two authorizations that are compared pair by pair; what is larger is kept as it is.
const COMPARED_PAIRS_MAX: usize = 4096;
/// Ends that are closer together are the same: two clocks are read one after the other.
const SAME_MAX: Duration = Duration::from_millis(100);
/// How long after an authorization was decided or asked about it is rechecked at the earliest.
const RECHECK_AFTER: Duration = Duration::from_secs(1);

/// One authorization.
pub(super) struct Live {
    pub(super) permissions: Rc<[Permission]>,
    /// The generation of the authenticator that granted it.
    pub(super) generation: u32,
    /// The end of the number of its subject; 0: it has none.
    whose: u32,
    /// Whose it is, as far as it can be revoked.
    pub(super) standing: Standing,
    /// `None`: it does not end, and nobody will be asked about it again.
    pub(super) terms: Option<Box<Terms>>,
}

pub(super) struct Terms {
    pub(super) expires: Option<Uptime>,
    /// When the client is to be told that it ends; `None` once it has been.
    pub(super) notice: Option<Uptime>,
    /// What the client sent, where it may have to be asked again.
    pub(super) kept: Option<Rc<Authorization>>,
    /// The ticket that names it.
    pub(super) ticket: u64,
    /// The entry of the authenticator that granted it.
    pub(super) entry: u32,
    /// Where the plugin keeps an eye on it.
    pub(super) held: Option<HeldGrant>,
    /// Orders for it are delivered to the client's mailbox.
    pub(super) is_delivered_to: bool,
    /// When it was decided or asked about last.
    asked: Uptime,
    /// When it is to be asked about again because the plugin wants it.
    pub(super) recheck: Option<Uptime>,
}

impl Terms {
    /// The plugin wants to be asked about it again.
    pub(super) fn order_recheck(&mut self) {
        self.recheck = self.recheck.or(Some(self.asked + RECHECK_AFTER));
    }

    /// It is asked about; what the plugin wants from here on is another time.
    pub(super) fn ask(&mut self, now: Uptime) {
        self.asked = now;
        self.recheck = None;
    }
}

impl Live {
    pub(super) fn new(grant: Grant, kept: Option<Rc<Authorization>>, now: Moment) -> Self {
        let ends =
            [grant.expires.and_then(|expires| now.until(expires)), grant.lifetime.and_then(|time| now.after(time))];
        let expires = ends.into_iter().flatten().min();
        let notice = expires.map(|expires| expires - NOTICE_MAX.min(expires.saturating_since(now.uptime) / 2));
        let Grant { permissions, generation, entry, ticket, held, standing, subject, .. } = grant;
        let whose = match standing.numbers().next() {
            Some(number) if !subject.is_empty() => number as u32 | 1,
            _ => 0,
        };
        let has_terms = expires.is_some() || kept.is_some() || held.is_some();
        let terms = || {
            let (is_delivered_to, asked, recheck) = (false, now.uptime, None);
            Box::new(Terms { expires, notice, kept, ticket, entry, held, is_delivered_to, asked, recheck })
        };
        Self { permissions: permissions.into(), generation, whose, standing, terms: has_terms.then(terms) }
    }

    /// The number of its subject, if it has one.
    pub(super) fn subject_number(&self) -> Option<u64> {
        self.standing.numbers().next().filter(|_| self.whose != 0)
    }

    pub(super) fn is_named(&self, ticket: u64) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.ticket == ticket)
    }

    /// Whether it is to be asked about: another generation than `current` has granted it, or the plugin wants it.
    pub(super) fn is_due(&self, current: u32, now: Uptime) -> bool {
        let Some(terms) = self.terms.as_ref().filter(|terms| terms.kept.is_some()) else { return false };
        self.generation != current || terms.recheck.is_some_and(|recheck| recheck <= now)
    }

    /// Says why it is about to end, to whoever keeps an eye on it.
    pub(super) fn set_end(&self, why: GrantEnd) {
        if let Some(held) = self.terms.as_ref().and_then(|terms| terms.held.as_ref()) {
            held.set_end(why);
        }
    }

    /// As [`Self::set_end`]; false, as the answer to whether it is retained.
    pub(super) fn ends(&self, why: GrantEnd) -> bool {
        self.set_end(why);
        false
    }

    pub(super) fn expires(&self) -> Option<Uptime> {
        self.terms.as_ref()?.expires
    }

    pub(super) fn kept(&self) -> Option<&Rc<Authorization>> {
        self.terms.as_ref()?.kept.as_ref()
    }

    /// Whether it ends when `other` does, of whose end the client has been told.
    pub(super) fn ends_with(&self, other: &Self) -> bool {
        let told = other.terms.as_ref().is_some_and(|terms| terms.notice.is_none());
        let ends = self.expires().zip(other.expires());
        told && ends.is_some_and(|(own, others)| own.saturating_since(others) < SAME_MAX)
    }

    pub(super) fn forgo_notice(&mut self) {
        if let Some(terms) = &mut self.terms {
            terms.notice = None;
        }
    }

    /// Whether it gives all that `other` gives, for as long, to the same subject: what is taken back from one subject must not
    /// be missed by another. May say no where it does.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let lasts = match (self.expires(), other.expires()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => own >= others,
        };
        let pairs = self.permissions.len().saturating_mul(other.permissions.len());
        lasts
            && self.whose == other.whose
            && (self.permissions == other.permissions
                || pairs <= COMPARED_PAIRS_MAX
                    && other.permissions.iter().all(|one| self.permissions.iter().any(|own| own.covers(one))))
    }
}
