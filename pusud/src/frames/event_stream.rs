//! Server-Sent Events from the relay to a listener (WHATWG HTML, section 9.2): functions from values to bytes.
//!
//! An event ends with an empty line, and none is inside: so whole events lie one behind the other in a buffer that all
//! such listeners of a channel share, as frames do. In a body with chunks each event is a chunk: libraries that wait for a
//! certain number of bytes do not wait behind the end of one.

use super::buffer::Frames;
use super::publication::{self, CONTENT, Kind, TAIL};
use crate::protocol::Disconnect;
use rand::RngExt as _;
use std::io::Write as _;
use std::time::Duration;

/// What the line with an event's id begins with: it is the first.
const ID: &[u8] = b"id: ";
const DATA: &[u8] = b"data: ";
/// The end of an event.
const END: &[u8] = b"\n\n";
const CHUNK_END: &[u8] = b"\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// Of the size of a chunk: buffers are far shorter than that.
const SIZE_DIGITS_MAX: usize = 16;
const PUBLICATION_HEAD: &[u8] = br#"data: {"channel":"#;
const GAP_HEAD: &[u8] = b"event: gap\ndata: {\"channel\":";

/// How long listeners wait, at least and at most, before they come back to a relay that has told them that it stops: they
/// must not come all at once.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// How a stream's body is framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventBody {
    /// Chunk by chunk (RFC 9112, section 7.1), an event each.
    Chunks,
    /// It ends with the connection, as HTTP/1.0 has it.
    Plain,
}

impl EventBody {
    /// Appends a whole event.
    fn push(self, out: &mut Vec<u8>, event: &[u8]) {
        if self == Self::Plain {
            return out.extend_from_slice(event);
        }
        write!(out, "{:x}\r\n", event.len()).expect("writing to a Vec cannot fail");
        out.extend_from_slice(event);
        out.extend_from_slice(CHUNK_END);
    }
}

/// One event of this name, with JSON text of one line as its data.
pub fn event(body: EventBody, name: &str, json: &[u8]) -> Frames {
    let mut event = Vec::with_capacity(name.len() + json.len() + 20);
    push_event(&mut event, name, json);
    framed(body, event)
}

/// As [`event`], with an id: one line of text.
pub fn event_with_id(body: EventBody, name: &str, id: &str, json: &[u8]) -> Frames {
    let mut event = Vec::with_capacity(name.len() + id.len() + json.len() + 30);
    event.extend_from_slice(ID);
    event.extend_from_slice(id.as_bytes());
    event.push(b'\n');
    push_event(&mut event, name, json);
    framed(body, event)
}

fn framed(body: EventBody, event: Vec<u8>) -> Frames {
    match body {
        EventBody::Plain => event.into(),
        EventBody::Chunks => {
            let mut out = Vec::with_capacity(event.len() + 20);
            body.push(&mut out, &event);
            out.into()
        }
    }
}

/// The last event of a stream, which says why it ends; and to those that should come back, when.
pub fn end_event(body: EventBody, disconnect: Disconnect) -> Frames {
    let mut event = Vec::new();
    if disconnect == Disconnect::GoingAway {
        let wait = rand::rng().random_range(RETRY_MIN.as_millis()..=RETRY_MAX.as_millis());
        event.extend_from_slice(format!("retry: {wait}\n").as_bytes());
    }
    let json = format!(r#"{{"code":{},"reason":"{}"}}"#, disconnect.code(), disconnect.reason());
    push_event(&mut event, "end", json.as_bytes());
    let mut out = Vec::with_capacity(event.len() + 20);
    body.push(&mut out, &event);
    if body == EventBody::Chunks {
        out.extend_from_slice(LAST_CHUNK);
    }
    out.into()
}

/// What keeps a silent stream open: a comment.
pub fn comment(body: EventBody) -> Frames {
    framed(body, b":\n\n".to_vec())
}

/// The publications and gaps of `channel` in these frames, which `publication` has made, as events. Their positions are
/// their ids.
pub fn publication_events(body: EventBody, channel: &str, frames: &[u8]) -> Frames {
    let push_id = |event: &mut Vec<u8>, position: &str| event.extend_from_slice(position.as_bytes());
    publication_events_with_ids(body, channel, frames, push_id)
}

/// As [`publication_events`], with ids of a stream's own: `push_id` appends to an event the id that goes with a position,
/// one line of text, and is called in the order of the frames.
pub fn publication_events_with_ids(
    body: EventBody,
    channel: &str,
    frames: &[u8],
    mut push_id: impl FnMut(&mut Vec<u8>, &str),
) -> Frames {
    let mut out = Vec::with_capacity(frames.len() + frames.len() / 8);
    let (mut name, mut event) = (Vec::new(), Vec::new());
    publication::push_name(&mut name, channel);
    for entry in publication::entries(channel, frames) {
        event.clear();
        if let Some(position) = entry.position {
            event.extend_from_slice(ID);
            push_id(&mut event, position);
            event.push(b'\n');
        }
        event.extend_from_slice(if entry.content.is_some() { PUBLICATION_HEAD } else { GAP_HEAD });
        event.extend_from_slice(&name);
        match entry.content {
            Some(content) => {
                event.extend_from_slice(CONTENT);
                push_line(&mut event, content);
            }
            None => publication::push_position(&mut event, entry.position.unwrap_or_default()),
        }
        event.extend_from_slice(TAIL);
        event.extend_from_slice(END);
        body.push(&mut out, &event);
    }
    out.into()
}

/// What the first of these events of a channel is, in a chunk or without, and its bytes from the channel's name on.
pub(super) fn named(events: &[u8]) -> Option<(Kind, &[u8])> {
    let event = split_size(events).map_or(events, |(_, event)| event);
    let fields = match event.starts_with(ID) {
        true => &event[memchr::memchr(b'\n', event)? + 1..],
        false => event,
    };
    let of = |head, kind| fields.strip_prefix(head).map(|named| (kind, named));
    of(PUBLICATION_HEAD, Kind::Publication).or_else(|| of(GAP_HEAD, Kind::Gap))
}

/// What is behind the first of these events, or of these chunks with an event each.
pub(super) fn behind_event(events: &[u8]) -> &[u8] {
    let end = match split_size(events) {
        Some((size, behind)) => events.len() - behind.len() + size + CHUNK_END.len(),
        // There is no empty line inside of an event.
        None => memchr::memmem::find(events, END).map_or(events.len(), |at| at + END.len()),
    };
    events.get(end..).unwrap_or_default()
}

/// The size of a chunk, and what is behind that. No event and no frame begins so.
fn split_size(chunks: &[u8]) -> Option<(usize, &[u8])> {
    let digits = chunks.iter().take(SIZE_DIGITS_MAX).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = chunks[digits..].strip_prefix(CHUNK_END).filter(|_| digits > 0)?;
    let size = std::str::from_utf8(&chunks[..digits]).ok()?;
    Some((usize::from_str_radix(size, 16).ok()?, rest))
}

fn push_event(out: &mut Vec<u8>, name: &str, json: &[u8]) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(DATA);
    push_line(out, json);
    out.extend_from_slice(END);
}

/// Appends JSON text as data, without the ends of lines in it: they would end the field. In JSON they stand between
/// tokens alone, where nothing need stand.
fn push_line(out: &mut Vec<u8>, json: &[u8]) {
    let mut rest = json;
    while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
        out.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests;
