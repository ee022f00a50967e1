use super::*;
use crate::frames::mark::end_of_frame;

#[test]
fn an_end_says_why_and_when_to_come_back() {
    let end = super::end_event(EventBody::Plain, Disconnect::SlowConsumer);
    assert_eq!(&*end, b"event: end\ndata: {\"code\":4001,\"reason\":\"slow consumer\"}\n\n");
    let mut waits = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let end = String::from_utf8(super::end_event(EventBody::Plain, Disconnect::GoingAway).to_vec()).expect("text");
        let (wait, event) = end.split_once('\n').expect("lines");
        assert_eq!(event, "event: end\ndata: {\"code\":1001,\"reason\":\"the relay is stopping\"}\n\n");
        waits.insert(wait.strip_prefix("retry: ").expect("a time").parse::<u128>().expect("a number"));
    }
    assert!(waits.len() > 10, "all come back at once: {waits:?}");
    assert!(waits.iter().all(|wait| (1000..=10_000).contains(wait)), "{waits:?}");
}

#[test]
fn an_event_ends_behind_its_empty_line() {
    let stream = [comment(EventBody::Plain), event(EventBody::Plain, "a", b"1"), event(EventBody::Plain, "b", b"2")];
    let stream: Vec<u8> = stream.iter().flat_map(|events| events.to_vec()).collect();
    let ends = [3, 3 + 18, 3 + 2 * 18];
    for (at, expected) in [(1, 0), (3, 0), (4, 1), (20, 1), (21, 1), (22, 2), (39, 2)] {
        assert_eq!(end_of_frame(&stream, at), ends[expected], "{at}");
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
        assert_eq!(end_of_frame(&stream, at), expected, "{at}");
    }
    for other in [&b"data: 1\n\n"[..], b"event: a", b":\n\n", b"", b"\x81\x02", b"\r\n"] {
        assert_eq!(split_size(other), None, "{}", other.escape_ascii());
    }
}
