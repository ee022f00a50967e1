//! Operations of a server: a stream of bytes is cut into them, however it comes in pieces.
//!
//! Keeps what is not complete and nothing else. **Invariant:** nothing is allocated for a length that a server only
//! declares, and a message that is too long is never gathered: it is told, and its bytes are dropped as they come.

use super::error::ServerError;
use super::info::{Info, InfoError};
use bytes::BufMut;
use memchr::{memchr, memchr_iter};

/// The longest line, its end included, in bytes: INFO with very many servers, and far more than a server lets publishers
/// write (4096 bytes unless it is set otherwise), since a stranger's long subject must not end the connection.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;
/// At least so many bytes are read at a time, if they are there.
const ROOM_BYTES: usize = 64 * 1024;
/// A buffer that a large message has made larger than this is given back when it is empty.
const KEPT_BYTES_MAX: usize = 256 * 1024;
/// The most of a line that an error repeats, in bytes.
const SHOWN_BYTES_MAX: usize = 40;

/// An operation of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Op<'a> {
    /// The server says something of itself.
    Info(Box<Info>),
    /// Somebody has published to a subject that is subscribed.
    Message(Message<'a>),
    /// Nobody has the subject that was published to with this subject for replies.
    NoResponders {
        /// The subject for replies.
        subject: &'a [u8],
        /// The number of the subscription to it.
        sid: u64,
    },
    /// A message that is longer than this side takes. Nothing of its payload is kept.
    TooLong {
        /// The subject.
        subject: &'a [u8],
        /// The number of the subscription.
        sid: u64,
        /// The length of the payload with its headers, in bytes.
        bytes: u64,
    },
    /// To be answered at once.
    Ping,
    /// The answer to a PING.
    Pong,
    /// `+OK`, which only servers say that were asked to (`verbose`).
    Ok,
    /// The server refuses something.
    Error(ServerError),
}

/// A message; headers are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// The subject, of any bytes but spaces and control characters that end a line.
    pub subject: &'a [u8],
    /// The number of the subscription.
    pub sid: u64,
    /// The subject for replies.
    pub reply: Option<&'a [u8]>,
    /// The content.
    pub payload: &'a [u8],
}

/// The reason why a stream is not one of a NATS server. Nothing that follows can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// A line does not end.
    #[error("a line of more than {LINE_BYTES_MAX} bytes")]
    LongLine,
    /// A line ends without a carriage return.
    #[error("a line that does not end with CR LF: `{0}`")]
    LineEnd(String),
    /// No operation of servers.
    #[error("a line that no NATS server sends: `{0}`")]
    Unknown(String),
    /// A message whose fields cannot be read.
    #[error("a message without good fields: `{0}`")]
    Fields(String),
    /// The payload is followed by something else than the end of a line.
    #[error("a message of another length than it says")]
    PayloadEnd,
    /// What the server says of itself.
    #[error("an INFO that {0}")]
    Info(#[from] InfoError),
}

/// Bytes that have come and are not used up.
pub(crate) struct Parser {
    bytes: Vec<u8>,
    /// Where the first operation that is not used up begins.
    start: usize,
    /// How much of it holds no end of a line.
    searched: usize,
    /// How much is still to come of a message that is too long.
    skipping: u64,
    payload_bytes_max: usize,
}

impl Parser {
    /// For a server's stream from its first byte on. Payloads, with their headers, may have `payload_bytes_max` bytes.
    pub(crate) fn new(payload_bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, searched: 0, skipping: 0, payload_bytes_max }
    }

    /// Adds bytes that have come.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.compact();
        self.bytes.extend_from_slice(bytes);
    }

    /// Room to read into: whatever is put there has come. [`AsyncReadExt::read_buf`](tokio::io::AsyncReadExt::read_buf)
    /// takes it.
    pub(crate) fn room(&mut self) -> impl BufMut {
        self.compact();
        self.bytes.reserve(ROOM_BYTES);
        let room = self.bytes.spare_capacity_mut().len();
        (&mut self.bytes).limit(room)
    }

    /// How many bytes have come and are not used up.
    pub(crate) fn unread(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Takes the next operation out; `None` until all of it is there.
    ///
    /// # Errors
    /// The stream is none of a NATS server.
    pub(crate) fn next_op(&mut self) -> Result<Option<Op<'_>>, Malformed> {
        if !self.skip() {
            return Ok(None);
        }
        let unread = &self.bytes[self.start..];
        let Some(end) = memchr(b'\n', &unread[self.searched..]).map(|at| self.searched + at + 1) else {
            self.searched = unread.len();
            return if unread.len() < LINE_BYTES_MAX { Ok(None) } else { Err(Malformed::LongLine) };
        };
        if end > LINE_BYTES_MAX {
            return Err(Malformed::LongLine);
        }
        let Some(line) = unread[..end - 1].strip_suffix(b"\r") else {
            return Err(Malformed::LineEnd(shown(&unread[..end - 1])));
        };
        let head = match line {
            [b'M', b'S', b'G', b' ', fields @ ..] => Head::of_message(fields),
            [b'H', b'M', b'S', b'G', b' ', fields @ ..] => Head::of_message_with_headers(fields),
            line => {
                let op = without_payload(line)?;
                (self.start, self.searched) = (self.start + end, 0);
                return Ok(Some(op));
            }
        };
        let head = head.ok_or_else(|| Malformed::Fields(shown(line)))?;
        if head.bytes > self.payload_bytes_max as u64 {
            (self.start, self.searched, self.skipping) = (self.start + end, 0, head.bytes + 2);
            return Ok(Some(Op::TooLong { subject: head.subject, sid: head.sid, bytes: head.bytes }));
        }
        let length = head.bytes as usize;
        let Some(rest) = unread[end..].get(..length + 2) else {
            // The line is found at once when more has come.
            self.searched = end - 1;
            return Ok(None);
        };
        let Some(payload) = rest.strip_suffix(b"\r\n") else { return Err(Malformed::PayloadEnd) };
        (self.start, self.searched) = (self.start + end + length + 2, 0);
        Ok(Some(head.with(payload)))
    }

    /// Drops what has come of a message that is too long; whether all of it has.
    fn skip(&mut self) -> bool {
        let unread = self.unread() as u64;
        let skipped = self.skipping.min(unread);
        self.start += skipped as usize;
        self.skipping -= skipped;
        self.skipping == 0
    }

    fn compact(&mut self) {
        if self.start == self.bytes.len() {
            self.bytes.clear();
            if self.bytes.capacity() > KEPT_BYTES_MAX {
                self.bytes = Vec::new();
            }
        } else {
            self.bytes.drain(..self.start);
        }
        self.start = 0;
    }
}

/// The line before a payload.
struct Head<'a> {
    subject: &'a [u8],
    sid: u64,
    reply: Option<&'a [u8]>,
    /// The length of the headers, which is 0 where there are none.
    header_bytes: u64,
    /// The length of headers and payload.
    bytes: u64,
}

impl<'a> Head<'a> {
    /// `<subject> <sid> [reply] <bytes>`
    fn of_message(fields: &'a [u8]) -> Option<Self> {
        let mut all: [&[u8]; 4] = [&[]; 4];
        let count = split(fields, &mut all)?;
        let (reply, bytes) = match count {
            3 => (None, all[2]),
            4 => (Some(all[2]), all[3]),
            _ => return None,
        };
        Some(Self { subject: all[0], sid: number(all[1])?, reply, header_bytes: 0, bytes: number(bytes)? })
    }

    /// `<subject> <sid> [reply] <header bytes> <all bytes>`
    fn of_message_with_headers(fields: &'a [u8]) -> Option<Self> {
        let mut all: [&[u8]; 5] = [&[]; 5];
        let count = split(fields, &mut all)?;
        let (reply, header_bytes, bytes) = match count {
            4 => (None, all[2], all[3]),
            5 => (Some(all[2]), all[3], all[4]),
            _ => return None,
        };
        let (header_bytes, bytes) = (number(header_bytes)?, number(bytes)?);
        let head = Self { subject: all[0], sid: number(all[1])?, reply, header_bytes, bytes };
        (header_bytes <= bytes).then_some(head)
    }

    fn with(self, payload: &'a [u8]) -> Op<'a> {
        let Self { subject, sid, reply, header_bytes, .. } = self;
        let (headers, payload) = payload.split_at(header_bytes as usize);
        if says_no_responders(headers) {
            return Op::NoResponders { subject, sid };
        }
        Op::Message(Message { subject, sid, reply, payload })
    }
}

/// `NATS/1.0 503`, with anything behind it on the line or on others.
fn says_no_responders(headers: &[u8]) -> bool {
    headers.strip_prefix(b"NATS/1.0 503").is_some_and(|rest| matches!(rest.first(), None | Some(b' ' | b'\r')))
}

fn without_payload(line: &[u8]) -> Result<Op<'static>, Malformed> {
    Ok(match line {
        b"PING" => Op::Ping,
        b"PONG" => Op::Pong,
        b"+OK" => Op::Ok,
        [b'I', b'N', b'F', b'O', b' ', json @ ..] => Op::Info(Box::new(Info::parse(json)?)),
        [b'-', b'E', b'R', b'R', text @ ..] if text.is_empty() || text[0] == b' ' => {
            Op::Error(ServerError::parse(text))
        }
        line => return Err(Malformed::Unknown(shown(line))),
    })
}

/// The fields between single spaces, and how many there are; `None`: one is empty, or there are more.
fn split<'a>(line: &'a [u8], fields: &mut [&'a [u8]]) -> Option<usize> {
    let (mut begin, mut count) = (0, 0);
    for end in memchr_iter(b' ', line).chain(std::iter::once(line.len())) {
        if begin == end {
            return None;
        }
        *fields.get_mut(count)? = &line[begin..end];
        (begin, count) = (end + 1, count + 1);
    }
    Some(count)
}

/// A number of at most 18 digits, which fits with room to add to it.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u64::from(digit))
    })
}

fn shown(line: &[u8]) -> String {
    line[..line.len().min(SHOWN_BYTES_MAX)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests;
