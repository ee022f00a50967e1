//! Events of a channel as a browser reads them.

use super::{channel, made, run};
use crate::frames::event_stream::*;
use crate::frames::mark::end_of_frame;
use proptest::prelude::*;
use serde_json::{Value, json};

/// One event as a browser has it.
#[derive(Debug, PartialEq, Default)]
struct Event {
    /// Of the stream, which an event without an id does not change.
    last_id: String,
    name: String,
    data: String,
}

/// The events of a stream, as WHATWG HTML, section 9.2.6, has them read.
fn read(stream: &[u8]) -> Vec<Event> {
    let text = std::str::from_utf8(stream).expect("UTF-8");
    assert!(text.ends_with("\n\n") && !text.contains('\r'));
    let mut last_id = String::new();
    let events = text.strip_suffix("\n\n").expect("an end").split("\n\n").map(|event| {
        let mut read = Event::default();
        for line in event.split('\n') {
            match line.split_once(": ").expect("a field") {
                ("id", id) => id.clone_into(&mut last_id),
                ("event", name) => name.clone_into(&mut read.name),
                ("data", data) if read.data.is_empty() => data.clone_into(&mut read.data),
                other => panic!("{other:?}"),
            }
        }
        read.last_id.clone_from(&last_id);
        read
    });
    events.collect()
}

/// A body without its chunks, and where each of them ended.
fn unchunked(chunks: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), chunks);
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(end_of_frame(rest, 1));
        let digits = chunk.iter().position(|byte| *byte == b'\r').expect("a line");
        let size = usize::from_str_radix(std::str::from_utf8(&chunk[..digits]).expect("text"), 16).expect("a size");
        let event = chunk[digits..].strip_prefix(b"\r\n").and_then(|rest| rest.strip_suffix(b"\r\n")).expect("ends");
        assert_eq!(event.len(), size);
        out.extend_from_slice(event);
        rest = behind;
    }
    out
}

#[test]
fn events_are_written_as_the_protocol_says() {
    let mut frames = Vec::new();
    crate::frames::push_publish(&mut frames, "a", "[1,\n2]");
    crate::frames::push_publish_at(&mut frames, "a", "p.1", "3");
    crate::frames::push_gap(&mut frames, "a", "p.2");
    let events = publication_events(EventBody::Plain, "a", &frames);
    let expected = "data: {\"channel\":\"a\",\"content\":[1,2]}\n\n\
        id: p.1\ndata: {\"channel\":\"a\",\"content\":3}\n\n\
        id: p.2\nevent: gap\ndata: {\"channel\":\"a\",\"position\":\"p.2\"}\n\n";
    assert_eq!(std::str::from_utf8(&events).unwrap(), expected);
    let mut all = vec!["other"];
    let events = publication_events_with_ids(EventBody::Plain, "a", &frames, |event, position| {
        all.push(["p.1", "p.2"][usize::from(position == "p.2")]);
        event.extend_from_slice(all.join(",").as_bytes());
    });
    let expected = expected.replace("id: p.1", "id: other,p.1").replace("id: p.2", "id: other,p.1,p.2");
    assert_eq!(std::str::from_utf8(&events).unwrap(), expected);
    let subscribed = event_with_id(EventBody::Chunks, "subscribed", "p", b"{}");
    assert_eq!(&*subscribed, b"22\r\nid: p\nevent: subscribed\ndata: {}\n\n\r\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_run_reads_back(channel in channel(), all in made(), prefix in "[a-z,]{0,9}") {
        let (frames, _) = run(&channel, &all);
        let stream = publication_events(EventBody::Plain, &channel, &frames);
        prop_assert_eq!(&unchunked(&publication_events(EventBody::Chunks, &channel, &frames))[..], &*stream);
        let other_ids = publication_events_with_ids(EventBody::Plain, &channel, &frames, |event, position| {
            event.extend_from_slice(prefix.as_bytes());
            event.extend_from_slice(position.as_bytes());
        });
        let (events, others) = (read(&stream), read(&other_ids));
        prop_assert_eq!((events.len(), others.len()), (all.len(), all.len()));
        let mut last_id = String::new();
        for ((made, event), other) in all.iter().zip(events).zip(others) {
            if let Some(position) = &made.position {
                last_id.clone_from(position);
            }
            let prefixed = if last_id.is_empty() { String::new() } else { format!("{prefix}{last_id}") };
            prop_assert_eq!(&other, &Event { last_id: prefixed, name: event.name.clone(), data: event.data.clone() });
            prop_assert_eq!(&event.last_id, &last_id);
            prop_assert_eq!(&event.name, if made.is_gap() { "gap" } else { "" });
            let expected = match &made.content {
                Some(content) => json!({"channel": channel, "content": serde_json::from_str::<Value>(content).expect("JSON")}),
                None => json!({"channel": channel, "position": made.position}),
            };
            prop_assert_eq!(serde_json::from_str::<Value>(&event.data).expect("JSON"), expected);
        }
    }
}
