//! Tokens that wait for the fetch that may bring their keys.
//!
//! **Invariant:** a token is wiped when it no longer waits, and none waits longer than its caller does.

use pusu_plugin_api::{Reply, Ticket};
use std::time::Instant;
use zeroize::Zeroizing;

/// Most tokens that wait; they are 16 KiB long at most.
pub(super) const WAITING_MAX: usize = 1024;

/// One token.
pub(crate) struct Waiting {
    pub(crate) token: Zeroizing<Vec<u8>>,
    /// The name of the key that it is signed with.
    pub(crate) key_id: String,
    /// When it came.
    pub(crate) since: Instant,
    /// When nobody waits any more.
    pub(crate) until: Instant,
    pub(crate) reply: Reply,
}

impl Waiting {
    pub(super) fn ticket(&self) -> Ticket {
        self.reply.ticket()
    }
}
