//! The mailbox of one client, into which other threads put orders that concern its grants.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

/// What a client's task is to do with one of its grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mail {
    /// End it.
    Revoke {
        /// The ticket that names it.
        ticket: u64,
        /// May be shown to the client.
        reason: Arc<str>,
        /// All grants of a subject were meant: what its client is granted next is not.
        is_by_subject: bool,
    },
    /// Ask about it again.
    Recheck(u64),
}

/// The mailbox of one client.
#[derive(Debug)]
pub struct Mailbox {
    /// At most one of each kind for each grant.
    mail: Mutex<Vec<Mail>>,
    has_mail: AtomicBool,
    waker: Waker,
}

impl Mailbox {
    /// An empty one, whose owner is woken through `waker`.
    pub fn new(waker: Waker) -> Arc<Self> {
        Arc::new(Self { mail: Mutex::default(), has_mail: AtomicBool::new(false), waker })
    }

    /// Whether there is something to take.
    pub fn has_mail(&self) -> bool {
        self.has_mail.load(Ordering::Acquire)
    }

    /// Takes everything out.
    pub fn take(&self) -> Vec<Mail> {
        self.has_mail.store(false, Ordering::Release);
        std::mem::take(&mut *self.mail.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn put(&self, mail: Mail) {
        let mut waiting = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.contains(&mail) {
            waiting.push(mail);
        }
        drop(waiting);
        self.has_mail.store(true, Ordering::Release);
        self.waker.wake_by_ref();
    }
}
