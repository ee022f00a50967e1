//! A grant that lives: a client has it, or it is on its way to one.

use super::book::GrantBook;
use super::mailbox::Mailbox;
use pusu_plugin_abi as abi;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// Why a grant has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantEnd {
    /// Its time was up.
    Expired,
    /// By the plugin.
    Revoked,
    /// By the answer to a recheck.
    Refused,
    /// By another grant of the same client that gives as much.
    Replaced,
    /// The client has gone, perhaps before the answer came.
    Closed,
}

impl GrantEnd {
    fn code(self) -> i32 {
        match self {
            Self::Expired => abi::ENDED_EXPIRED,
            Self::Revoked => abi::ENDED_REVOKED,
            Self::Refused => abi::ENDED_REFUSED,
            Self::Replaced => abi::ENDED_REPLACED,
            Self::Closed => abi::ENDED_CLOSED,
        }
    }
}

/// A grant that lives. Clones are the same one, and it ends when the last of them is dropped.
#[derive(Clone)]
pub struct HeldGrant(Arc<Inner>);

struct Inner {
    ticket: u64,
    book: Arc<GrantBook>,
    why: AtomicI32,
}

impl HeldGrant {
    pub(super) fn new(ticket: u64, book: Arc<GrantBook>) -> Self {
        Self(Arc::new(Inner { ticket, book, why: AtomicI32::new(GrantEnd::Closed.code()) }))
    }

    /// Has orders for it put into `mailbox`; those that came before are put there now.
    pub fn deliver_to(&self, mailbox: &Arc<Mailbox>) {
        self.0.book.deliver_to(self.0.ticket, mailbox);
    }

    /// Says why it is about to end; unless it is said, the client has gone.
    pub fn set_end(&self, why: GrantEnd) {
        self.0.why.store(why.code(), Ordering::Relaxed);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.book.ended(self.ticket, self.why.load(Ordering::Relaxed));
    }
}

impl fmt::Debug for HeldGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldGrant({})", self.0.ticket)
    }
}

impl PartialEq for HeldGrant {
    fn eq(&self, other: &Self) -> bool {
        self.0.ticket == other.0.ticket
    }
}
