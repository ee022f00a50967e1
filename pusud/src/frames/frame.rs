//! WebSocket frames from the relay to a client (RFC 6455, section 5.2): functions from values to bytes.
//!
//! Frames of a server are never masked, and the relay never fragments.

use super::buffer::Frames;
use super::event_stream;
use crate::protocol::Disconnect;

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
/// The first byte of a text frame. No event begins with it.
const TEXT_FRAME: u8 = FIN | TEXT;
/// The longest reason that fits into a close frame, in bytes (RFC 6455, section 5.5, less the code).
const CLOSE_REASON_BYTES_MAX: usize = 123;

const PUBLISH_HEAD: &[u8] = br#"{"type":"publish","channel":"#;
pub(super) const PUBLISH_MIDDLE: &[u8] = br#","content":"#;
pub(super) const PUBLISH_TAIL: &[u8] = b"}";

/// One text frame.
pub fn text(payload: &[u8]) -> Frames {
    let mut out = Vec::with_capacity(payload.len() + 10);
    push_header(&mut out, TEXT, payload.len());
    out.extend_from_slice(payload);
    out.into()
}

/// The close frame that says why a connection ends.
pub fn close(disconnect: Disconnect) -> Frames {
    let reason = disconnect.reason().as_bytes();
    assert!(reason.len() <= CLOSE_REASON_BYTES_MAX, "close reasons are short constants");
    let mut out = Vec::with_capacity(reason.len() + 4);
    push_header(&mut out, CLOSE, reason.len() + 2);
    out.extend_from_slice(&disconnect.code().to_be_bytes());
    out.extend_from_slice(reason);
    out.into()
}

/// A ping without a payload.
pub fn ping() -> Frames {
    Frames::from(vec![FIN | PING, 0])
}

/// About how long the frame that delivers `content` on `channel` is, in bytes: at least as long, unless the name needs many
/// escapes.
pub fn publish_len(channel: &str, content: &str) -> usize {
    PUBLISH_HEAD.len() + PUBLISH_MIDDLE.len() + PUBLISH_TAIL.len() + channel.len() + content.len() + 16
}

/// Appends the frame that delivers `content` (JSON text) on `channel` to `out`.
///
/// The message is made anew from channel and content: whatever else a source sent never reaches a listener.
pub fn push_publish(out: &mut Vec<u8>, channel: &str, content: &str) {
    let escaped_len = escaped_len(channel);
    let payload_len =
        PUBLISH_HEAD.len() + (escaped_len + 2) + PUBLISH_MIDDLE.len() + content.len() + PUBLISH_TAIL.len();
    out.reserve(payload_len + 10);
    push_header(out, TEXT, payload_len);
    let payload_start = out.len();
    out.extend_from_slice(PUBLISH_HEAD);
    push_name(out, channel);
    out.extend_from_slice(PUBLISH_MIDDLE);
    out.extend_from_slice(content.as_bytes());
    out.extend_from_slice(PUBLISH_TAIL);
    debug_assert_eq!(out.len() - payload_start, payload_len);
}

/// STUB, replaced by the helper's.
pub fn push_publish_at(out: &mut Vec<u8>, channel: &str, position: &str, content: &str) {
    let mut payload = PUBLISH_HEAD.to_vec();
    push_name(&mut payload, channel);
    payload.extend_from_slice(b",\"position\":\"");
    payload.extend_from_slice(position.as_bytes());
    payload.extend_from_slice(b"\",\"content\":");
    payload.extend_from_slice(content.as_bytes());
    payload.push(b'}');
    push_header(out, TEXT, payload.len());
    out.extend_from_slice(&payload);
}

/// STUB.
pub fn push_gap(out: &mut Vec<u8>, channel: &str, position: &str) {
    let mut payload = br#"{"type":"gap","channel":"#.to_vec();
    push_name(&mut payload, channel);
    payload.extend_from_slice(b",\"position\":\"");
    payload.extend_from_slice(position.as_bytes());
    payload.extend_from_slice(b"\"}");
    push_header(out, TEXT, payload.len());
    out.extend_from_slice(&payload);
}

/// STUB
pub fn publish_at_len(channel: &str, position_bytes: usize, content: &str) -> usize {
    publish_len(channel, content) + position_bytes + 14
}

/// STUB
pub fn last_position<'a>(_channel: &str, _frames: &'a [u8]) -> Option<&'a str> {
    None
}

/// STUB
pub fn publications<'a>(channel: &str, frames: &'a [u8]) -> impl Iterator<Item = (Option<&'a str>, &'a [u8])> {
    contents(channel, frames).map(|content| (None, content))
}

/// Appends a name as JSON.
pub(super) fn push_name(out: &mut Vec<u8>, channel: &str) {
    out.push(b'"');
    if escaped_len(channel) == channel.len() {
        out.extend_from_slice(channel.as_bytes());
    } else {
        for byte in channel.bytes() {
            if byte == b'"' || byte == b'\\' {
                out.push(b'\\');
            }
            out.push(byte);
        }
    }
    out.push(b'"');
}

/// The contents (JSON text) of frames that [`push_publish`] has made for `channel`, without copying or checking them.
pub fn contents<'a>(channel: &str, frames: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let before = PUBLISH_HEAD.len() + escaped_len(channel) + 2 + PUBLISH_MIDDLE.len();
    let mut rest = frames;
    std::iter::from_fn(move || {
        let (payload, behind) = payload(rest)?;
        rest = behind;
        Some(&payload[before..payload.len() - PUBLISH_TAIL.len()])
    })
}

/// What tells the publications of a channel, or of any channel, from all other frames and events.
pub struct Mark {
    payload: Vec<u8>,
    event: Vec<u8>,
}

impl Mark {
    /// Of publications to `channel`; `None`: to any.
    pub fn of(channel: Option<&str>) -> Self {
        let mut start = PUBLISH_HEAD.to_vec();
        if let Some(channel) = channel {
            push_name(&mut start, channel);
            start.extend_from_slice(PUBLISH_MIDDLE);
        }
        Self { payload: start, event: event_stream::publication_start(channel) }
    }

    /// Whether it is on the first of these frames or events: in a run it is then on all of them.
    pub fn is_on(&self, frames: &[u8]) -> bool {
        match frames.first() {
            Some(&TEXT_FRAME) => payload(frames).is_some_and(|(payload, _)| payload.starts_with(&self.payload)),
            Some(_) => event_stream::in_chunks(frames).unwrap_or(frames).starts_with(&self.event),
            None => false,
        }
    }
}

/// How many publications these are, if that is what they are.
pub(super) fn count_publications(frames: &[u8]) -> u64 {
    if !Mark::of(None).is_on(frames) {
        return 0;
    }
    if frames[0] != TEXT_FRAME {
        return event_stream::count_events(frames);
    }
    let mut rest = frames;
    let next = || {
        let (_, behind) = payload(rest)?;
        rest = behind;
        Some(())
    };
    std::iter::from_fn(next).count() as u64
}

/// Where the frame ends in which `at` lies, of whole frames, or the event.
pub(crate) fn end_of_frame(frames: &[u8], at: usize) -> usize {
    if frames.starts_with(event_stream::DATA) {
        return event_stream::end_of_event(frames, at);
    }
    if event_stream::in_chunks(frames).is_some() {
        return event_stream::end_of_chunk(frames, at);
    }
    let mut rest = frames;
    while let Some((_, behind)) = payload(rest) {
        rest = behind;
        if frames.len() - rest.len() >= at {
            break;
        }
    }
    frames.len() - rest.len()
}

/// The payload of the first of these whole frames, and what is behind it.
fn payload(frames: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[_, short], behind) = frames.split_first_chunk()?;
    let (len, behind) = match short {
        126 => behind.split_first_chunk().map(|(len, behind)| (u16::from_be_bytes(*len).into(), behind))?,
        127 => behind.split_first_chunk().map(|(len, behind)| (u64::from_be_bytes(*len) as usize, behind))?,
        _ => (short.into(), behind),
    };
    Some(behind.split_at(len))
}

/// A name as it stands between the quotes of JSON, in bytes. It has no control characters, so that only quotes and
/// backslashes are written differently.
fn escaped_len(channel: &str) -> usize {
    channel.len() + channel.bytes().filter(|&byte| byte == b'"' || byte == b'\\').count()
}

fn push_header(out: &mut Vec<u8>, opcode: u8, payload_len: usize) {
    out.push(FIN | opcode);
    match payload_len {
        0..=125 => out.push(payload_len as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(payload_len as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(payload_len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
    use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameSocket};

    /// Reads frames back with tungstenite.
    fn decode(bytes: &[u8]) -> Vec<Frame> {
        let mut socket = FrameSocket::new(Cursor::new(bytes.to_vec()));
        let mut frames = Vec::new();
        while let Some(frame) = socket.read(None).expect("a whole frame") {
            frames.push(frame);
        }
        frames
    }

    #[test]
    fn close_carries_code_and_reason() {
        let frames = decode(&close(Disconnect::SlowConsumer));
        assert_eq!(frames[0].header().opcode, OpCode::Control(Control::Close));
        assert_eq!(frames[0].payload(), [&4001u16.to_be_bytes()[..], b"slow consumer"].concat());
    }

    #[test]
    fn contents_of_every_length_are_cut_out() {
        let lengths = [1, 60, 70, 80, 90, 125, 126, 127, 65_480, 65_490, 65_500, 65_536, 100_000];
        let texts = lengths.map(|len| "1".repeat(len));
        let mut out = Vec::new();
        texts.iter().for_each(|text| push_publish(&mut out, "a\"b", text));
        assert!(contents("a\"b", &out).eq(texts.iter().map(|text| text.as_bytes())));
    }

    #[test]
    fn publications_are_known_by_their_mark() {
        let mut frames = Vec::new();
        ["1", "22", &"3".repeat(70_000)].iter().for_each(|content| push_publish(&mut frames, "a\"b", content));
        assert!(Mark::of(None).is_on(&frames) && Mark::of(Some("a\"b")).is_on(&frames));
        assert!(!Mark::of(Some("a\"")).is_on(&frames) && !Mark::of(Some("a")).is_on(&frames));
        for other in [ping(), close(Disconnect::SlowConsumer), text(br#"{"type":"subscribe_ok","channel":"a"}"#)] {
            assert!(!Mark::of(None).is_on(&other));
        }
        let ends = [1, 2].map(|at| end_of_frame(&frames, at));
        assert_eq!((ends[0], end_of_frame(&frames, ends[0])), (ends[1], ends[0]));
        assert_eq!(end_of_frame(&frames, ends[0] + 1), ends[0] + 1 + (ends[0]));
        assert_eq!(end_of_frame(&frames, frames.len()), frames.len());
    }

    #[test]
    fn publications_are_counted_by_their_bytes() {
        for count in [1, 2, 7] {
            let mut frames = Vec::new();
            (0..count).for_each(|n| push_publish(&mut frames, "a", &"1".repeat(1 + 40 * n)));
            assert_eq!(count_publications(&frames), count as u64);
            for body in [event_stream::EventBody::Chunks, event_stream::EventBody::Plain] {
                let events = event_stream::publication_events(body, "a", &frames);
                assert_eq!(count_publications(&events), count as u64, "{body:?}");
                assert_eq!(count_publications(&event_stream::comment(body)), 0, "{body:?}");
            }
        }
        for other in [ping(), close(Disconnect::SlowConsumer), text(b"{}"), Frames::from(vec![])] {
            assert_eq!(count_publications(&other), 0);
        }
    }

    #[test]
    fn lengths_at_the_edges() {
        for len in [0, 1, 125, 126, 127, 0xffff, 0x1_0000] {
            let payload = vec![b'x'; len];
            let frames = decode(&text(&payload));
            assert_eq!(frames.len(), 1);
            assert_eq!(frames[0].payload(), payload);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn publications_read_back(channel in "[^\\p{Cc}]{1,40}", content in "[^\\p{Cc}]{0,300}", more in 0usize..3) {
            let content = serde_json::to_string(&content).expect("text is JSON");
            let mut out = Vec::new();
            for _ in 0..=more {
                push_publish(&mut out, &channel, &content);
            }
            prop_assert_eq!(contents(&channel, &out).collect::<Vec<_>>(), vec![content.as_bytes(); more + 1]);
            let frames = decode(&out);
            prop_assert_eq!(frames.len(), more + 1);
            for frame in frames {
                prop_assert_eq!(frame.header().opcode, OpCode::Data(Data::Text));
                prop_assert!(frame.header().is_final);
                let value: serde_json::Value = serde_json::from_slice(frame.payload()).expect("JSON");
                let expected: serde_json::Value = serde_json::from_str(&content).expect("JSON");
                prop_assert_eq!(&value["type"], "publish");
                prop_assert_eq!(&value["channel"], channel.as_str());
                prop_assert_eq!(&value["content"], &expected);
            }
        }
    }
}
