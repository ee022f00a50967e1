//! Orders of operators as frames: what one relay writes another reads, and what is none of them is refused.

use super::{self as wire, Decoder, FRAME_BYTES_MAX, Frame, kind, parse};
use crate::revocation::{AuthorizationHash, Entry, Stamp, Whom};
use crate::routing::TakenIn;

fn entry(whom: Whom, is_lifted: bool) -> Entry {
    Entry { whom, stamp: Stamp { time_ms: 7, writer: u64::MAX }, until_ms: 9, is_lifted }
}

#[test]
fn what_is_written_is_read() {
    let entries = [
        entry(Whom::Subject("x".repeat(1024)), false),
        entry(Whom::AuthorizationHash(AuthorizationHash([5; 16])), true),
    ];
    let mut out = Vec::new();
    wire::revocations(&mut out, 3, 7, entries.clone());
    let lengths: usize = entries.iter().map(wire::entry_len).sum();
    assert_eq!(out.len(), 5 + 16 + lengths, "a frame is filled by these lengths");
    wire::revoked(&mut out, 3, TakenIn::NoRoom, 6);
    wire::kick(&mut out, 4, 2, "alice");
    wire::kicked(&mut out, 4, 5);
    let mut decoder = Decoder::default();
    decoder.feed(&out);
    let mut next = || {
        let (kind, payload) = decoder.next(FRAME_BYTES_MAX).unwrap().unwrap();
        (kind, payload.to_vec())
    };
    let (kind, payload) = next();
    let Ok(Frame::Revocations { number: 3, clock_ms: 7, entries: read }) = parse(kind, &payload) else {
        panic!("{payload:?}")
    };
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), entries);
    let (kind, payload) = next();
    assert_eq!(parse(kind, &payload), Ok(Frame::Revoked { number: 3, outcome: TakenIn::NoRoom, clients: 6 }));
    for (byte, outcome) in
        [(0, Some(TakenIn::NoRoom)), (1, Some(TakenIn::Held)), (2, Some(TakenIn::UnknownKey)), (3, None)]
    {
        let mut other = payload.clone();
        other[8] = byte;
        let read = outcome.map(|outcome| Frame::Revoked { number: 3, outcome, clients: 6 });
        assert_eq!(parse(kind, &other).ok(), read, "{byte}");
    }
    let (kind, payload) = next();
    assert_eq!(parse(kind, &payload), Ok(Frame::Kick { number: 4, by: 2, whom: "alice" }));
    let (kind, payload) = next();
    assert_eq!(parse(kind, &payload), Ok(Frame::Kicked { number: 4, count: 5 }));
}

#[test]
fn entries_that_can_be_nobodys_are_malformed() {
    let mut good = Vec::new();
    wire::revocations(&mut good, 1, 0, [entry(Whom::Subject("ab".into()), false)]);
    let fields = &good[5..];
    let read = |fields: &[u8]| match parse(kind::REVOCATIONS, fields) {
        Ok(Frame::Revocations { entries, .. }) => entries.collect::<Result<Vec<_>, _>>().is_ok(),
        _ => false,
    };
    assert!(read(fields));
    // Behind the numbers: is lifted, kind, length, text.
    for (at, byte) in [(40, 2), (41, 3), (41, 2), (42, 1), (43, 0), (44, 0xff)] {
        let mut wrong = fields.to_vec();
        wrong[at] = byte;
        assert!(!read(&wrong), "{byte} at {at}");
    }
    assert!(!read(&fields[..fields.len() - 1]), "cut short");
}
