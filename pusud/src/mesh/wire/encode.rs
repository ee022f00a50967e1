//! Writing frames of a link to the end of a buffer. The counterpart of `codec`, which has their values.

use crate::config::Encryption;
#[cfg(any(test, feature = "fuzzing"))]
use crate::mesh::wire::codec::Frame;
use crate::mesh::wire::codec::{ENCRYPTION_MINOR, FRAME_BYTES_OVER_CONTENT, HEAD_BYTES, Hello, MAGIC, Total};
use crate::mesh::wire::kind;
use crate::revocation::{Entry, Whom};
use crate::routing::TakenIn;

/// Longest text of a refusal, in bytes.
const REASON_BYTES_MAX: usize = 900;

/// Appends a frame: its length, its type, and the fields that `fields` appends.
pub(crate) fn frame(out: &mut Vec<u8>, kind: u8, fields: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES - 1]);
    out.push(kind);
    fields(out);
    close(out, start);
}

/// Writes the length of the frame that began at `start` and ends where `out` does.
pub(crate) fn close(out: &mut [u8], start: usize) {
    let len = u32::try_from(out.len() - start - 4).expect("frames are bounded far below 4 GiB");
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
}

/// Appends the fields of a HELLO, without the frame around them.
pub(crate) fn hello_fields(out: &mut Vec<u8>, hello: &Hello) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&hello.major.to_be_bytes());
    out.extend_from_slice(&hello.minor.to_be_bytes());
    out.push(hello.key.into());
    out.extend_from_slice(&hello.content_bytes_max.to_be_bytes());
    out.extend_from_slice(&hello.boot.0);
    out.extend_from_slice(&hello.nonce);
    name(out, &hello.network);
    name(out, &hello.name);
    if hello.minor >= ENCRYPTION_MINOR {
        out.push(match hello.encryption {
            Encryption::Off => 0,
            Encryption::Preferred => 1,
            Encryption::Required => 2,
        });
        out.push(hello.certificates.into());
    }
}

/// Appends AUTH.
pub(crate) fn auth(out: &mut Vec<u8>, linked: bool, signature: &[u8]) {
    frame(out, kind::AUTH, |out| {
        out.push(linked.into());
        out.extend_from_slice(signature);
    });
}

/// Appends READY.
pub(crate) fn ready(out: &mut Vec<u8>, ready: crate::mesh::wire::codec::Ready) {
    frame(out, kind::READY, |out| {
        out.extend_from_slice(&ready.link.to_be_bytes());
        out.extend_from_slice(&ready.seen.to_be_bytes());
        out.extend_from_slice(&ready.next.to_be_bytes());
    });
}

/// Appends REFUSE. A reason that is too long is cut.
pub(crate) fn refuse(out: &mut Vec<u8>, code: u16, reason: &str) {
    frame(out, kind::REFUSE, |out| {
        out.extend_from_slice(&code.to_be_bytes());
        let fits = reason.char_indices().map(|(at, character)| at + character.len_utf8());
        let len = fits.take_while(|&end| end <= REASON_BYTES_MAX).last().unwrap_or(0);
        out.extend_from_slice(&reason.as_bytes()[..len]);
    });
}

/// Appends PING or PONG.
pub(crate) fn heartbeat(out: &mut Vec<u8>, kind: u8, time: u64, seen: u64) {
    frame(out, kind, |out| {
        out.extend_from_slice(&time.to_be_bytes());
        out.extend_from_slice(&seen.to_be_bytes());
    });
}

/// Appends SNAPSHOT with names from `channels` until it is full.
pub(crate) fn snapshot<'a>(out: &mut Vec<u8>, generation: u32, channels: &mut impl Iterator<Item = &'a str>) {
    frame(out, kind::SNAPSHOT, |out| {
        out.extend_from_slice(&generation.to_be_bytes());
        names(out, channels);
    });
}

/// Appends SNAPSHOT_END.
pub(crate) fn snapshot_end(out: &mut Vec<u8>, generation: u32, number: u64, total: Total) {
    frame(out, kind::SNAPSHOT_END, |out| {
        out.extend_from_slice(&generation.to_be_bytes());
        out.extend_from_slice(&number.to_be_bytes());
        put_total(out, total);
    });
}

/// Appends CHANGES with changes from `changes` until it is full.
pub(crate) fn changes<'a>(out: &mut Vec<u8>, first: u64, changes: &mut impl Iterator<Item = (bool, &'a str)>) {
    frame(out, kind::CHANGES, |out| {
        out.extend_from_slice(&first.to_be_bytes());
        let start = out.len();
        while out.len() - start < FRAME_BYTES_OVER_CONTENT - 512 {
            let Some((announced, channel)) = changes.next() else { break };
            out.push(announced.into());
            name(out, channel);
        }
    });
}

/// Appends ACKNOWLEDGE.
pub(crate) fn acknowledge(out: &mut Vec<u8>, number: u64) {
    frame(out, kind::ACKNOWLEDGE, |out| out.extend_from_slice(&number.to_be_bytes()));
}

/// Appends CHECK.
pub(crate) fn check(out: &mut Vec<u8>, total: Total) {
    frame(out, kind::CHECK, |out| put_total(out, total));
}

/// Appends a frame without fields: RESYNC, ROOM or GOODBYE.
pub(crate) fn bare(out: &mut Vec<u8>, kind: u8) {
    frame(out, kind, |_| {});
}

/// Appends HOLD or GO with names from `channels` until it is full.
pub(crate) fn channels<'a>(out: &mut Vec<u8>, kind: u8, channels: &mut impl Iterator<Item = &'a str>) {
    frame(out, kind, |out| names(out, channels));
}

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

/// Begins PUBLICATIONS: publications follow, then [`close`].
pub(crate) fn begin_publications(out: &mut Vec<u8>, first: u64) {
    out.extend_from_slice(&[0; HEAD_BYTES - 1]);
    out.push(kind::PUBLICATIONS);
    out.extend_from_slice(&first.to_be_bytes());
}

/// Appends one publication to a PUBLICATIONS that has begun.
pub(crate) fn publication(out: &mut Vec<u8>, channel: &str, content: &[u8]) {
    name(out, channel);
    let len = u32::try_from(content.len()).expect("contents are bounded far below 4 GiB");
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(content);
}

/// Appends names until a frame has room for no further one.
fn names<'a>(out: &mut Vec<u8>, names: &mut impl Iterator<Item = &'a str>) {
    let start = out.len();
    // One more name of any length has to fit.
    while out.len() - start < FRAME_BYTES_OVER_CONTENT - 512 {
        let Some(channel) = names.next() else { break };
        name(out, channel);
    }
}

fn name(out: &mut Vec<u8>, name: &str) {
    out.push(u8::try_from(name.len()).expect("names of channels, relays and networks have at most 255 bytes"));
    out.extend_from_slice(name.as_bytes());
}

fn put_total(out: &mut Vec<u8>, total: Total) {
    out.extend_from_slice(&total.count.to_be_bytes());
    out.extend_from_slice(&total.hash.to_be_bytes());
}

#[cfg(any(test, feature = "fuzzing"))]
/// Appends a frame of any type, in which lists have come from another frame. For tests and fuzzing: it must be the
/// inverse of [`parse`](crate::mesh::wire::codec::parse).
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn any(out: &mut Vec<u8>, value: &Frame<'_>) {
    match value.clone() {
        Frame::Hello(hello) => frame(out, kind::HELLO, |out| hello_fields(out, &hello)),
        Frame::Auth { linked, signature } => auth(out, linked, signature),
        Frame::Ready(value) => ready(out, value),
        Frame::Refuse { code, reason } => refuse(out, code, reason),
        Frame::Goodbye => bare(out, kind::GOODBYE),
        Frame::Ping { time, seen } => heartbeat(out, kind::PING, time, seen),
        Frame::Pong { time, seen } => heartbeat(out, kind::PONG, time, seen),
        Frame::Snapshot { generation, channels } => snapshot(out, generation, &mut channels.filter_map(Result::ok)),
        Frame::SnapshotEnd { generation, number, total } => snapshot_end(out, generation, number, total),
        Frame::Changes { first, changes: list } => changes(out, first, &mut list.filter_map(Result::ok)),
        Frame::Acknowledge { number } => acknowledge(out, number),
        Frame::Check { total } => check(out, total),
        Frame::Resync => bare(out, kind::RESYNC),
        Frame::Publications { first, publications } => {
            let start = out.len();
            begin_publications(out, first);
            for (channel, content) in publications.filter_map(Result::ok) {
                publication(out, channel, content.as_bytes());
            }
            close(out, start);
        }
        Frame::Hold { channels: list } => channels(out, kind::HOLD, &mut list.filter_map(Result::ok)),
        Frame::Go { channels: list } => channels(out, kind::GO, &mut list.filter_map(Result::ok)),
        Frame::Revocations { number, clock_ms, entries } => {
            revocations(out, number, clock_ms, entries.filter_map(Result::ok));
        }
        Frame::Revoked { number, outcome, clients } => revoked(out, number, outcome, clients),
        Frame::Room => bare(out, kind::ROOM),
        Frame::Kick { number, by, whom } => kick(out, number, by, whom),
        Frame::Kicked { number, count } => kicked(out, number, count),
        Frame::Deciders(list) => crate::mesh::wire::deciders(out, &list),
        Frame::Links(list) => crate::mesh::wire::links(out, &list),
    }
}
