//! Frames of peers: values, and bytes to values. docs/protocol/relay-link.md has their layout.
//!
//! Pure functions: nothing here knows which frame may come when.

use super::deciders::{self, Decider};
use super::fields::{Fields, Malformed};
use super::kind;
use super::links::{self, LinkTold};
use super::orders::Entries;
use crate::routing::TakenIn;

/// A frame's value. The entries of revocations are read while iterating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Changes of the revocations.
    Revocations {
        /// What to acknowledge.
        number: u64,
        /// What the sender's clock says, in milliseconds since 1970.
        clock_ms: u64,
        /// In the order of the sender's table.
        entries: Entries<'a>,
    },
    /// Everything up to this number has been taken in.
    Revoked {
        /// Of the last frame.
        number: u64,
        /// What has become of all of it.
        outcome: TakenIn,
        /// So many clients were authorized by what has been revoked since the last one.
        clients: u64,
    },
    /// There was no room for some revocations, and there is now: tell all of them again.
    Room,
    /// End connections.
    Kick {
        /// What to answer with.
        number: u64,
        /// What `whom` is.
        by: u8,
        /// Whose connections.
        whom: &'a str,
    },
    /// So many were ended.
    Kicked {
        /// That of the kick.
        number: u64,
        /// Connections.
        count: u64,
    },
    /// These authenticators decide, in this order.
    Deciders(Vec<Decider>),
    /// These links the sender has.
    Links(Vec<LinkTold>),
}

impl Frame<'_> {
    /// Its type.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Revocations { .. } => kind::REVOCATIONS,
            Self::Revoked { .. } => kind::REVOKED,
            Self::Room => kind::ROOM,
            Self::Kick { .. } => kind::KICK,
            Self::Kicked { .. } => kind::KICKED,
            Self::Deciders(_) => kind::DECIDERS,
            Self::Links(_) => kind::LINKS,
        }
    }
}

/// Reads the fields of a frame.
///
/// # Errors
/// It is none of these.
pub(crate) fn parse(kind: u8, payload: &[u8]) -> Result<Frame<'_>, Malformed> {
    let mut fields = Fields::new(kind, payload);
    let frame = match kind {
        kind::REVOCATIONS => {
            let (number, clock_ms) = (fields.u64()?, fields.u64()?);
            return Ok(Frame::Revocations { number, clock_ms, entries: Entries::new(fields) });
        }
        kind::REVOKED => {
            let (number, outcome, clients) = (fields.u64()?, usize::from(fields.u8()?), fields.u64()?);
            let outcome = *TakenIn::ALL.get(outcome).ok_or(Malformed::Fields(kind::REVOKED))?;
            Frame::Revoked { number, outcome, clients }
        }
        kind::ROOM => Frame::Room,
        kind::KICK => {
            let (number, by) = (fields.u64()?, fields.u8()?);
            Frame::Kick { number, by, whom: fields.rest_as_text()? }
        }
        kind::KICKED => Frame::Kicked { number: fields.u64()?, count: fields.u64()? },
        kind::DECIDERS => return deciders::parse(fields).map(Frame::Deciders),
        kind::LINKS => return links::parse(fields).map(Frame::Links),
        unknown => return Err(Malformed::UnknownType(unknown)),
    };
    fields.end()?;
    Ok(frame)
}

/// Appends a frame of any type, in which entries have come from another frame. For tests and fuzzing: it must be the
/// inverse of [`parse`].
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn any(out: &mut Vec<u8>, value: &Frame<'_>) {
    use super::orders;
    match value.clone() {
        Frame::Revocations { number, clock_ms, entries } => {
            orders::revocations(out, number, clock_ms, entries.filter_map(Result::ok));
        }
        Frame::Revoked { number, outcome, clients } => orders::revoked(out, number, outcome, clients),
        Frame::Room => orders::room(out),
        Frame::Kick { number, by, whom } => orders::kick(out, number, by, whom),
        Frame::Kicked { number, count } => orders::kicked(out, number, count),
        Frame::Deciders(list) => deciders::deciders(out, &list),
        Frame::Links(list) => links::links(out, &list),
    }
}
