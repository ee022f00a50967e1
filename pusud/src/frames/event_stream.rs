//! Server-Sent Events from the relay to a listener (WHATWG HTML, section 9.2): functions from values to bytes.
//!
//! An event ends with an empty line, and none is inside: so whole events lie one behind the other in a buffer that all
//! such listeners of a channel share, as frames do.

use super::buffer::Frames;
use super::frame;
use crate::protocol::Disconnect;
use rand::RngExt as _;
use std::time::Duration;

/// What an event of publications begins with.
pub(super) const DATA: &[u8] = b"data: ";
/// The end of an event.
const END: &[u8] = b"\n\n";
const PUBLICATION_HEAD: &[u8] = br#"data: {"channel":"#;

/// How long listeners wait, at least and at most, before they come back to a relay that has told them that it stops: they
/// must not come all at once.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// One event of this name, with JSON text of one line as its data.
pub fn event(name: &str, json: &[u8]) -> Frames {
    let mut out = Vec::with_capacity(name.len() + json.len() + 20);
    push_event(&mut out, name, json);
    out.into()
}

/// The last event of a stream, which says why it ends; and to those that should come back, when.
pub fn end_event(disconnect: Disconnect) -> Frames {
    let mut out = Vec::new();
    if disconnect == Disconnect::GoingAway {
        let wait = rand::rng().random_range(RETRY_MIN.as_millis()..=RETRY_MAX.as_millis());
        out.extend_from_slice(format!("retry: {wait}\n").as_bytes());
    }
    let json = format!(r#"{{"code":{},"reason":"{}"}}"#, disconnect.code(), disconnect.reason());
    push_event(&mut out, "end", json.as_bytes());
    out.into()
}

/// What keeps a silent stream open: a comment.
pub fn comment() -> Frames {
    Frames::from(&b":\n\n"[..])
}

/// The publications to `channel` in these frames, which [`frame::push_publish`] has made, as events.
pub fn publication_events(channel: &str, frames: &[u8]) -> Frames {
    let mut out = Vec::with_capacity(frames.len() + frames.len() / 8);
    let mut head = PUBLICATION_HEAD.to_vec();
    frame::push_name(&mut head, channel);
    head.extend_from_slice(frame::PUBLISH_MIDDLE);
    for content in frame::contents(channel, frames) {
        out.extend_from_slice(&head);
        push_lines(&mut out, content);
        out.extend_from_slice(frame::PUBLISH_TAIL);
        out.extend_from_slice(END);
    }
    out.into()
}

/// What publications to `channel` begin with, or to any.
pub(super) fn publication_start(channel: Option<&str>) -> Vec<u8> {
    let mut start = PUBLICATION_HEAD.to_vec();
    if let Some(channel) = channel {
        frame::push_name(&mut start, channel);
        start.extend_from_slice(frame::PUBLISH_MIDDLE);
    }
    start
}

/// Where the event ends in which `at` lies, of whole events.
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
    push_lines(out, json);
    out.extend_from_slice(END);
}

/// Appends JSON text as data. A line may end within it wherever JSON allows white space, and begins anew there, which the
/// listener sees as a line feed.
fn push_lines(out: &mut Vec<u8>, json: &[u8]) {
    if !json.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(json);
        return;
    }
    let mut before = 0;
    for byte in json {
        match (before, byte) {
            // The second half of one line end.
            (b'\r', b'\n') => {}
            (_, b'\n' | b'\r') => {
                out.push(b'\n');
                out.extend_from_slice(DATA);
            }
            (_, other) => out.push(*other),
        }
        before = *byte;
    }
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
        let end = super::end_event(Disconnect::SlowConsumer);
        assert_eq!(&*end, b"event: end\ndata: {\"code\":4001,\"reason\":\"slow consumer\"}\n\n");
        let mut waits = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let end = String::from_utf8(super::end_event(Disconnect::GoingAway).to_vec()).expect("text");
            let (wait, event) = end.split_once('\n').expect("lines");
            assert_eq!(event, "event: end\ndata: {\"code\":1001,\"reason\":\"the relay is stopping\"}\n\n");
            waits.insert(wait.strip_prefix("retry: ").expect("a time").parse::<u128>().expect("a number"));
        }
        assert!(waits.len() > 10, "all come back at once: {waits:?}");
        assert!(waits.iter().all(|wait| (1000..=10_000).contains(wait)), "{waits:?}");
    }

    #[test]
    fn an_event_ends_behind_its_empty_line() {
        let stream = [&*comment(), &*event("a", b"1"), &*event("b", b"2")].concat();
        let ends = [3, 3 + 18, 3 + 2 * 18];
        for (at, expected) in [(1, 0), (3, 0), (4, 1), (20, 1), (21, 1), (22, 2), (39, 2)] {
            assert_eq!(end_of_event(&stream, at), ends[expected], "{at}");
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
            let stream = publication_events(&channel, &frames);
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
