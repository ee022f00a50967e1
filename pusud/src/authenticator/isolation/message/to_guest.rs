//! Messages from the daemon to the process of a plugin: which plugin it is for, and what it is asked.

use super::super::asking::Ask;
use super::super::fields::{Frame, Reader, Writer, as_signed, signed};
use crate::authenticator::facts::{EntryFacts, Facts};
use crate::authenticator::verdict::{Authorization, Request};
use std::time::Duration;
use zeroize::Zeroizing;

/// The first byte of a message to the plugin's process says which it is.
mod kind {
    pub(super) const START: u8 = 1;
    pub(super) const CALL: u8 = 2;
    pub(super) const CANCEL: u8 = 3;
    pub(super) const ASK: u8 = 4;
}

/// A message from the daemon.
pub(in super::super) enum ToGuest {
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
pub(in super::super) enum Purpose {
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
pub(in super::super) struct Start {
    /// The plugin's id.
    pub(in super::super) plugin: String,
    /// Where the library lies, if it has to be loaded there; else the sealed memory came with the first byte.
    pub(in super::super) path: Vec<u8>,
    /// What the process is for.
    pub(in super::super) purpose: Purpose,
    /// How much address space the process may have; `None`: no limit.
    pub(in super::super) memory_bytes_max: Option<u64>,
    /// What the plugin is told when it asks.
    pub(in super::super) facts: Facts,
    /// The most verbose level that is written to the log: 1 to 5, or 0 for none.
    pub(in super::super) log_level: i32,
    /// The plugin has the flag GRANTS, and grants can be rechecked.
    pub(in super::super) has_grants: bool,
    pub(in super::super) can_recheck: bool,
    /// The manifest as it stands in the library's file.
    pub(in super::super) manifest: Vec<u8>,
    /// One JSON object.
    pub(in super::super) options: Zeroizing<String>,
}

impl ToGuest {
    pub(in super::super) fn start(start: &Start) -> Frame {
        let facts = &start.facts;
        let facts = [&facts.settings_dir, &facts.state_dir, &facts.library].map(Vec::len).iter().sum::<usize>();
        // The numbers and lengths of the facts have room in these, and so has the relay's name.
        let bytes = start.plugin.len() + start.path.len() + start.manifest.len() + start.options.len() + facts + 1024;
        let writer = Writer::new(kind::START, bytes).bytes(start.plugin.as_bytes()).bytes(&start.path);
        let writer = writer.number(start.purpose as u64);
        // No process does with an address space of 0 bytes.
        let writer = write_facts(writer.number(start.memory_bytes_max.unwrap_or(0)), &start.facts);
        let writer = writer.number(signed(start.log_level));
        let writer = writer.number(start.has_grants.into()).number(start.can_recheck.into());
        writer.bytes(&start.manifest).bytes(start.options.as_bytes()).done()
    }

    pub(in super::super) fn call(ticket: u64, left: Duration, request: &Request) -> Frame {
        let attributes: usize = request.attributes.iter().map(|(key, value)| key.len() + value.len() + 16).sum();
        let bytes = request.authorization.expose().len() + request.peer.len() + attributes;
        let bits = [request.again, request.recheck, request.encrypted];
        let flags = bits.into_iter().rev().fold(0, |flags, bit| flags << 1 | u64::from(bit));
        let left = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
        let mut writer = Writer::new(kind::CALL, bytes).number(ticket).number(left).number(flags);
        writer = writer.bytes(request.authorization.expose()).bytes(request.peer.as_bytes());
        writer = writer.number(request.attributes.len() as u64);
        for (key, value) in &request.attributes {
            writer = writer.bytes(key.as_bytes()).bytes(value.as_bytes());
        }
        writer.done()
    }

    pub(in super::super) fn ask(number: u64, ask: &Ask) -> Frame {
        ask.write(Writer::new(kind::ASK, ask.len()).number(number)).done()
    }

    pub(in super::super) fn cancel(ticket: u64) -> Frame {
        Writer::new(kind::CANCEL, 0).number(ticket).done()
    }

    /// Reads a frame; `None`: it is malformed.
    pub(in super::super) fn parse(frame: &[u8]) -> Option<Self> {
        let (&kind, fields) = frame.split_first()?;
        let mut fields = Reader(fields);
        Some(match kind {
            kind::START => Self::Start(Box::new(Start {
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
            kind::CALL => Self::Call {
                ticket: fields.number()?,
                left: Duration::from_nanos(fields.number()?),
                request: request(&mut fields)?,
            },
            kind::CANCEL => Self::Cancel(fields.number()?),
            kind::ASK => Self::Ask(fields.number()?, Ask::read(&mut fields)?),
            _ => return None,
        })
    }
}

fn write_facts(writer: Writer, facts: &Facts) -> Writer {
    let writer = writer.number(facts.isolation.into()).bytes(facts.relay.as_bytes()).bytes(&facts.settings_dir);
    let writer = writer.bytes(&facts.state_dir).bytes(&facts.library);
    let writer = writer.number(facts.create_timeout_ms).number(facts.destroy_timeout_ms);
    let EntryFacts { index, count, authorize_timeout_ms } = facts.entry;
    writer.number(index.into()).number(count.into()).number(authorize_timeout_ms)
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
        entry: EntryFacts {
            index: fields.number()?.try_into().ok()?,
            count: fields.number()?.try_into().ok()?,
            authorize_timeout_ms: fields.number()?,
        },
    })
}

fn request(fields: &mut Reader<'_>) -> Option<Request> {
    let flags = fields.number()?;
    Some(Request {
        again: flags & 1 != 0,
        recheck: flags & 2 != 0,
        encrypted: flags & 4 != 0,
        authorization: Authorization::new(fields.bytes()?),
        peer: fields.text()?,
        attributes: (0..fields.count()?)
            .map(|_| Some((fields.text()?, fields.text()?.into())))
            .collect::<Option<_>>()?,
    })
}
