//! Tests of the messages: one that is written is read again; one that is cut short, too long or too much is not.

use super::super::asking::Told;
use super::super::fields::Writer;
use super::to_daemon::kind;
use super::*;
use crate::authenticator::answer::{Answer, Fault};
use crate::authenticator::decider::Offers;
use crate::authenticator::grants::{Order, Whom};
use crate::authenticator::log_line::LogLine;
use crate::authenticator::verdict::{Authorization, Request};
use proptest::prelude::*;
use std::time::Duration;

fn said() -> Vec<ToDaemon> {
    let answer = Answer {
        decision: -7,
        expires_unix_ms: u64::MAX,
        subject: b"s\xff".to_vec(),
        permissions: vec![(b"a.*".to_vec(), 3), (Vec::new(), u32::MAX)],
        attributes: vec![(b"k".to_vec(), b"\xff".to_vec())],
        ..Answer::default()
    };
    vec![
        ToDaemon::Ready(Offers { hears: true, ..Offers::default() }),
        ToDaemon::Ready(Offers { adopts: true, reloads: true, ..Offers::default() }),
        ToDaemon::Failed("w\u{e4}gt".into()),
        ToDaemon::Log(LogLine {
            level: -1,
            ticket: 7,
            text: b"\xff".to_vec(),
            attributes: vec![(b"k".to_vec(), b"\xff".to_vec())],
        }),
        ToDaemon::Answered(3, Told { status: -1, why: "no file".into() }),
        ToDaemon::Order(Order::Revoke(Whom::Ticket(4), "out".into())),
        ToDaemon::Order(Order::Recheck(Whom::Subject("alice".into()))),
        ToDaemon::Metrics(b"[]".to_vec()),
        ToDaemon::Returned { ticket: u64::MAX, status: i32::MIN },
        ToDaemon::Completed { ticket: 1, answer: Err(Fault::Malformed("NULL".into())), is_taken: false },
        ToDaemon::Completed { ticket: 1, answer: Err(Fault::Unsupported("has decided 9".into())), is_taken: false },
        ToDaemon::Completed { ticket: 2, answer: Ok(Box::new(answer)), is_taken: true },
    ]
}

#[test]
fn what_is_said_is_understood() {
    for said in said() {
        let frame = said.frame();
        let read = read(&mut &frame[..], TO_DAEMON_BYTES_MAX).unwrap().unwrap();
        assert_eq!(ToDaemon::parse(&read), Some(said));
    }
    let request = Request {
        authorization: Authorization::new(*b"\0\xff"),
        peer: "peer".into(),
        again: true,
        recheck: true,
        encrypted: true,
        attributes: vec![("k".into(), "v".to_owned().into())],
    };
    let frame = ToGuest::call(9, Duration::from_millis(5), &request);
    let Some(ToGuest::Call { ticket, left, request }) = ToGuest::parse(&frame[4..]) else { panic!("is a call") };
    assert_eq!((ticket, left, request.again, request.recheck), (9, Duration::from_millis(5), true, true));
    assert_eq!((request.authorization.expose(), request.peer.as_str()), (&b"\0\xff"[..], "peer"));
    assert_eq!(request.attributes, [("k".to_owned(), "v".to_owned().into())]);
}

#[test]
fn what_is_cut_short_or_too_long_is_an_error() {
    for said in said() {
        let frame = said.frame();
        for cut in 1..frame.len() {
            assert!(read(&mut &frame[..cut], TO_DAEMON_BYTES_MAX).is_err(), "{said:?} cut at {cut}");
            assert!(cut < 5 || ToDaemon::parse(&frame[4..cut]).is_none_or(|parsed| parsed != said));
        }
    }
    assert!(read(&mut &b""[..], 10).unwrap().is_none());
    assert!(read(&mut &[11, 0, 0, 0][..], 10).is_err());
}

/// A message of one byte for each of the fields `before`, and then what the rest says.
fn completed(before: usize, rest: impl FnOnce(Writer) -> Writer) -> Option<ToDaemon> {
    let writer = Writer::new(kind::COMPLETED, 1 << 20).number(1).number(1).number(1).number(0);
    let frame = rest((0..before).fold(writer, |writer, _| writer.bytes(b"a"))).done();
    ToDaemon::parse(&frame[4..])
}

#[test]
fn what_is_past_a_limit_of_the_abi_is_malformed_before_anything_is_made_of_it() {
    let text = |len: usize| vec![b'a'; len];
    let log = |len| {
        let frame = Writer::new(kind::LOG, len).number(3).number(0).bytes(&text(len)).number(0).done();
        ToDaemon::parse(&frame[4..])
    };
    assert!(log(abi::LOG_BYTES_MAX).is_some() && log(abi::LOG_BYTES_MAX + 1).is_none());
    for (before, max) in [(0, abi::SUBJECT_BYTES_MAX), (1, abi::TEXT_BYTES_MAX), (2, abi::TEXT_BYTES_MAX)] {
        let of = |len| {
            let fields = |writer: Writer| (before..2).fold(writer.bytes(&text(len)), |writer, _| writer.bytes(b""));
            completed(before, |writer| fields(writer).number(0).number(0))
        };
        assert!(of(max).is_some() && of(max + 1).is_none(), "field {before}");
    }
    let permissions = |count: usize, len| {
        let all = |writer| (0..count).fold(writer, |writer: Writer, _| writer.bytes(&text(len)).number(1));
        completed(3, |writer| all(writer.number(count as u64)).number(0))
    };
    let attributes = |count: usize, key, value| {
        let all = |writer| (0..count).fold(writer, |writer: Writer, _| writer.bytes(&text(key)).bytes(&text(value)));
        completed(3, |writer| all(writer.number(0).number(count as u64)))
    };
    assert!(permissions(abi::PERMISSIONS_MAX, abi::PATTERN_BYTES_MAX).is_some());
    assert!(permissions(abi::PERMISSIONS_MAX + 1, 0).is_none());
    assert!(permissions(1, abi::PATTERN_BYTES_MAX + 1).is_none());
    assert!(attributes(abi::ATTRS_MAX, abi::KEY_BYTES_MAX, abi::TEXT_BYTES_MAX).is_some());
    assert!(attributes(abi::ATTRS_MAX + 1, 0, 0).is_none());
    assert!(attributes(1, abi::KEY_BYTES_MAX + 1, 0).is_none());
    assert!(attributes(1, 0, abi::TEXT_BYTES_MAX + 1).is_none());
}

#[test]
fn the_largest_message_is_the_largest_verdict() {
    let long = |len| vec![b'a'; len];
    let answer = Answer {
        subject: long(abi::SUBJECT_BYTES_MAX),
        reason: long(abi::TEXT_BYTES_MAX),
        detail: long(abi::TEXT_BYTES_MAX),
        permissions: vec![(long(abi::PATTERN_BYTES_MAX), 3); abi::PERMISSIONS_MAX],
        attributes: vec![(long(abi::KEY_BYTES_MAX), long(abi::TEXT_BYTES_MAX)); abi::ATTRS_MAX],
        ..Answer::default()
    };
    let frame = ToDaemon::Completed { ticket: 1, answer: Ok(Box::new(answer)), is_taken: true }.frame();
    assert!((frame.len()..frame.len() + 128).contains(&TO_DAEMON_BYTES_MAX), "{}", frame.len());
    assert!(ToDaemon::parse(&read(&mut &frame[..], TO_DAEMON_BYTES_MAX).unwrap().unwrap()).is_some());
}

proptest! {
    #[test]
    fn nothing_that_comes_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0u8..8) {
        let mut frame = vec![kind];
        frame.extend(bytes);
        ToDaemon::parse(&frame);
        ToGuest::parse(&frame);
    }
}
