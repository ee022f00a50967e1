//! Messages of relays, read from payloads. Lists are read while they are walked.

use super::about::About;
use super::fields::{Fields, Malformed};
use super::kind::{self, Presence};
use super::{COPIES, HEADER_BYTES, VERSION};
use crate::peers::BootId;

/// Who has sent a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nats) struct Header {
    /// The start of the relay.
    pub boot: BootId,
    /// Which of its connections to NATS.
    pub connection: u32,
}

impl Header {
    /// Whether the publications in it are copies of such with numbers.
    pub(in crate::nats) fn is_of_copies(self) -> bool {
        self.connection == COPIES
    }
}

/// A piece of the answer to RESUME.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nats) struct Piece {
    /// The number of the question.
    pub question: u64,
    /// The number that new channels begin behind: where the question was about all, it is that of all others.
    pub floor: u64,
    /// Which piece, from 0.
    pub place: u32,
    /// Nothing more follows.
    pub is_last: bool,
}

/// A payload's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::nats) enum Message<'a> {
    /// Publications to one channel, each with the next number.
    Publications {
        /// The number of the first one.
        first: u64,
        /// The number before the first one that the channel has had since it was last forgotten.
        base: u64,
        /// Their contents.
        contents: Contents<'a>,
    },
    /// How far a channel is that has been quiet for a while.
    Note {
        /// As in `Publications`.
        base: u64,
        /// The number of the last publication.
        last: u64,
    },
    /// A heartbeat, or the question or answer of a relay that joins.
    Presence(Presence, About),
    /// Answer, once everything before has been said.
    Barrier {
        /// What to answer with.
        number: u64,
        /// The channels that it is about.
        channels: Names<'a>,
    },
    /// The answer: channels by their place in the question, with `base` and `last`, of those that the sender has published
    /// to.
    Passed {
        /// That of the question.
        number: u64,
        /// The numbers of the sender that new channels begin behind.
        floor: u64,
        /// In order.
        lasts: Lasts<'a>,
    },
    /// Say how far all channels are that were published to since this heartbeat.
    Resume {
        /// The last heartbeat that was heard; 0: say it of all.
        since: u64,
        /// What to answer with.
        question: u64,
    },
    /// The answer, or a piece of it.
    Numbers {
        /// Which piece of which answer.
        piece: Piece,
        /// The channels.
        channels: Numbers<'a>,
    },
    /// The relay stops as planned.
    Goodbye,
    /// Frames of the conversation between two relays.
    Peer {
        /// The connection of the receiver that it is for.
        to: u32,
        /// Which of their conversations.
        conversation: u32,
        /// Counts the payloads of the conversation, from 1.
        number: u64,
        /// The frames.
        frames: &'a [u8],
    },
    /// A message about numbers of channels with history, or publications with numbers.
    History(&'a [u8]),
    /// It never means anything.
    Nothing,
    /// A kind that a later minor version has.
    Unknown,
}

/// Reads a payload.
///
/// # Errors
/// It is none of this version.
pub(in crate::nats) fn parse(payload: &[u8]) -> Result<(Header, Message<'_>), Malformed> {
    let (head, rest) = payload.split_first_chunk::<HEADER_BYTES>().ok_or(Malformed)?;
    let mut fields = Fields(head);
    if fields.u8()? != VERSION {
        return Err(Malformed);
    }
    let kind = fields.u8()?;
    let header = Header { boot: BootId(fields.array()?), connection: fields.u32()? };
    message(kind, Fields(rest)).map(|message| (header, message))
}

fn message(kind: u8, mut fields: Fields<'_>) -> Result<Message<'_>, Malformed> {
    let message = match kind {
        kind::PUBLICATIONS => {
            let (first, base) = (fields.u64()?, fields.u64()?);
            return Ok(Message::Publications { first, base, contents: Contents(fields) });
        }
        kind::NOTE => Message::Note { base: fields.u64()?, last: fields.u64()? },
        kind::HEARTBEAT => return about(fields).map(|about| Message::Presence(Presence::Heartbeat, about)),
        kind::JOIN => return about(fields).map(|about| Message::Presence(Presence::Join, about)),
        kind::WELCOME => return about(fields).map(|about| Message::Presence(Presence::Welcome, about)),
        kind::BARRIER => return Ok(Message::Barrier { number: fields.u64()?, channels: Names(fields) }),
        kind::PASSED => {
            let (number, floor) = (fields.u64()?, fields.u64()?);
            return Ok(Message::Passed { number, floor, lasts: Lasts(fields) });
        }
        kind::RESUME => Message::Resume { since: fields.u64()?, question: fields.u64()? },
        kind::NUMBERS => {
            let (question, floor, place) = (fields.u64()?, fields.u64()?, fields.u32()?);
            let piece = Piece { question, floor, place, is_last: fields.u8()? == 1 };
            return Ok(Message::Numbers { piece, channels: Numbers(fields) });
        }
        kind::GOODBYE => Message::Goodbye,
        kind::PEER => {
            let (to, conversation, number) = (fields.u32()?, fields.u32()?, fields.u64()?);
            return Ok(Message::Peer { to, conversation, number, frames: fields.0 });
        }
        kind::HISTORY => return Ok(Message::History(fields.0)),
        kind::NOTHING => return Ok(Message::Nothing),
        _ => return Ok(Message::Unknown),
    };
    fields.end()?;
    Ok(message)
}

/// It may be longer than what is known of it, so that later minor versions can add to it.
fn about(mut fields: Fields<'_>) -> Result<About, Malformed> {
    let (heartbeat, minor, content_bytes_max, flags) = (fields.u64()?, fields.u16()?, fields.u32()?, fields.u8()?);
    let (server, cluster) = (fields.short_text()?.into(), fields.short_text()?.into());
    let (network, name) = (fields.name()?.into(), fields.name()?.into());
    let (has_joined, is_stopping, has_history) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
    Ok(About {
        heartbeat,
        minor,
        content_bytes_max,
        has_joined,
        is_stopping,
        has_history,
        server,
        cluster,
        network,
        name,
    })
}

/// A list that is read while it is walked; it ends after the first malformed element.
macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $item:ty, $read:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::nats) struct $name<'a>(Fields<'a>);

        impl<'a> Iterator for $name<'a> {
            type Item = Result<$item, Malformed>;

            fn next(&mut self) -> Option<Self::Item> {
                if self.0.0.is_empty() {
                    return None;
                }
                let read: fn(&mut Fields<'a>) -> Result<$item, Malformed> = $read;
                let item = read(&mut self.0);
                if item.is_err() {
                    self.0 = Fields(&[]);
                }
                Some(item)
            }
        }
    };
}

list!(
    /// Contents, which may be no JSON.
    Contents,
    &'a [u8],
    |fields| {
        let len = fields.u32()? as usize;
        fields.bytes(len)
    }
);
list!(
    /// Names of channels.
    Names,
    &'a str,
    Fields::name
);
list!(
    /// Places, each with `base` and `last`.
    Lasts,
    (u32, u64, u64),
    |fields| Ok((fields.u32()?, fields.u64()?, fields.u64()?))
);
list!(
    /// Channels, each with `base` and `last`.
    Numbers,
    (&'a str, u64, u64),
    |fields| Ok((fields.name()?, fields.u64()?, fields.u64()?))
);
