//! Authorizations of one client: each with its permissions, until it ends. They add up, and end one by one.
//!
//! Knows no clock of its own and no socket: the time is handed in, and what has ended is handed back.
//! **Invariant:** a permission counts as long as the authorization that gave it, and no longer.
//! **Invariant:** a client whose authorization neither ends nor is kept owns nothing here but its permissions.

use super::few::Few;
use super::uptime::Uptime;
use crate::authenticator::{Authorization, Grant, GrantEnd, HeldGrant};
use crate::protocol::{AUTHORIZATIONS_MAX, Access, Permission};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// How long before its end a client is told that an authorization ends; half of its time if that is shorter.
const NOTICE_MAX: Duration = Duration::from_secs(30);
/// Permissions of two authorizations that are compared pair by pair; what is larger is kept as it is.
const COMPARED_PAIRS_MAX: usize = 4096;

/// How long after an authorization was decided it may be rechecked at the earliest.
const RECHECK_AFTER: Duration = Duration::from_secs(1);

/// Ends that are closer together are the same: two clocks are read one after the other.
const SAME_MAX: Duration = Duration::from_millis(100);

/// All authorizations of one client.
#[derive(Default)]
pub(crate) struct Authorizations(Few<Live>);

/// One authorization.
struct Live {
    permissions: Box<[Permission]>,
    /// The generation of the authenticator that granted it.
    generation: u32,
    /// `None`: it does not end, and nobody will be asked about it again.
    terms: Option<Box<Terms>>,
}

struct Terms {
    expires: Option<Uptime>,
    /// When the client is to be told that it ends; `None` once it has been.
    notice: Option<Uptime>,
    /// What the client sent, where it may have to be asked again.
    kept: Option<Rc<Authorization>>,
    /// The ticket that names it.
    ticket: u64,
    /// Where the plugin keeps an eye on it.
    held: Option<HeldGrant>,
    /// Orders for it are delivered to the client's mailbox.
    is_delivered_to: bool,
    /// When it was decided, and when it is to be asked about again because the plugin wants it.
    decided: Uptime,
    recheck: Option<Uptime>,
}

/// An authorization to be asked about again.
#[derive(Debug)]
pub(crate) struct ToAsk {
    /// What the client sent.
    pub kept: Rc<Authorization>,
    /// The ticket that names what it gave; 0: none does.
    pub ticket: u64,
}

/// One moment on both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// Runs evenly, also while the machine sleeps, and is what authorizations end by.
    pub uptime: Uptime,
    /// What authenticators go by. It may be set at any time.
    pub wall: SystemTime,
}

impl Moment {
    /// This one.
    pub(crate) fn now() -> Self {
        Self { uptime: Uptime::now(), wall: SystemTime::now() }
    }

    /// So much later. `None` is later than the clock can say.
    fn after(self, time: Duration) -> Option<Uptime> {
        self.uptime.checked_add(time)
    }

    /// When `wall` will be. `None` is later than the clock can say.
    fn until(self, wall: SystemTime) -> Option<Uptime> {
        // Past already: now.
        self.uptime.checked_add(wall.duration_since(self.wall).unwrap_or_default())
    }
}

/// What a further authorization has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It gives something that the client did not have, or for longer.
    Something,
    /// The client had all of it, for as long.
    Nothing,
    /// The client has as many as it may have, and this one was not added.
    TooMany,
}

/// What the passing of time has done.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Passed {
    /// An authorization ends soon: so many seconds are left, rounded down.
    pub notice_seconds: Option<u64>,
    /// At least one has ended.
    pub ended: bool,
}

impl Authorizations {
    /// Whether there is none (any more).
    pub(crate) fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// How many permissions they have in all.
    pub(crate) fn permissions_len(&self) -> usize {
        self.all().iter().map(|live| live.permissions.len()).sum()
    }

    /// Whether any of them gives `access` to `channel`.
    pub(crate) fn allow(&self, access: Access, channel: &str) -> bool {
        self.all().iter().flat_map(|live| &live.permissions).any(|permission| permission.allows(access, channel))
    }

    /// Adds what was granted, with what the client sent if it may be asked again. An authorization that gives nothing
    /// beyond one that lasts as long is forgotten: so a renewal takes the place of what it renews.
    pub(crate) fn add(&mut self, grant: Grant, kept: Option<Rc<Authorization>>, now: Moment) -> Added {
        let mut live = Live::new(grant, kept, now);
        if self.all().iter().any(|other| live.covers(other) && live.ends_with(other)) {
            live.forgo_notice();
        }
        let is_something = !self.all().iter().any(|other| other.covers(&live));
        self.0.retain(|other| !live.covers(other) || other.ends(GrantEnd::Replaced));
        live.set_end(GrantEnd::Replaced);
        if !self.all().iter().any(|other| other.covers(&live)) {
            if self.all().len() >= AUTHORIZATIONS_MAX {
                live.set_end(GrantEnd::Closed);
                return Added::TooMany;
            }
            live.set_end(GrantEnd::Closed);
            self.0.push(live);
        }
        if is_something { Added::Something } else { Added::Nothing }
    }

    /// When there is next something for [`Self::pass`] to do, if ever.
    pub(crate) fn next_event(&self) -> Option<Uptime> {
        self.terms().flat_map(|terms| [terms.expires, terms.notice, terms.recheck]).flatten().min()
    }

    /// Takes out what has ended by `now`.
    pub(crate) fn pass(&mut self, now: Uptime) -> Passed {
        let before = self.all().len();
        self.0.retain(|live| live.expires().is_none_or(|expires| expires > now) || live.ends(GrantEnd::Expired));
        let mut passed = Passed { notice_seconds: None, ended: self.all().len() < before };
        for terms in self.0.as_mut_slice().iter_mut().filter_map(|live| live.terms.as_mut()) {
            if let Some(notice) = terms.notice.take_if(|notice| *notice <= now) {
                let left = terms.expires.map_or(0, |expires| expires.saturating_since(notice).as_secs());
                passed.notice_seconds = Some(passed.notice_seconds.map_or(left, |soonest| soonest.min(left)));
            }
        }
        passed
    }

    /// Whether any of them may have to be asked again.
    pub(crate) fn any_kept(&self) -> bool {
        self.terms().any(|terms| terms.kept.is_some())
    }

    /// One that is to be asked about again: another generation than `current` has granted it, or the plugin wants it.
    pub(crate) fn to_ask(&self, current: u32, now: Uptime) -> Option<ToAsk> {
        self.all().iter().find_map(|live| {
            let terms = live.terms.as_ref()?;
            let is_due = live.generation != current || terms.recheck.is_some_and(|recheck| recheck <= now);
            let kept = terms.kept.clone().filter(|_| is_due)?;
            Some(ToAsk { kept, ticket: terms.ticket })
        })
    }

    /// Whether the plugin keeps an eye on any of them.
    pub(crate) fn any_held(&self) -> bool {
        self.terms().any(|terms| terms.held.is_some())
    }

    /// Those whose orders are not delivered to the client's mailbox yet. From here on they count as if they were.
    pub(crate) fn take_undelivered(&mut self) -> Vec<HeldGrant> {
        let terms = self.0.as_mut_slice().iter_mut().filter_map(|live| live.terms.as_mut());
        let undelivered = terms.filter(|terms| terms.held.is_some() && !terms.is_delivered_to);
        undelivered
            .filter_map(|terms| {
                terms.is_delivered_to = true;
                terms.held.clone()
            })
            .collect()
    }

    /// The plugin ends the one of this ticket. False if it has ended already.
    pub(crate) fn revoke(&mut self, ticket: u64) -> bool {
        let before = self.all().len();
        self.0.retain(|live| !live.is_named(ticket) || live.ends(GrantEnd::Revoked));
        self.all().len() < before
    }

    /// The plugin wants the one of this ticket to be asked about again. False if what the client sent is not kept.
    pub(crate) fn recheck(&mut self, ticket: u64) -> bool {
        let mut named = self.0.as_mut_slice().iter_mut().filter(|live| live.is_named(ticket));
        let Some(terms) = named.find_map(|live| live.terms.as_mut()) else { return true };
        if terms.kept.is_some() {
            terms.recheck = terms.recheck.or(Some(terms.decided + RECHECK_AFTER));
        }
        terms.kept.is_some()
    }

    /// Puts what `kept` was granted now in the place of what it was granted before; `None` ends it. False if it has
    /// ended meanwhile.
    pub(crate) fn replace(&mut self, kept: &Rc<Authorization>, grant: Option<Grant>, now: Moment) -> bool {
        let is_it = |live: &Live| live.kept().is_some_and(|own| Rc::ptr_eq(own, kept));
        let Some(live) = self.0.as_mut_slice().iter_mut().find(|live| is_it(live)) else { return false };
        match grant {
            Some(grant) => {
                live.set_end(GrantEnd::Replaced);
                *live = Live::new(grant, Some(kept.clone()), now);
            }
            None => self.0.retain(|live| !is_it(live) || live.ends(GrantEnd::Refused)),
        }
        true
    }

    /// Forgets what the clients sent.
    pub(crate) fn forget_kept(&mut self) {
        for live in self.0.as_mut_slice() {
            if let Some(terms) = &mut live.terms {
                terms.kept = None;
                terms.recheck = None;
            }
            live.terms.take_if(|terms| terms.expires.is_none() && terms.held.is_none());
        }
    }

    fn terms(&self) -> impl Iterator<Item = &Terms> {
        self.all().iter().filter_map(|live| live.terms.as_deref())
    }

    fn all(&self) -> &[Live] {
        self.0.as_slice()
    }
}

impl Live {
    fn new(grant: Grant, kept: Option<Rc<Authorization>>, now: Moment) -> Self {
        let ends =
            [grant.expires.and_then(|expires| now.until(expires)), grant.lifetime.and_then(|time| now.after(time))];
        let expires = ends.into_iter().flatten().min();
        let notice = expires.map(|expires| expires - NOTICE_MAX.min(expires.saturating_since(now.uptime) / 2));
        let Grant { permissions, generation, ticket, held, .. } = grant;
        let has_terms = expires.is_some() || kept.is_some() || held.is_some();
        let terms = || {
            let (is_delivered_to, decided, recheck) = (false, now.uptime, None);
            Box::new(Terms { expires, notice, kept, ticket, held, is_delivered_to, decided, recheck })
        };
        Self { permissions: permissions.into(), generation, terms: has_terms.then(terms) }
    }

    fn is_named(&self, ticket: u64) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.ticket == ticket)
    }

    /// Says why it is about to end, to whoever keeps an eye on it.
    fn set_end(&self, why: GrantEnd) {
        if let Some(held) = self.terms.as_ref().and_then(|terms| terms.held.as_ref()) {
            held.set_end(why);
        }
    }

    /// As [`Self::set_end`]; false, as the answer to whether it is retained.
    fn ends(&self, why: GrantEnd) -> bool {
        self.set_end(why);
        false
    }

    fn expires(&self) -> Option<Uptime> {
        self.terms.as_ref()?.expires
    }

    fn kept(&self) -> Option<&Rc<Authorization>> {
        self.terms.as_ref()?.kept.as_ref()
    }

    /// Whether it ends when `other` does, of whose end the client has been told.
    fn ends_with(&self, other: &Self) -> bool {
        let told = other.terms.as_ref().is_some_and(|terms| terms.notice.is_none());
        let ends = self.expires().zip(other.expires());
        told && ends.is_some_and(|(own, others)| own.saturating_since(others) < SAME_MAX)
    }

    fn forgo_notice(&mut self) {
        if let Some(terms) = &mut self.terms {
            terms.notice = None;
        }
    }

    /// Whether it gives all that `other` gives, for as long. May say no where it does.
    fn covers(&self, other: &Self) -> bool {
        let lasts = match (self.expires(), other.expires()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => own >= others,
        };
        let pairs = self.permissions.len().saturating_mul(other.permissions.len());
        lasts
            && (self.permissions == other.permissions
                || pairs <= COMPARED_PAIRS_MAX
                    && other.permissions.iter().all(|one| self.permissions.iter().any(|own| own.covers(one))))
    }
}

#[cfg(test)]
mod tests;
