//! Messages between the daemon and the process of a plugin: bytes to values and back.
//!
//! Both ends are the same binary, so there are no versions. The daemon trusts what comes from the other end no more than
//! it trusts the plugin: every length is checked before anything is made of it.
//! **Invariant:** bytes that may hold a secret are wiped when they are dropped, and never copied by growing.
// Longer than 300 lines: what is written and what is read of one protocol stands together, with its tests.

use super::asking::{Ask, Told, read_order, write_order};
use super::fields::{Frame, Reader, Writer, as_signed, signed};
use crate::authenticator::answer::{Answer, Fault};
use crate::authenticator::decider::Offers;
use crate::authenticator::facts::Facts;
use crate::authenticator::grants::Order;
use crate::authenticator::log_line::LogLine;
use crate::authenticator::verdict::{Authorization, Request};
use pusu_plugin_abi as abi;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;
use zeroize::Zeroizing;

/// Largest message to the plugin's process, in bytes: options come out of a settings file of 16 MiB at most,
/// authorizations out of messages of 1 GiB at most.
pub(super) const TO_GUEST_BYTES_MAX: usize = (1 << 30) + (1 << 20);
/// Largest message from the plugin's process, in bytes: a verdict with everything that the ABI allows, and a number of eight
/// bytes before each field and list.
pub(super) const TO_DAEMON_BYTES_MAX: usize = abi::SUBJECT_BYTES_MAX
    + 2 * abi::TEXT_BYTES_MAX
    + abi::PERMISSIONS_MAX * (abi::PATTERN_BYTES_MAX + 16)
    + abi::ATTRS_MAX * (abi::KEY_BYTES_MAX + abi::TEXT_BYTES_MAX + 16)
    + 128;
/// Largest reason why something failed, in bytes; more is cut off by whoever says it.
pub(super) const REASON_BYTES_MAX: usize = abi::TEXT_BYTES_MAX;

/// Longest message with what was counted, in bytes: 64 series with everything that the ABI allows.
const METRICS_BYTES_MAX: usize = abi::METRICS_MAX * 4096;

/// The first byte of a message to the plugin's process says which it is.
mod to_guest {
    pub(super) const START: u8 = 1;
    pub(super) const CALL: u8 = 2;
    pub(super) const CANCEL: u8 = 3;
    pub(super) const ASK: u8 = 4;
}

/// The first byte of a message from the plugin's process says which it is.
mod to_daemon {
    pub(super) const READY: u8 = 1;
    pub(super) const FAILED: u8 = 2;
    pub(super) const LOG: u8 = 3;
    pub(super) const RETURNED: u8 = 4;
    pub(super) const MALFORMED: u8 = 5;
    pub(super) const COMPLETED: u8 = 6;
    pub(super) const UNSUPPORTED: u8 = 7;
    pub(super) const ANSWERED: u8 = 8;
    pub(super) const ORDER: u8 = 9;
    pub(super) const METRICS: u8 = 10;
}

/// A message from the daemon.
pub(super) enum ToGuest {
    /// The first one: the plugin to run.
    Start(Box<Start>),
    /// A call, with the time left for it.
    Call { ticket: u64, left: Duration, request: Request },
    /// The answer to a call is no longer wanted.
    Cancel(u64),
    /// A call that is about no request.
    Ask(u64, Ask),
}

/// What a process is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// An instance lives in it.
    Serve,
    /// The options are checked in it, and nothing else.
    Check,
    /// The library is loaded in it, and nothing else.
    Load,
}

impl Purpose {
    fn read(number: u64) -> Option<Self> {
        [Self::Serve, Self::Check, Self::Load].into_iter().find(|purpose| *purpose as u64 == number)
    }
}

/// The plugin to run.
pub(super) struct Start {
    /// The plugin's id.
    pub(super) plugin: String,
    /// Where the library lies, if it has to be loaded there; else the sealed memory came with the first byte.
    pub(super) path: Vec<u8>,
    /// What the process is for.
    pub(super) purpose: Purpose,
    /// How much address space the process may have; `None`: no limit.
    pub(super) memory_bytes_max: Option<u64>,
    /// What the plugin is told when it asks.
    pub(super) facts: Facts,
    /// The most verbose level that is written to the log: 1 to 5, or 0 for none.
    pub(super) log_level: i32,
    /// The plugin has the flag GRANTS, and grants can be rechecked.
    pub(super) has_grants: bool,
    pub(super) can_recheck: bool,
    /// The manifest as it stands in the library's file.
    pub(super) manifest: Vec<u8>,
    /// One JSON object.
    pub(super) options: Zeroizing<String>,
}

/// A message from the plugin's process.
#[derive(Debug, PartialEq)]
pub(super) enum ToDaemon {
    /// The instance is made, and offers these tables.
    Ready(Offers),
    /// It cannot be made, and why.
    Failed(String),
    /// A line for the log.
    Log(LogLine),
    /// A call that was about no request has returned.
    Answered(u64, Told),
    /// The plugin orders something about its grants.
    Order(Order),
    /// What has been counted since the last time, as JSON.
    Metrics(Vec<u8>),
    /// `authorize` has returned.
    Returned { ticket: u64, status: i32 },
    /// `complete` was called, and has told the plugin that the answer is taken, or not.
    Completed { ticket: u64, answer: Result<Box<Answer>, Fault>, is_taken: bool },
}

/// Reads one message; `None`: the other end has closed the socket.
///
/// # Errors
/// It cannot be read, ends in the middle, or is longer than `bytes_max`.
pub(super) fn read(stream: &mut impl Read, bytes_max: usize) -> io::Result<Option<Frame>> {
    let mut length = [0; 4];
    if stream.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[1..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > bytes_max {
        return Err(io::Error::new(ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    let mut frame = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut frame)?;
    Ok(Some(frame))
}

impl ToGuest {
    pub(super) fn start(start: &Start) -> Frame {
        let facts = &start.facts;
        let facts = [&facts.settings_dir, &facts.state_dir, &facts.library].map(Vec::len).iter().sum::<usize>();
        // The numbers and lengths of the facts have room in these, and so has the relay's name.
        let bytes = start.plugin.len() + start.path.len() + start.manifest.len() + start.options.len() + facts + 1024;
        let writer = Writer::new(to_guest::START, bytes).bytes(start.plugin.as_bytes()).bytes(&start.path);
        let writer = writer.number(start.purpose as u64);
        // No process does with an address space of 0 bytes.
        let writer = write_facts(writer.number(start.memory_bytes_max.unwrap_or(0)), &start.facts);
        let writer = writer.number(signed(start.log_level));
        let writer = writer.number(start.has_grants.into()).number(start.can_recheck.into());
        writer.bytes(&start.manifest).bytes(start.options.as_bytes()).done()
    }

    pub(super) fn call(ticket: u64, left: Duration, request: &Request) -> Frame {
        let attributes: usize = request.attributes.iter().map(|(key, value)| key.len() + value.len() + 16).sum();
        let bytes = request.authorization.expose().len() + request.peer.len() + attributes;
        let flags = u64::from(request.again) | u64::from(request.recheck) << 1;
        let left = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
        let mut writer = Writer::new(to_guest::CALL, bytes).number(ticket).number(left).number(flags);
        writer = writer.bytes(request.authorization.expose()).bytes(request.peer.as_bytes());
        writer = writer.number(request.attributes.len() as u64);
        for (key, value) in &request.attributes {
            writer = writer.bytes(key.as_bytes()).bytes(value.as_bytes());
        }
        writer.done()
    }

    pub(super) fn ask(number: u64, ask: &Ask) -> Frame {
        ask.write(Writer::new(to_guest::ASK, ask.len()).number(number)).done()
    }

    pub(super) fn cancel(ticket: u64) -> Frame {
        Writer::new(to_guest::CANCEL, 0).number(ticket).done()
    }

    /// Reads a frame; `None`: it is malformed.
    pub(super) fn parse(frame: &[u8]) -> Option<Self> {
        let (&kind, fields) = frame.split_first()?;
        let mut fields = Reader(fields);
        Some(match kind {
            to_guest::START => Self::Start(Box::new(Start {
                plugin: fields.text()?,
                path: fields.bytes()?.to_vec(),
                purpose: Purpose::read(fields.number()?)?,
                memory_bytes_max: Some(fields.number()?).filter(|bytes| *bytes > 0),
                facts: read_facts(&mut fields)?,
                log_level: as_signed(fields.number()?)?,
                has_grants: fields.number()? != 0,
                can_recheck: fields.number()? != 0,
                manifest: fields.bytes()?.to_vec(),
                options: Zeroizing::new(fields.text()?),
            })),
            to_guest::CALL => Self::Call {
                ticket: fields.number()?,
                left: Duration::from_nanos(fields.number()?),
                request: request(&mut fields)?,
            },
            to_guest::CANCEL => Self::Cancel(fields.number()?),
            to_guest::ASK => Self::Ask(fields.number()?, Ask::read(&mut fields)?),
            _ => return None,
        })
    }
}

impl ToDaemon {
    pub(super) fn frame(&self) -> Frame {
        match self {
            Self::Ready(offers) => {
                let bits = [offers.reloads, offers.tells_health, offers.hears, offers.adopts].map(u64::from);
                let bits = bits.iter().rev().fold(0, |bits, bit| bits << 1 | bit);
                Writer::new(to_daemon::READY, 0).number(bits).done()
            }
            Self::Failed(why) => Writer::new(to_daemon::FAILED, why.len()).bytes(why.as_bytes()).done(),
            Self::Log(line) => {
                let mut writer = Writer::new(to_daemon::LOG, line.len()).number(signed(line.level)).number(line.ticket);
                writer = writer.bytes(&line.text).number(line.attributes.len() as u64);
                for (key, value) in &line.attributes {
                    writer = writer.bytes(key).bytes(value);
                }
                writer.done()
            }
            Self::Answered(number, told) => {
                told.write(Writer::new(to_daemon::ANSWERED, told.why.len()).number(*number)).done()
            }
            Self::Order(order) => write_order(Writer::new(to_daemon::ORDER, 1024), order).done(),
            Self::Metrics(json) => Writer::new(to_daemon::METRICS, json.len()).bytes(json).done(),
            Self::Returned { ticket, status } => {
                Writer::new(to_daemon::RETURNED, 0).number(*ticket).number(signed(*status)).done()
            }
            Self::Completed { ticket, answer: Err(fault), .. } => {
                let (kind, what) = match fault {
                    Fault::Malformed(what) => (to_daemon::MALFORMED, what),
                    Fault::Unsupported(what) => (to_daemon::UNSUPPORTED, what),
                };
                Writer::new(kind, what.len()).number(*ticket).bytes(what.as_bytes()).done()
            }
            Self::Completed { ticket, answer: Ok(answer), is_taken } => {
                let mut writer = Writer::new(to_daemon::COMPLETED, 1024).number(*ticket).number((*is_taken).into());
                writer = writer.number(signed(answer.decision)).number(answer.expires_unix_ms);
                writer = writer.bytes(&answer.subject).bytes(&answer.reason).bytes(&answer.detail);
                writer = writer.number(answer.permissions.len() as u64);
                for (pattern, access) in &answer.permissions {
                    writer = writer.bytes(pattern).number(u64::from(*access));
                }
                writer = writer.number(answer.attributes.len() as u64);
                for (key, value) in &answer.attributes {
                    writer = writer.bytes(key).bytes(value);
                }
                writer.done()
            }
        }
    }

    /// Reads a frame; `None`: it is malformed.
    pub(super) fn parse(frame: &[u8]) -> Option<Self> {
        let (&kind, fields) = frame.split_first()?;
        let mut fields = Reader(fields);
        Some(match kind {
            to_daemon::READY => Self::Ready(offers(fields.number()?)),
            to_daemon::FAILED => Self::Failed(fields.text_to(REASON_BYTES_MAX)?),
            to_daemon::LOG => Self::Log(log_line(&mut fields)?),
            to_daemon::ANSWERED => Self::Answered(fields.number()?, Told::read(&mut fields)?),
            to_daemon::ORDER => Self::Order(read_order(&mut fields)?),
            to_daemon::METRICS => Self::Metrics(fields.bytes_to(METRICS_BYTES_MAX)?.to_vec()),
            to_daemon::RETURNED => Self::Returned { ticket: fields.number()?, status: as_signed(fields.number()?)? },
            to_daemon::MALFORMED => {
                let (ticket, fault) = (fields.number()?, Fault::Malformed(fields.text_to(REASON_BYTES_MAX)?));
                Self::Completed { ticket, answer: Err(fault), is_taken: false }
            }
            to_daemon::UNSUPPORTED => {
                let (ticket, fault) = (fields.number()?, Fault::Unsupported(fields.text_to(REASON_BYTES_MAX)?));
                Self::Completed { ticket, answer: Err(fault), is_taken: false }
            }
            to_daemon::COMPLETED => {
                let (ticket, is_taken) = (fields.number()?, fields.number()? != 0);
                Self::Completed { ticket, answer: Ok(Box::new(answer(&mut fields)?)), is_taken }
            }
            _ => return None,
        })
    }
}

fn write_facts(writer: Writer, facts: &Facts) -> Writer {
    let writer = writer.number(facts.isolation.into()).bytes(facts.relay.as_bytes()).bytes(&facts.settings_dir);
    let writer = writer.bytes(&facts.state_dir).bytes(&facts.library);
    writer.number(facts.create_timeout_ms).number(facts.destroy_timeout_ms)
}

fn read_facts(fields: &mut Reader<'_>) -> Option<Facts> {
    Some(Facts {
        isolation: fields.number()?.try_into().ok()?,
        relay: fields.text()?,
        settings_dir: fields.bytes()?.to_vec(),
        state_dir: fields.bytes()?.to_vec(),
        library: fields.bytes()?.to_vec(),
        create_timeout_ms: fields.number()?,
        destroy_timeout_ms: fields.number()?,
    })
}

fn offers(bits: u64) -> Offers {
    Offers { reloads: bits & 1 != 0, tells_health: bits & 2 != 0, hears: bits & 4 != 0, adopts: bits & 8 != 0 }
}

fn log_line(fields: &mut Reader<'_>) -> Option<LogLine> {
    let line = LogLine {
        level: as_signed(fields.number()?)?,
        ticket: fields.number()?,
        text: fields.bytes_to(abi::LOG_BYTES_MAX)?.to_vec(),
        attributes: attributes(fields, abi::LOG_BYTES_MAX)?,
    };
    (line.len() <= abi::LOG_BYTES_MAX).then_some(line)
}

/// Keys and values; these have at most `value_bytes_max`.
fn attributes(fields: &mut Reader<'_>, value_bytes_max: usize) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    (0..fields.count_to(abi::ATTRS_MAX)?)
        .map(|_| {
            let key = fields.bytes_to(abi::KEY_BYTES_MAX)?.to_vec();
            Some((key, fields.bytes_to(value_bytes_max)?.to_vec()))
        })
        .collect()
}

fn request(fields: &mut Reader<'_>) -> Option<Request> {
    let flags = fields.number()?;
    Some(Request {
        again: flags & 1 != 0,
        recheck: flags & 2 != 0,
        authorization: Authorization::new(fields.bytes()?),
        peer: fields.text()?,
        attributes: (0..fields.count()?).map(|_| Some((fields.text()?, fields.text()?))).collect::<Option<_>>()?,
    })
}

fn answer(fields: &mut Reader<'_>) -> Option<Answer> {
    Some(Answer {
        decision: as_signed(fields.number()?)?,
        expires_unix_ms: fields.number()?,
        subject: fields.bytes_to(abi::SUBJECT_BYTES_MAX)?.to_vec(),
        reason: fields.bytes_to(abi::TEXT_BYTES_MAX)?.to_vec(),
        detail: fields.bytes_to(abi::TEXT_BYTES_MAX)?.to_vec(),
        permissions: (0..fields.count_to(abi::PERMISSIONS_MAX)?)
            .map(|_| {
                let pattern = fields.bytes_to(abi::PATTERN_BYTES_MAX)?.to_vec();
                Some((pattern, u32::try_from(fields.number()?).ok()?))
            })
            .collect::<Option<_>>()?,
        attributes: attributes(fields, abi::TEXT_BYTES_MAX)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticator::grants::Whom;
    use proptest::prelude::*;

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
            attributes: vec![("k".into(), "v".into())],
        };
        let frame = ToGuest::call(9, Duration::from_millis(5), &request);
        let Some(ToGuest::Call { ticket, left, request }) = ToGuest::parse(&frame[4..]) else { panic!("is a call") };
        assert_eq!((ticket, left, request.again, request.recheck), (9, Duration::from_millis(5), true, true));
        assert_eq!((request.authorization.expose(), request.peer.as_str()), (&b"\0\xff"[..], "peer"));
        assert_eq!(request.attributes, [("k".to_owned(), "v".to_owned())]);
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
        let writer = Writer::new(to_daemon::COMPLETED, 1 << 20).number(1).number(1).number(1).number(0);
        let frame = rest((0..before).fold(writer, |writer, _| writer.bytes(b"a"))).done();
        ToDaemon::parse(&frame[4..])
    }

    #[test]
    fn what_is_past_a_limit_of_the_abi_is_malformed_before_anything_is_made_of_it() {
        let text = |len: usize| vec![b'a'; len];
        let log = |len| {
            let frame = Writer::new(to_daemon::LOG, len).number(3).number(0).bytes(&text(len)).number(0).done();
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
            let all =
                |writer| (0..count).fold(writer, |writer: Writer, _| writer.bytes(&text(key)).bytes(&text(value)));
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
}
