//! Ending and rechecking what was granted: the relay's side of `pusu.grants/1`.

use crate::host::Host;
use crate::request::Ticket;
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::fmt;

/// Ends or rechecks grants; [`Host::grants`] gives it.
///
/// A grant is what one [`Verdict::grant`](crate::Verdict::grant) gave to one client of this relay, named by the
/// [`Ticket`] of its request. All functions only put something into a queue of the relay's, so they may be called from
/// inside every function of the authenticator. They reach the grants of this authenticator alone, also those that
/// earlier instances of it have given. A ticket or subject that names none is no error.
///
/// A revocation is done and forgotten: the client may come again at once, so refuse it then. Inside
/// [`authorize`](crate::Authenticator::authorize) `revoke_subject` ends all grants of a subject but the one that is
/// about to be given.
#[derive(Clone, Debug)]
pub struct GrantsHandle {
    host: Host,
}

/// Why the relay did not take a request to end or recheck grants. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotTaken {
    /// Too much is waiting already: try again later.
    Full,
    /// A text is too long, or the subject is empty, which would name everybody who has none.
    Malformed,
    /// Not possible here: the relay keeps nothing that clients sent (`on_swap: keep`), which a recheck needs.
    Unsupported,
    /// The authenticator has been destroyed.
    Closed,
}

impl GrantsHandle {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }

    /// The grant ends now, and with it what it alone permitted. The client may be shown the reason.
    ///
    /// # Errors
    /// When the relay does not take it; see [`NotTaken`].
    pub fn revoke(&self, ticket: Ticket, reason: &str) -> Result<(), NotTaken> {
        // SAFETY: the text outlives the call, and the table is open.
        self.ask(|grants, ctx| grants.revoke.map(|revoke| unsafe { revoke(ctx, ticket.0, borrowed(reason)) }))
    }

    /// As [`revoke`](Self::revoke), for all grants of a subject that have been given so far.
    ///
    /// # Errors
    /// When the relay does not take it; see [`NotTaken`].
    pub fn revoke_subject(&self, subject: &str, reason: &str) -> Result<(), NotTaken> {
        self.ask(|grants, ctx| {
            // SAFETY: the texts outlive the call, and the table is open.
            grants.revoke_subject.map(|revoke| unsafe { revoke(ctx, borrowed(subject), borrowed(reason)) })
        })
    }

    /// Has the relay ask again about a grant: [`is_recheck`](crate::Request::is_recheck) holds for that request. At most
    /// once a second for a grant, and behind new clients.
    ///
    /// # Errors
    /// When the relay does not take it; see [`NotTaken`].
    pub fn recheck(&self, ticket: Ticket) -> Result<(), NotTaken> {
        // SAFETY: the table is open.
        self.ask(|grants, ctx| grants.recheck.map(|recheck| unsafe { recheck(ctx, ticket.0) }))
    }

    /// As [`recheck`](Self::recheck), for all grants of a subject that have been given so far.
    ///
    /// # Errors
    /// When the relay does not take it; see [`NotTaken`].
    pub fn recheck_subject(&self, subject: &str) -> Result<(), NotTaken> {
        // SAFETY: the text outlives the call, and the table is open.
        self.ask(|grants, ctx| grants.recheck_subject.map(|recheck| unsafe { recheck(ctx, borrowed(subject)) }))
    }

    fn ask(&self, call: impl FnOnce(&abi::Grants, *mut c_void) -> Option<i32>) -> Result<(), NotTaken> {
        let said = self.host.0.with_tables(|tables| {
            let said = tables.grants.as_ref().and_then(|grants| call(grants, tables.host.ctx));
            Some(said.unwrap_or(abi::UNSUPPORTED))
        });
        match said {
            None => Err(NotTaken::Closed),
            Some(abi::FULL) => Err(NotTaken::Full),
            Some(abi::MALFORMED) => Err(NotTaken::Malformed),
            // Of unknown numbers, those above 0 did no harm, and below it nothing was done.
            Some(said) if said < 0 => Err(NotTaken::Unsupported),
            Some(_) => Ok(()),
        }
    }
}

fn borrowed(text: &str) -> abi::Str {
    abi::Str::borrow(text.as_bytes())
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too much is waiting already; try again later",
            Self::Malformed => "a text is too long, or the subject is empty",
            Self::Unsupported => "this relay cannot: it keeps nothing that clients sent (`on_swap: keep`)",
            Self::Closed => "the authenticator has been destroyed",
        })
    }
}

impl std::error::Error for NotTaken {}
