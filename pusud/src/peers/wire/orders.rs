//! Orders of operators as bytes: what is written, and the entries of revocations, which are read while they are walked.

use super::fields::list;
use super::framing::{bare, frame};
use super::kind;
use crate::revocation::{AuthorizationHash, Entry, Stamp, Whom};
use crate::routing::TakenIn;

list!(
    /// Revocations, and lifts of some.
    Entries,
    Entry,
    |fields| {
        let stamp = Stamp { time_ms: fields.u64()?, writer: fields.u64()? };
        let (until_ms, is_lifted, kind) = (fields.u64()?, fields.flag()?, fields.u8()?);
        let len = fields.u16()?.into();
        let whom = match kind {
            1 => Whom::Subject(fields.text(len)?.to_owned()),
            2 => Whom::AuthorizationHash(AuthorizationHash(fields.bytes(len)?.try_into().map_err(|_| fields.wrong())?)),
            _ => return Err(fields.wrong()),
        };
        whom.check().map_err(|_| fields.wrong())?;
        Ok(Entry { whom, stamp, until_ms, is_lifted })
    }
);
/// Bytes that an entry of REVOCATIONS takes.
pub(crate) fn entry_len(entry: &Entry) -> usize {
    28 + match &entry.whom {
        Whom::Subject(subject) => subject.len(),
        Whom::AuthorizationHash(hash) => hash.0.len(),
    }
}

/// Appends REVOCATIONS. `clock_ms`: what this relay's clock says, in milliseconds since 1970.
pub(crate) fn revocations(out: &mut Vec<u8>, number: u64, clock_ms: u64, entries: impl IntoIterator<Item = Entry>) {
    frame(out, kind::REVOCATIONS, |out| {
        out.extend_from_slice(&number.to_be_bytes());
        out.extend_from_slice(&clock_ms.to_be_bytes());
        for Entry { whom, stamp, until_ms, is_lifted } in entries {
            for field in [stamp.time_ms, stamp.writer, until_ms] {
                out.extend_from_slice(&field.to_be_bytes());
            }
            let (kind, bytes) = match &whom {
                Whom::Subject(subject) => (1, subject.as_bytes()),
                Whom::AuthorizationHash(hash) => (2, &hash.0[..]),
            };
            out.extend_from_slice(&[is_lifted.into(), kind]);
            let len = u16::try_from(bytes.len()).expect("subjects have at most 1024 bytes");
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(bytes);
        }
    });
}

/// Appends REVOKED.
pub(crate) fn revoked(out: &mut Vec<u8>, number: u64, outcome: TakenIn, clients: u64) {
    frame(out, kind::REVOKED, |out| {
        out.extend_from_slice(&number.to_be_bytes());
        out.push(outcome as u8);
        out.extend_from_slice(&clients.to_be_bytes());
    });
}

/// Appends KICK.
pub(crate) fn kick(out: &mut Vec<u8>, number: u64, by: u8, whom: &str) {
    frame(out, kind::KICK, |out| {
        out.extend_from_slice(&number.to_be_bytes());
        out.push(by);
        out.extend_from_slice(whom.as_bytes());
    });
}

/// Appends KICKED.
pub(crate) fn kicked(out: &mut Vec<u8>, number: u64, count: u64) {
    frame(out, kind::KICKED, |out| {
        out.extend_from_slice(&number.to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
    });
}

/// Appends ROOM.
pub(crate) fn room(out: &mut Vec<u8>) {
    bare(out, kind::ROOM);
}
