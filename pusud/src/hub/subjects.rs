//! Subjects of a shard's clients as text, for lists: kept only where somebody may look at them.
//!
//! **Invariant:** a text is whole, so that whoever copies it from a list means the same subject: none has more than
//! [`KICK_BYTES_MAX`](crate::routing::KICK_BYTES_MAX) bytes.

use super::{Hub, Outbox};
use crate::routing::Ended;
use std::cell::RefCell;
use std::collections::HashMap;
use std::iter::successors;

/// What is kept of one client: it may have more authorizations, of as many subjects, than are worth their memory.
const SUBJECTS_MAX: usize = 4;

/// The subjects that each client was authorized as last, by its token.
#[derive(Default)]
pub(super) struct Subjects(RefCell<HashMap<usize, Named>>);

/// One subject of a client.
struct Named {
    number: u64,
    subject: Box<str>,
    /// The one before it. Hardly anybody has any.
    earlier: Option<Box<Named>>,
}

impl Named {
    /// This one and those before it, the newest first.
    fn all(&self) -> impl Iterator<Item = &Self> {
        successors(Some(self), |named| named.earlier.as_deref())
    }
}

/// Names a client as long as it is there.
pub(super) fn token(outbox: &Outbox) -> usize {
    std::ptr::from_ref(outbox) as usize
}

impl Subjects {
    /// Fills in as whom those were authorized who are about to leave.
    pub(super) fn name(&self, ended: &mut Ended) {
        let subjects = self.0.borrow();
        ended.name_all(|token| Some(subjects.get(&token)?.subject.to_string()));
    }
}

impl Hub {
    /// A client is authorized as `subject`, which has this number.
    pub fn name_subject(&self, outbox: &Outbox, number: u64, subject: &str) {
        let mut subjects = self.subjects.0.borrow_mut();
        let before = subjects.remove(&token(outbox));
        let mut kept = Vec::new();
        let mut next = before.map(Box::new);
        while let Some(mut named) = next {
            next = named.earlier.take();
            if named.number != number && outbox.is_authorized_by(named.number) && kept.len() + 1 < SUBJECTS_MAX {
                kept.push(named);
            }
        }
        let earlier = kept.into_iter().rev().fold(None, |earlier, mut named| {
            named.earlier = earlier;
            Some(named)
        });
        subjects.insert(token(outbox), Named { number, subject: subject.into(), earlier });
    }

    /// As whom a client is authorized: as whom last, of those that still hold.
    pub(super) fn subject_of(&self, outbox: &Outbox) -> Option<String> {
        let subjects = self.subjects.0.borrow();
        let mut all = subjects.get(&token(outbox))?.all();
        all.find(|named| outbox.is_authorized_by(named.number)).map(|named| named.subject.to_string())
    }

    /// The subject of this number, if this client was authorized as that lately.
    pub fn named(&self, outbox: &Outbox, number: u64) -> Option<String> {
        let subjects = self.subjects.0.borrow();
        let mut all = subjects.get(&token(outbox))?.all();
        all.find(|named| named.number == number).map(|named| named.subject.to_string())
    }

    /// As whom a client was authorized last, whether that still holds or not.
    pub(super) fn last_subject_of(&self, outbox: &Outbox) -> Option<String> {
        Some(self.subjects.0.borrow().get(&token(outbox))?.subject.to_string())
    }

    pub(super) fn forget_subject(&self, outbox: &Outbox) {
        self.subjects.0.borrow_mut().remove(&token(outbox));
    }
}
