//! Authorizations of one client: each with its permissions, until it ends. They add up, and end one by one.
//!
//! Knows no clock of its own and no socket: the time is handed in, and what has ended is handed back.
//! **Invariant:** a permission counts as long as the authorization that gave it, and no longer.
//! **Invariant:** a client whose authorization neither ends nor is kept owns nothing here but its permissions.

mod live;
mod moment;
mod shown;

pub(crate) use moment::Moment;

use super::few::Few;
use super::shared_permissions::SharedPermissions;
use super::uptime::Uptime;
use crate::authenticator::{Authorization, Grant, GrantEnd, HeldGrant};
use crate::protocol::{AUTHORIZATIONS_MAX, Access};
use crate::revocation::Standing;
use live::{Live, Terms};
use std::rc::Rc;

/// All authorizations of one client.
#[derive(Default)]
pub(crate) struct Authorizations(Few<Live>);

/// An authorization to be asked about again.
#[derive(Debug)]
pub(crate) struct ToAsk {
    /// What the client sent.
    pub kept: Rc<Authorization>,
    /// The ticket that names what it gave; 0: none does.
    pub ticket: u64,
    /// The generation of the authenticator that gave it, and which entry of that.
    pub generation: u32,
    pub entry: u32,
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
        self.all().iter().flat_map(|live| &*live.permissions).any(|permission| permission.allows(access, channel))
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

    /// Whether any is to be asked about again: another generation than `current` has granted it, or the plugin wants it.
    pub(crate) fn any_to_ask(&self, current: u32, now: Uptime) -> bool {
        self.all().iter().any(|live| live.is_due(current, now))
    }

    /// One of these, which is asked about from here on.
    pub(crate) fn ask(&mut self, current: u32, now: Uptime) -> Option<ToAsk> {
        let due = self.0.as_mut_slice().iter_mut().find(|live| live.is_due(current, now))?;
        let generation = due.generation;
        let terms = due.terms.as_mut()?;
        terms.ask(now);
        Some(ToAsk { kept: terms.kept.clone()?, ticket: terms.ticket, generation, entry: terms.entry })
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

    /// Ends those that are revoked. False if none is.
    pub(crate) fn revoke_all(&mut self, is_revoked: impl Fn(&Standing) -> bool) -> bool {
        let before = self.all().len();
        self.0.retain(|live| !is_revoked(&live.standing) || live.ends(GrantEnd::Revoked));
        self.all().len() < before
    }

    /// The numbers that revocations name them by.
    pub(crate) fn standing(&self) -> Standing {
        self.all().iter().flat_map(|live| live.standing.numbers()).collect()
    }

    /// Has them share their lists of permissions with whoever has the same.
    pub(crate) fn share_permissions(&mut self, shared: &SharedPermissions) {
        for live in self.0.as_mut_slice() {
            let own = std::mem::replace(&mut live.permissions, Rc::new([]));
            live.permissions = shared.share(own);
        }
    }

    /// The plugin wants the one of this ticket to be asked about again. False if what the client sent is not kept.
    pub(crate) fn recheck(&mut self, ticket: u64) -> bool {
        let mut named = self.0.as_mut_slice().iter_mut().filter(|live| live.is_named(ticket));
        let Some(terms) = named.find_map(|live| live.terms.as_mut()) else { return true };
        if terms.kept.is_some() {
            terms.order_recheck();
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
                let is_ordered = live.terms.as_ref().is_some_and(|terms| terms.recheck.is_some());
                *live = Live::new(grant, Some(kept.clone()), now);
                if let Some(terms) = live.terms.as_mut().filter(|_| is_ordered) {
                    // The plugin wants it since it was asked.
                    terms.order_recheck();
                }
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

#[cfg(test)]
mod tests;
