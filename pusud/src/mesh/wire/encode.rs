//! Writing frames of a link to the end of a buffer. The counterpart of `codec`, which has their values.

use crate::config::Encryption;
#[cfg(any(test, feature = "fuzzing"))]
use crate::mesh::wire::codec::Frame;
use crate::mesh::wire::codec::{ENCRYPTION_MINOR, Hello, MAGIC};
use crate::mesh::wire::kind;
use crate::mesh::wire::lists::Total;
#[cfg(any(test, feature = "fuzzing"))]
use crate::peers;
use crate::peers::{FRAME_BYTES_MAX, HEAD_BYTES, frame};

/// Longest text of a refusal, in bytes.
const REASON_BYTES_MAX: usize = 900;

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
        while out.len() - start < FRAME_BYTES_MAX - 512 {
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

/// Appends HOLD or GO with names from `channels` until it is full.
pub(crate) fn channels<'a>(out: &mut Vec<u8>, kind: u8, channels: &mut impl Iterator<Item = &'a str>) {
    frame(out, kind, |out| names(out, channels));
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
    while out.len() - start < FRAME_BYTES_MAX - 512 {
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

/// Appends a frame of any type, in which lists have come from another frame. For tests and fuzzing: it must be the
/// inverse of [`parse`](crate::mesh::wire::codec::parse).
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn any(out: &mut Vec<u8>, value: &Frame<'_>) {
    use crate::peers::{bare, close};
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
        Frame::History(message) => frame(out, kind::HISTORY, |out| out.extend_from_slice(message)),
        Frame::Peers(frame) => peers::any(out, &frame),
    }
}
