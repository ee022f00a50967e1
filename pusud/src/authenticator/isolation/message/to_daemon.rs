//! Messages from the process of a plugin to the daemon: what it says and answers, within the bounds of the ABI.

use super::super::asking::{Told, read_order, write_order};
use super::super::fields::{Frame, Reader, Writer, as_signed, signed};
use super::REASON_BYTES_MAX;
use crate::authenticator::answer::{Answer, Fault};
use crate::authenticator::decider::Offers;
use crate::authenticator::grants::Order;
use crate::authenticator::log_line::LogLine;
use pusu_plugin_abi as abi;

/// Longest message with what was counted, in bytes: 64 series with everything that the ABI allows.
const METRICS_BYTES_MAX: usize = abi::METRICS_MAX * 4096;

/// The first byte of a message from the plugin's process says which it is.
pub(super) mod kind {
    pub(in super::super) const READY: u8 = 1;
    pub(in super::super) const FAILED: u8 = 2;
    pub(in super::super) const LOG: u8 = 3;
    pub(in super::super) const RETURNED: u8 = 4;
    pub(in super::super) const MALFORMED: u8 = 5;
    pub(in super::super) const COMPLETED: u8 = 6;
    pub(in super::super) const UNSUPPORTED: u8 = 7;
    pub(in super::super) const ANSWERED: u8 = 8;
    pub(in super::super) const ORDER: u8 = 9;
    pub(in super::super) const METRICS: u8 = 10;
}

/// A message from the plugin's process.
#[derive(Debug, PartialEq)]
pub(in super::super) enum ToDaemon {
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

impl ToDaemon {
    pub(in super::super) fn frame(&self) -> Frame {
        match self {
            Self::Ready(offers) => {
                let bits = [offers.reloads, offers.tells_health, offers.hears, offers.adopts].map(u64::from);
                let bits = bits.iter().rev().fold(0, |bits, bit| bits << 1 | bit);
                Writer::new(kind::READY, 0).number(bits).done()
            }
            Self::Failed(why) => Writer::new(kind::FAILED, why.len()).bytes(why.as_bytes()).done(),
            Self::Log(line) => {
                let mut writer = Writer::new(kind::LOG, line.len()).number(signed(line.level)).number(line.ticket);
                writer = writer.bytes(&line.text).number(line.attributes.len() as u64);
                for (key, value) in &line.attributes {
                    writer = writer.bytes(key).bytes(value);
                }
                writer.done()
            }
            Self::Answered(number, told) => {
                told.write(Writer::new(kind::ANSWERED, told.why.len()).number(*number)).done()
            }
            Self::Order(order) => write_order(Writer::new(kind::ORDER, 1024), order).done(),
            Self::Metrics(json) => Writer::new(kind::METRICS, json.len()).bytes(json).done(),
            Self::Returned { ticket, status } => {
                Writer::new(kind::RETURNED, 0).number(*ticket).number(signed(*status)).done()
            }
            Self::Completed { ticket, answer: Err(fault), .. } => {
                let (kind, what) = match fault {
                    Fault::Malformed(what) => (kind::MALFORMED, what),
                    Fault::Unsupported(what) => (kind::UNSUPPORTED, what),
                };
                Writer::new(kind, what.len()).number(*ticket).bytes(what.as_bytes()).done()
            }
            Self::Completed { ticket, answer: Ok(answer), is_taken } => {
                let mut writer = Writer::new(kind::COMPLETED, 1024).number(*ticket).number((*is_taken).into());
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
    pub(in super::super) fn parse(frame: &[u8]) -> Option<Self> {
        let (&kind, fields) = frame.split_first()?;
        let mut fields = Reader(fields);
        Some(match kind {
            kind::READY => Self::Ready(offers(fields.number()?)),
            kind::FAILED => Self::Failed(fields.text_to(REASON_BYTES_MAX)?),
            kind::LOG => Self::Log(log_line(&mut fields)?),
            kind::ANSWERED => Self::Answered(fields.number()?, Told::read(&mut fields)?),
            kind::ORDER => Self::Order(read_order(&mut fields)?),
            kind::METRICS => Self::Metrics(fields.bytes_to(METRICS_BYTES_MAX)?.to_vec()),
            kind::RETURNED => Self::Returned { ticket: fields.number()?, status: as_signed(fields.number()?)? },
            kind::MALFORMED => {
                let (ticket, fault) = (fields.number()?, Fault::Malformed(fields.text_to(REASON_BYTES_MAX)?));
                Self::Completed { ticket, answer: Err(fault), is_taken: false }
            }
            kind::UNSUPPORTED => {
                let (ticket, fault) = (fields.number()?, Fault::Unsupported(fields.text_to(REASON_BYTES_MAX)?));
                Self::Completed { ticket, answer: Err(fault), is_taken: false }
            }
            kind::COMPLETED => {
                let (ticket, is_taken) = (fields.number()?, fields.number()? != 0);
                Self::Completed { ticket, answer: Ok(Box::new(answer(&mut fields)?)), is_taken }
            }
            _ => return None,
        })
    }
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
