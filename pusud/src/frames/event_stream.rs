//! Server-Sent Events from the relay to a listener (WHATWG HTML, section 9.2): functions from values to bytes.
//!
//! An event ends with an empty line, and none is inside: so whole events lie one behind the other in a buffer that all
//! such listeners of a channel share, as frames do. In a body with chunks each event is a chunk: libraries that wait for a
//! certain number of bytes do not wait behind the end of one.

use super::buffer::Frames;
use super::frame;
use crate::protocol::Disconnect;
use rand::RngExt as _;
use std::io::Write as _;
use std::time::Duration;

/// What an event of publications begins with.
pub(super) const DATA: &[u8] = b"data: ";
/// The end of an event.
const END: &[u8] = b"\n\n";
const CHUNK_END: &[u8] = b"\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// Of the size of a chunk: buffers are far shorter than that.
const SIZE_DIGITS_MAX: usize = 16;
const PUBLICATION_HEAD: &[u8] = br#"data: {"channel":"#;

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

/// The publications to `channel` in these frames, which [`frame::push_publish`] has made, as events.
pub fn publication_events(body: EventBody, channel: &str, frames: &[u8]) -> Frames {
    let mut out = Vec::with_capacity(frames.len() + frames.len() / 8);
    let mut head = PUBLICATION_HEAD.to_vec();
    frame::push_name(&mut head, channel);
    head.extend_from_slice(frame::PUBLISH_MIDDLE);
    let mut event = Vec::new();
    for content in frame::contents(channel, frames) {
        event.clear();
        event.extend_from_slice(&head);
        push_line(&mut event, content);
        event.extend_from_slice(frame::PUBLISH_TAIL);
        event.extend_from_slice(END);
        body.push(&mut out, &event);
    }
    out.into()
}

/// How many whole events these are. There is no empty line inside of one.
pub(super) fn count_events(events: &[u8]) -> u64 {
    events.windows(END.len()).filter(|bytes| *bytes == END).count() as u64
}

/// What publications to `channel` begin with, or to any, behind the size of their chunk.
pub(super) fn publication_start(channel: Option<&str>) -> Vec<u8> {
    let mut start = PUBLICATION_HEAD.to_vec();
    if let Some(channel) = channel {
        frame::push_name(&mut start, channel);
        start.extend_from_slice(frame::PUBLISH_MIDDLE);
    }
    start
}

/// Events without the size of their first chunk; `None`: they are no chunks.
pub(super) fn in_chunks(events: &[u8]) -> Option<&[u8]> {
    split_size(events).map(|(_, events)| events)
}

/// The size of a chunk, and what is behind that. No event and no frame begins so.
fn split_size(chunks: &[u8]) -> Option<(usize, &[u8])> {
    let digits = chunks.iter().take(SIZE_DIGITS_MAX).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = chunks[digits..].strip_prefix(CHUNK_END).filter(|_| digits > 0)?;
    let size = std::str::from_utf8(&chunks[..digits]).ok()?;
    Some((usize::from_str_radix(size, 16).ok()?, rest))
}

/// Where the chunk ends in which `at` lies, of whole chunks.
pub(super) fn end_of_chunk(chunks: &[u8], at: usize) -> usize {
    let mut rest = chunks;
    while let Some((size, behind)) = split_size(rest) {
        rest = &behind[size + CHUNK_END.len()..];
        if chunks.len() - rest.len() >= at {
            break;
        }
    }
    chunks.len() - rest.len()
}

/// Where the event ends in which `at` lies, of whole events without chunks.
pub(super) fn end_of_event(events: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(END.len());
    let found =
        events[from..].windows(END.len()).enumerate().find(|(n, bytes)| *bytes == END && from + n + END.len() >= at);
    found.map_or(events.len(), |(n, _)| from + n + END.len())
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The events of a stream as a browser reads them: names and data.
    fn read(stream: &[u8]) -> Vec<(String, String)> {
        let text = std::str::from_utf8(stream).expect("UTF-8");
        assert!(text.ends_with("\n\n"));
        let fields = |event: &str, name: &str| {
            let lines = event.lines().filter_map(|line| line.strip_prefix(&format!("{name}: ")));
            lines.collect::<Vec<_>>().join("\n")
        };
        text.trim_end_matches('\n').split("\n\n").map(|event| (fields(event, "event"), fields(event, "data"))).collect()
    }

    #[test]
    fn an_end_says_why_and_when_to_come_back() {
        let end = super::end_event(EventBody::Plain, Disconnect::SlowConsumer);
        assert_eq!(&*end, b"event: end\ndata: {\"code\":4001,\"reason\":\"slow consumer\"}\n\n");
        let mut waits = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let end =
                String::from_utf8(super::end_event(EventBody::Plain, Disconnect::GoingAway).to_vec()).expect("text");
            let (wait, event) = end.split_once('\n').expect("lines");
            assert_eq!(event, "event: end\ndata: {\"code\":1001,\"reason\":\"the relay is stopping\"}\n\n");
            waits.insert(wait.strip_prefix("retry: ").expect("a time").parse::<u128>().expect("a number"));
        }
        assert!(waits.len() > 10, "all come back at once: {waits:?}");
        assert!(waits.iter().all(|wait| (1000..=10_000).contains(wait)), "{waits:?}");
    }

    #[test]
    fn an_event_ends_behind_its_empty_line() {
        let stream =
            [comment(EventBody::Plain), event(EventBody::Plain, "a", b"1"), event(EventBody::Plain, "b", b"2")];
        let stream: Vec<u8> = stream.iter().flat_map(|events| events.to_vec()).collect();
        let ends = [3, 3 + 18, 3 + 2 * 18];
        for (at, expected) in [(1, 0), (3, 0), (4, 1), (20, 1), (21, 1), (22, 2), (39, 2)] {
            assert_eq!(end_of_event(&stream, at), ends[expected], "{at}");
        }
    }

    #[test]
    fn a_chunk_is_an_event() {
        let chunks = [
            comment(EventBody::Chunks),
            event(EventBody::Chunks, "a", b"1"),
            end_event(EventBody::Chunks, Disconnect::SlowConsumer),
        ];
        assert_eq!(&*chunks[0], b"3\r\n:\n\n\r\n");
        assert_eq!(&*chunks[1], b"12\r\nevent: a\ndata: 1\n\n\r\n");
        assert!(chunks[2].ends_with(b"}\n\n\r\n0\r\n\r\n"));
        let stream = [&*chunks[0], &*chunks[1]].concat();
        for (at, expected) in [(1, 8), (8, 8), (9, 32), (32, 32)] {
            assert_eq!(end_of_chunk(&stream, at), expected, "{at}");
        }
        for other in [&b"data: 1\n\n"[..], b"event: a", b":\n\n", b"", b"\x81\x02", b"\r\n"] {
            assert_eq!(in_chunks(other), None, "{}", other.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn publications_read_back(
            channel in "[^\\p{Cc}]{1,40}",
            texts in proptest::collection::vec("[^\\p{Cc}]{0,99}", 1..4),
            blank in "[ \n\r\t]{0,5}",
        ) {
            let contents: Vec<String> =
                texts.iter().map(|text| format!("[{blank}{},{blank}1]", serde_json::json!(text))).collect();
            let mut frames = Vec::new();
            contents.iter().for_each(|content| frame::push_publish(&mut frames, &channel, content));
            let chunks = publication_events(EventBody::Chunks, &channel, &frames);
            let (mut rest, mut unchunked) = (&*chunks, Vec::new());
            while let Some((size, behind)) = split_size(rest) {
                unchunked.extend_from_slice(&behind[..size]);
                rest = &behind[size + CHUNK_END.len()..];
            }
            prop_assert!(rest.is_empty());
            let stream = publication_events(EventBody::Plain, &channel, &frames);
            prop_assert_eq!(&unchunked[..], &*stream);
            let events = read(&stream);
            prop_assert_eq!(events.len(), contents.len());
            for ((name, data), content) in events.iter().zip(&contents) {
                prop_assert_eq!(name, "");
                let value: serde_json::Value = serde_json::from_str(data).expect("JSON");
                prop_assert_eq!(&value["channel"], channel.as_str());
                let expected: serde_json::Value = serde_json::from_str(content).expect("JSON");
                prop_assert_eq!(&value["content"], &expected);
            }
            prop_assert!(stream.starts_with(&publication_start(Some(&channel))));
            prop_assert!(stream.starts_with(&publication_start(None)));
        }
    }
}
