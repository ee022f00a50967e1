//! Frames of a link: from values to bytes and back. docs/protocol/relay-link.md has their layout.
//!
//! Pure functions: nothing here knows which frame may come when. **Invariant:** a declared length is compared with the
//! bound before anything is done with it, and memory grows with the bytes that came, never with those declared.

use crate::config::Encryption;
use crate::mesh::wire::kind;
use crate::mesh::wire::lists::{Changes, Names, Publications, Total, encryption, total};
use crate::peers::BootId;
use crate::peers::{self, Fields, Malformed};

/// What every HELLO begins with.
pub(crate) const MAGIC: [u8; 4] = *b"PUSU";
/// Longest frame before READY, in bytes behind the length.
pub(crate) const HANDSHAKE_FRAME_BYTES_MAX: usize = 1024;
/// The first minor version whose relays know HOLD and GO.
pub(crate) const HOLD_MINOR: u16 = 1;
/// The first minor version whose relays can encrypt a link.
pub(crate) const ENCRYPTION_MINOR: u16 = 2;
/// The first minor version whose relays know what [`peers::Frame`] has.
pub(crate) const PEERS_MINOR: u16 = 3;
/// The first minor version whose relays tell each other about the numbers of channels with history.
pub(crate) const HISTORY_MINOR: u16 = 4;
/// What a frame may be longer than the longest content, in bytes.
pub(crate) const FRAME_BYTES_OVER_CONTENT: usize = peers::FRAME_BYTES_MAX;

/// HELLO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Relays of different major versions do not link.
    pub major: u16,
    /// The link speaks the smaller one of both sides.
    pub minor: u16,
    /// The relay has a key, and wants the other side to know it.
    pub key: bool,
    /// The longest content of a publication that it takes, in bytes.
    pub content_bytes_max: u32,
    /// This start of the relay.
    pub boot: BootId,
    /// Random bytes, never used twice.
    pub nonce: [u8; 32],
    /// The network's name.
    pub network: Box<str>,
    /// The relay's name.
    pub name: Box<str>,
    /// Whether it wants the link to be encrypted; off for those that know no encryption.
    pub encryption: Encryption,
    /// It has certificates, and wants to see the other side's.
    pub certificates: bool,
}

/// READY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    /// Counts the links of a pair; the side that decides sets it, and the other one repeats it.
    pub link: u64,
    /// The number of the last publication that arrived from the other side's start; 0: none.
    pub seen: u64,
    /// The number that the next publication to the other side will have.
    pub next: u64,
}

/// A frame's value. What was in lists is read while iterating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Who speaks.
    Hello(Hello),
    /// Whether the sender has a link with this start of the receiver, and the signature: 32 bytes, or none.
    Auth {
        /// The sender has a link with this start of the receiver.
        linked: bool,
        /// HMAC-SHA256; empty where no key is used.
        signature: &'a [u8],
    },
    /// The link begins.
    Ready(Ready),
    /// The connection ends.
    Refuse {
        /// One of [`Refusal`](crate::mesh::handshake::Code).
        code: u16,
        /// For people.
        reason: &'a str,
    },
    /// The relay stops as planned.
    Goodbye,
    /// A heartbeat, with the sender's clock and the last publication that it has seen.
    Ping {
        /// In microseconds, from any moment on.
        time: u64,
        /// The last publication seen.
        seen: u64,
    },
    /// The answer to a heartbeat.
    Pong {
        /// That of the ping.
        time: u64,
        /// The last publication seen.
        seen: u64,
    },
    /// Some of the channels with listeners.
    Snapshot {
        /// Which snapshot of the link, from 1.
        generation: u32,
        /// Names.
        channels: Names<'a>,
    },
    /// The snapshot is complete.
    SnapshotEnd {
        /// That of its chunks.
        generation: u32,
        /// What to acknowledge.
        number: u64,
        /// How many channels, and what their names' hashes sum up to.
        total: Total,
    },
    /// Announced and withdrawn channels.
    Changes {
        /// The number of the first one; each has the next.
        first: u64,
        /// In order.
        changes: Changes<'a>,
    },
    /// Everything up to this number has been taken in.
    Acknowledge {
        /// Of a change or of a snapshot's end.
        number: u64,
    },
    /// What the receiver should know by now.
    Check {
        /// How many channels, and what their names' hashes sum up to.
        total: Total,
    },
    /// Tell everything again.
    Resync,
    /// Messages.
    Publications {
        /// The number of the first one; each has the next.
        first: u64,
        /// In order.
        publications: Publications<'a>,
    },
    /// Send no more of these channels for now.
    Hold {
        /// Names.
        channels: Names<'a>,
    },
    /// Go on with these channels.
    Go {
        /// Names.
        channels: Names<'a>,
    },
    /// A message about numbers, which `history` reads.
    History(&'a [u8]),
    /// Whatever relays tell each other over any carrier.
    Peers(peers::Frame<'a>),
}

/// Reads the fields of a frame.
///
/// # Errors
/// It is none of this version.
pub(crate) fn parse(kind: u8, payload: &[u8]) -> Result<Frame<'_>, Malformed> {
    let mut fields = Fields::new(kind, payload);
    let frame = match kind {
        kind::HELLO => return hello(fields).map(Frame::Hello),
        kind::AUTH => Frame::Auth { linked: fields.flag()?, signature: fields.take_rest() },
        kind::READY => Frame::Ready(Ready { link: fields.u64()?, seen: fields.u64()?, next: fields.u64()? }),
        kind::REFUSE => {
            let code = fields.u16()?;
            Frame::Refuse { code, reason: fields.rest_as_text()? }
        }
        kind::GOODBYE => Frame::Goodbye,
        kind::PING => Frame::Ping { time: fields.u64()?, seen: fields.u64()? },
        kind::PONG => Frame::Pong { time: fields.u64()?, seen: fields.u64()? },
        kind::SNAPSHOT => {
            let generation = fields.u32()?;
            return Ok(Frame::Snapshot { generation, channels: Names::new(fields) });
        }
        kind::SNAPSHOT_END => {
            Frame::SnapshotEnd { generation: fields.u32()?, number: fields.u64()?, total: total(&mut fields)? }
        }
        kind::CHANGES => {
            let first = fields.u64()?;
            return Ok(Frame::Changes { first, changes: Changes::new(fields) });
        }
        kind::ACKNOWLEDGE => Frame::Acknowledge { number: fields.u64()? },
        kind::CHECK => Frame::Check { total: total(&mut fields)? },
        kind::RESYNC => Frame::Resync,
        kind::PUBLICATIONS => {
            let first = fields.u64()?;
            return Ok(Frame::Publications { first, publications: Publications::new(fields) });
        }
        kind::HOLD => return Ok(Frame::Hold { channels: Names::new(fields) }),
        kind::GO => return Ok(Frame::Go { channels: Names::new(fields) }),
        kind::HISTORY => return Ok(Frame::History(payload)),
        other => return peers::parse(other, payload).map(Frame::Peers),
    };
    fields.end()?;
    Ok(frame)
}

/// HELLO may be longer than what is known of it, so that later minor versions can add to it.
fn hello(mut fields: Fields<'_>) -> Result<Hello, Malformed> {
    if fields.array()? != MAGIC {
        return Err(Malformed::Magic);
    }
    let (major, minor) = (fields.u16()?, fields.u16()?);
    Ok(Hello {
        major,
        minor,
        key: fields.flag()?,
        content_bytes_max: fields.u32()?,
        boot: BootId(fields.array()?),
        nonce: fields.array()?,
        network: fields.name()?.into(),
        name: fields.name()?.into(),
        encryption: if minor < ENCRYPTION_MINOR { Encryption::Off } else { encryption(&mut fields)? },
        certificates: minor >= ENCRYPTION_MINOR && fields.flag()?,
    })
}

/// The major version of a HELLO whose other fields may be unknown: these first bytes never change.
///
/// # Errors
/// It is no HELLO of any version.
pub(crate) fn major_of_hello(payload: &[u8]) -> Result<u16, Malformed> {
    let mut fields = Fields::new(kind::HELLO, payload);
    if fields.array()? != MAGIC {
        return Err(Malformed::Magic);
    }
    fields.u16()
}
