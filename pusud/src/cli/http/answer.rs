//! Answers of an HTTP/1.1 server, read off a stream of bytes: heads, bodies as they come, and where each ends.
//!
//! Owns the beginning of what has not arrived in full. Knows no socket, and nothing of what is in a body.
//!
//! **Invariant:** where the bytes are cut changes nothing but how bodies are cut.

use crate::cli::client_messages::Failure;
use std::time::Duration;

/// The longest head, and the longest line of a chunked body, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// The first byte of what servers answer that expect TLS (RFC 8446, section 5.1).
const TLS_ALERT: u8 = 21;

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Whether nothing follows this answer on its connection.
    pub(super) closes: bool,
    pub(super) media: Media,
    /// How long the server asks to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/problem+json` (RFC 9457).
    Problem,
    /// `text/event-stream`.
    Events,
    Other,
}

/// A part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Head(Head),
    /// Some of the body.
    Body(&'a [u8]),
    /// The answer is complete.
    End,
}

/// What the end of the connection means for the answer that is being read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Eof {
    /// There is none.
    Between,
    /// It is complete: its body lasts as long as the connection.
    Complete,
    /// It is cut.
    Cut,
}

/// Reads one connection's answers.
#[derive(Default)]
pub(super) struct AnswerReader {
    /// The beginning of a head or of a line.
    partial: Vec<u8>,
    place: Place,
}

/// What comes next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Head,
    /// So many bytes of a body with a length.
    Body(u64),
    /// A body that lasts as long as the connection.
    UntilEof,
    /// The size of a chunk.
    ChunkSize,
    Chunk(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// Lines behind the last chunk, up to an empty one.
    Trailer,
}

impl AnswerReader {
    /// Whether no answer has begun.
    pub(super) fn is_between(&self) -> bool {
        self.place == Place::Head && self.partial.is_empty()
    }

    /// Takes the next part off the front of `bytes`; `None`: it needs more of them.
    ///
    /// # Errors
    /// Bytes that are no answer.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<Part<'a>>, Failure> {
        loop {
            match self.place {
                Place::Head => return self.head(bytes),
                Place::Body(0) => {
                    self.place = Place::Head;
                    return Ok(Some(Part::End));
                }
                _ if bytes.is_empty() => return Ok(None),
                Place::Body(left) => {
                    let (body, left) = take(bytes, left);
                    self.place = Place::Body(left);
                    return Ok(Some(Part::Body(body)));
                }
                Place::UntilEof => return Ok(Some(Part::Body(std::mem::take(bytes)))),
                Place::Chunk(left) => {
                    let (body, left) = take(bytes, left);
                    self.place = if left == 0 { Place::ChunkEnd } else { Place::Chunk(left) };
                    return Ok(Some(Part::Body(body)));
                }
                Place::ChunkSize | Place::ChunkEnd | Place::Trailer => {
                    let Some(line) = self.line(bytes)? else { return Ok(None) };
                    if self.behind_line(&line)? {
                        return Ok(Some(Part::End));
                    }
                }
            }
        }
    }

    /// The connection has ended.
    pub(super) fn eof(&mut self) -> Eof {
        match self.place {
            Place::Head if self.partial.is_empty() => Eof::Between,
            Place::UntilEof => {
                self.place = Place::Head;
                Eof::Complete
            }
            _ => Eof::Cut,
        }
    }

    fn head<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<Part<'a>>, Failure> {
        loop {
            let before = self.partial.len();
            let whole: &[u8] = if before == 0 {
                bytes
            } else {
                self.partial.extend_from_slice(bytes);
                &self.partial
            };
            let parsed = parse(whole)?;
            let too_long = parsed.is_none() && whole.len() > HEAD_BYTES_MAX;
            let Some((len, head, place)) = parsed else {
                if before == 0 {
                    self.partial.extend_from_slice(bytes);
                }
                *bytes = &[];
                return if too_long { Err(broken("a head without end")) } else { Ok(None) };
            };
            *bytes = &bytes[len - before..];
            self.partial.clear();
            // What comes before the answer itself (RFC 9110, section 15.2).
            if head.status >= 200 {
                self.place = place;
                return Ok(Some(Part::Head(head)));
            }
        }
    }

    /// A line without its end; `None`: it has not arrived in full.
    fn line(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let end = memchr::memchr(b'\n', bytes);
        let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |at| at + 1));
        *bytes = rest;
        self.partial.extend_from_slice(line);
        if self.partial.len() > HEAD_BYTES_MAX {
            return Err(broken("a line without end in a chunked body"));
        }
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.partial);
        line.pop();
        line.pop_if(|last| *last == b'\r');
        Ok(Some(line))
    }

    /// Goes on behind a line of a chunked body; true: that was the last one.
    fn behind_line(&mut self, line: &[u8]) -> Result<bool, Failure> {
        self.place = match self.place {
            Place::ChunkSize => match chunk_size(line)? {
                0 => Place::Trailer,
                size => Place::Chunk(size),
            },
            Place::ChunkEnd if line.is_empty() => Place::ChunkSize,
            Place::Trailer if !line.is_empty() => Place::Trailer,
            Place::Trailer => Place::Head,
            _ => return Err(broken("a chunk that is longer than its size says")),
        };
        Ok(self.place == Place::Head)
    }
}

/// The first `left` bytes, or as many as there are, and how many of them are missing then.
fn take<'a>(bytes: &mut &'a [u8], left: u64) -> (&'a [u8], u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    let (body, rest) = bytes.split_at(taken);
    *bytes = rest;
    (body, left - taken as u64)
}

/// The size of a chunk (RFC 9112, section 7.1); what follows it is an extension.
fn chunk_size(line: &[u8]) -> Result<u64, Failure> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let all_digits = digits.iter().all(u8::is_ascii_hexdigit);
    let size = std::str::from_utf8(digits).ok().filter(|_| all_digits);
    size.and_then(|size| u64::from_str_radix(size, 16).ok()).ok_or_else(|| broken("a chunk without a size"))
}

fn broken(what: &str) -> Failure {
    Failure::lasting(format!("expected an HTTP answer, found {what}"))
}

/// The head at the front, how long it is and what follows it; `None`: it has not arrived in full.
fn parse(bytes: &[u8]) -> Result<Option<(usize, Head, Place)>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(|error| match bytes.first() {
        Some(&TLS_ALERT) => broken("TLS: the URL has to begin with https:// or wss://"),
        _ => broken(&format!("something else ({error})")),
    })?;
    let httparse::Status::Complete(len) = parsed else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let mut head = Head { status, closes: response.version == Some(0), media: Media::Other, retry_after: None };
    let mut place = Place::UntilEof;
    for header in &*response.headers {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        let has = |token: &str| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token));
        match header.name.to_ascii_lowercase().as_str() {
            "connection" if has("close") => head.closes = true,
            "connection" if has("keep-alive") => head.closes = false,
            "content-type" => head.media = media(value),
            "retry-after" => head.retry_after = value.parse().ok().map(Duration::from_secs),
            "transfer-encoding" if has("chunked") => place = Place::ChunkSize,
            "content-length" if place != Place::ChunkSize => {
                let length = value.parse().map_err(|_| broken("a Content-Length that is no number"))?;
                if matches!(place, Place::Body(other) if other != length) {
                    return Err(broken("two lengths of one body"));
                }
                place = Place::Body(length);
            }
            _ => {}
        }
    }
    if matches!(status, 204 | 304) {
        place = Place::Body(0);
    }
    head.closes |= place == Place::UntilEof;
    Ok(Some((len, head, place)))
}

fn media(value: &str) -> Media {
    match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/problem+json" => Media::Problem,
        "text/event-stream" => Media::Events,
        _ => Media::Other,
    }
}

#[cfg(test)]
mod tests;
