//! Subjects of a shard's clients as text, for lists: kept only where somebody may look at them.

use super::{Hub, ListenerId, Outbox};
use std::cell::RefCell;
use std::collections::HashMap;

/// What is kept of a subject, in bytes: who looks for one finds it by its number.
const SUBJECT_BYTES_MAX: usize = 128;

/// The subject that each client was authorized as last, with its number.
#[derive(Default)]
pub(super) struct Subjects(RefCell<HashMap<ListenerId, (u64, Box<str>)>>);

impl Hub {
    /// A client is authorized as `subject`, which has this number.
    pub fn name_subject(&self, listener: ListenerId, number: u64, subject: &str) {
        let mut end = subject.len().min(SUBJECT_BYTES_MAX);
        while !subject.is_char_boundary(end) {
            end -= 1;
        }
        let kept = if end < subject.len() { format!("{}…", &subject[..end]).into() } else { subject.into() };
        self.subjects.0.borrow_mut().insert(listener, (number, kept));
    }

    /// As whom a client is authorized, if that still holds.
    pub(super) fn subject_of(&self, listener: ListenerId, outbox: &Outbox) -> Option<String> {
        let subjects = self.subjects.0.borrow();
        let (number, subject) = subjects.get(&listener)?;
        outbox.is_authorized_by(*number).then(|| subject.to_string())
    }

    /// As whom a client was authorized last, whether that still holds or not.
    pub(super) fn last_subject_of(&self, listener: ListenerId) -> Option<String> {
        Some(self.subjects.0.borrow().get(&listener)?.1.to_string())
    }

    pub(super) fn forget_subject(&self, listener: ListenerId) {
        self.subjects.0.borrow_mut().remove(&listener);
    }
}
