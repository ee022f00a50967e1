//! The register of the grants that live, and of what their instance has still to be told.

use super::hearing::{Heard, Hearing, Waiting};
use super::mailbox::{Mail, Mailbox};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Register {
    pub(super) grants: BTreeMap<u64, Entry>,
    pub(super) by_subject: HashMap<Arc<str>, BTreeSet<u64>>,
    /// Goes up with each grant and each order.
    pub(super) sequence: u64,
    /// How many instances have heard so far.
    pub(super) epochs: u64,
    pub(super) hearing: Hearing,
}

pub(super) struct Entry {
    /// `None`: it has none.
    subject: Option<Arc<str>>,
    sequence: u64,
    /// Milliseconds since 1970; 0: never.
    expires_unix_ms: u64,
    /// Which instance knows of it: it gave it, or has adopted it.
    known_to: u64,
    is_revoked: bool,
    place: Place,
}

/// Where orders for a grant go.
enum Place {
    /// It is on its way to the client; what has come for it meanwhile.
    Underway(Vec<Mail>),
    Mailbox(Arc<Mailbox>),
}

impl Register {
    /// The instance of `epoch` has made a grant.
    pub(super) fn add(&mut self, ticket: u64, epoch: u64, subject: &str, expires_unix_ms: u64) {
        let subject: Option<Arc<str>> = (!subject.is_empty()).then(|| subject.into());
        self.sequence += 1;
        if let Some(subject) = &subject {
            self.by_subject.entry(subject.clone()).or_default().insert(ticket);
        }
        let (sequence, place) = (self.sequence, Place::Underway(Vec::new()));
        let entry = Entry { subject, sequence, expires_unix_ms, known_to: epoch, is_revoked: false, place };
        self.grants.insert(ticket, entry);
        self.hearing.granted(ticket, epoch);
    }

    /// A grant has ended. False: too many news wait already.
    pub(super) fn remove(&mut self, ticket: u64, why: i32) -> bool {
        let Some(entry) = self.grants.remove(&ticket) else { return true };
        if let Some(subject) = entry.subject
            && let Some(tickets) = self.by_subject.get_mut(&subject)
        {
            tickets.remove(&ticket);
            if tickets.is_empty() {
                self.by_subject.remove(&subject);
            }
        }
        self.hearing.ended(ticket, entry.known_to, why)
    }

    /// Orders for a grant go to `mailbox` from here on; those that came before are put there now.
    pub(super) fn deliver_to(&mut self, ticket: u64, mailbox: &Arc<Mailbox>) {
        let Some(entry) = self.grants.get_mut(&ticket) else { return };
        if let Place::Underway(mail) = std::mem::replace(&mut entry.place, Place::Mailbox(mailbox.clone())) {
            mail.into_iter().for_each(|mail| mailbox.put(mail));
        }
    }

    /// Hands an order to one grant, if it was made before the order.
    pub(super) fn reach(&mut self, ticket: u64, sequence: u64, mail: &dyn Fn(u64) -> Mail) {
        let Some(entry) = self.grants.get_mut(&ticket).filter(|entry| entry.sequence < sequence) else { return };
        if entry.is_revoked {
            return;
        }
        let mail = mail(ticket);
        entry.is_revoked = matches!(mail, Mail::Revoke { .. });
        match &mut entry.place {
            Place::Mailbox(mailbox) => mailbox.put(mail),
            Place::Underway(waiting) if waiting.contains(&mail) => {}
            Place::Underway(waiting) => waiting.push(mail),
        }
    }

    /// Some more of the grants of a subject: those from this ticket on.
    pub(super) fn tickets_of(&self, subject: &str, from: u64, at_most: usize) -> Vec<u64> {
        let tickets = self.by_subject.get(subject);
        tickets.map(|tickets| tickets.range(from..).take(at_most).copied().collect()).unwrap_or_default()
    }

    /// The ticket behind the last one that names a grant.
    pub(super) fn next_ticket(&self) -> u64 {
        self.grants.last_key_value().map_or(0, |(last, _)| last + 1)
    }

    /// What the instance that hears is to be told next.
    pub(super) fn next_heard(&mut self) -> Option<Heard> {
        let epoch = self.hearing.epoch;
        while let Some((ticket, entry)) = self.grants.range_mut(self.hearing.to_adopt.clone()).next() {
            self.hearing.to_adopt.start = ticket + 1;
            if let Some(adopted) = entry.adopted_by(epoch, *ticket) {
                return Some(adopted);
            }
        }
        self.hearing.to_adopt = 0..0;
        while let Some(waiting) = self.hearing.waiting.pop_front() {
            let heard = match waiting {
                Waiting::Ended(ticket, why) => Some(Heard::Ended(ticket, why)),
                // One that has ended before it was adopted needs not be heard of.
                Waiting::Adopted(ticket) => {
                    self.grants.get_mut(&ticket).and_then(|entry| entry.adopted_by(epoch, ticket))
                }
            };
            if heard.is_some() {
                return heard;
            }
        }
        None
    }
}

impl Entry {
    /// The instance of `epoch` adopts it, unless it knows of it already.
    fn adopted_by(&mut self, epoch: u64, ticket: u64) -> Option<Heard> {
        if std::mem::replace(&mut self.known_to, epoch) == epoch {
            return None;
        }
        let subject = self.subject.as_deref().unwrap_or_default().to_owned();
        Some(Heard::Adopted(ticket, subject, self.expires_unix_ms))
    }
}
