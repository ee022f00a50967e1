//! Streams of channels with history: each event says where its client comes back to, and it misses nothing there.

use super::history::{read, text, with_history};
use super::source::Source;
use crate::harness::{ALL, Daemon, EventListener, NoStream, bearer, channels_query, events_request};
use serde_json::{Value, json};

crate::on_1_and_3_shards!(
    a_stream_says_where_it_stands,
    who_comes_back_misses_nothing,
    the_newest_come_first_where_they_are_wanted,
    ids_of_others_recover_nothing,
);

/// Begins a stream behind this id.
#[track_caller]
pub(super) fn come_back(daemon: &Daemon, query: &str, id: Option<&str>) -> EventListener {
    let header = id.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
    let mut raw = daemon.raw();
    raw.send(events_request(query, &format!("{}{header}", bearer(ALL))));
    EventListener::read(raw)
}

/// Takes the answer about a channel.
#[track_caller]
pub(super) fn expect_ok(listener: &mut EventListener, channel: &str) -> Value {
    let event = listener.next_event();
    let answer = event.json();
    assert_eq!((&*event.name, &answer["channel"]), ("subscribe_ok", &json!(channel)), "{event:?}");
    assert!(event.id.is_some(), "{event:?}");
    answer
}

/// Takes a publication; its id.
#[track_caller]
pub(super) fn expect_content(listener: &mut EventListener, channel: &str, content: Value) -> Option<String> {
    let event = listener.next_event();
    assert_eq!((&*event.name, event.json()), ("", json!({"channel": channel, "content": content})), "{event:?}");
    event.id
}

fn a_stream_says_where_it_stands(daemon: Daemon) {
    let daemon = with_history(daemon);
    let mut source = Source::of(&daemon);
    source.publish("h", "0");
    // The other one has no history: no answer about it, and no ids.
    let mut listener = come_back(&daemon, "channel=h&channel=x", None);
    assert_eq!(listener.subscribed(), &json!({"relay": "test-relay", "channels": ["h", "x"]}));
    assert_eq!(listener.last_id, None);
    let answer = expect_ok(&mut listener, "h");
    assert_eq!(answer, json!({"type": "subscribe_ok", "channel": "h", "position": answer["position"]}));
    assert_eq!(listener.last_id.as_deref(), Some(text(&answer, "position")));
    source.publish("x", "1");
    source.publish("h", "2");
    assert_eq!(expect_content(&mut listener, "x", json!(1)), None);
    let id = expect_content(&mut listener, "h", json!(2)).expect("it has one");
    assert_eq!(id, text(&read(&mut daemon.http(), "h", "last=1"), "position"));
    // Without chunks too.
    let mut raw = daemon.raw();
    raw.send(events_request("channel=h&last=1", &bearer(ALL)).replacen("HTTP/1.1", "HTTP/1.0", 1));
    let mut old = EventListener::read(raw);
    assert_eq!(expect_ok(&mut old, "h")["last"], 1);
    assert_eq!(expect_content(&mut old, "h", json!(2)), Some(id));
}

fn who_comes_back_misses_nothing(daemon: Daemon) {
    let daemon = with_history(daemon);
    let mut source = Source::of(&daemon);
    let mut first = come_back(&daemon, "channel=h", None);
    expect_ok(&mut first, "h");
    source.publish("h", "1");
    expect_content(&mut first, "h", json!(1));
    let id = first.last_id.clone().unwrap();
    drop(first);
    (2..=4).for_each(|number| source.publish("h", &number.to_string()));
    let in_query = |id: &str| format!("channel=h&last=1&last_event_id={id}");
    // A browser comes back with the URL that it began with, and the header has the newer one.
    for (query, header) in [("channel=h", Some(&*id)), (&in_query(&id), None), (&in_query("other"), Some(&*id))] {
        let mut listener = come_back(&daemon, query, header);
        let answer = expect_ok(&mut listener, "h");
        assert_eq!((&answer["recovered"], &answer["missed"]), (&json!(true), &json!(3)), "{query}");
        assert_eq!((&answer["position"], listener.last_id.as_deref()), (&json!(id), Some(&*id)), "it stands there yet");
        (2..=4).for_each(|number| drop(expect_content(&mut listener, "h", json!(number))));
        let last = listener.last_id.clone();
        drop(listener);
        let mut listener = come_back(&daemon, "channel=h", last.as_deref());
        assert_eq!(expect_ok(&mut listener, "h")["missed"], 0);
    }
}

fn the_newest_come_first_where_they_are_wanted(daemon: Daemon) {
    let daemon = with_history(daemon);
    let mut source = Source::of(&daemon);
    for number in 1..=5 {
        ["h.a", "h.b"].iter().for_each(|channel| source.publish(channel, &number.to_string()));
    }
    let mut listener = come_back(&daemon, "channel=h.a&channel=x&channel=h.b&last=2", None);
    for channel in ["h.a", "h.b"] {
        assert_eq!(expect_ok(&mut listener, channel)["last"], 2);
        [4, 5].iter().for_each(|number| drop(expect_content(&mut listener, channel, json!(number))));
    }
    source.publish("h.a", "6");
    expect_content(&mut listener, "h.a", json!(6));
    for last in ["", "x", "-1", "4294967296"] {
        let refused = daemon.no_events(&events_request(&format!("channel=h.a&last={last}"), &bearer(ALL)));
        assert_eq!(refused.status, 400, "{refused:?}");
    }
}

fn ids_of_others_recover_nothing(daemon: Daemon) {
    let daemon = with_history(daemon);
    let mut source = Source::of(&daemon);
    source.publish("h.a", "1");
    let position = text(&read(&mut daemon.http(), "h.a", "last=1"), "position").to_owned();
    for id in ["7", "nonsense", "a:b,c:d", ",", "AABNypeB-AAAAAF.12", "null", &format!("{position}9"), "\u{e4}"] {
        let mut listener = come_back(&daemon, "channel=h.a", Some(id));
        let answer = expect_ok(&mut listener, "h.a");
        // Where it is about other channels, nothing was promised of this one.
        let expected = if id.contains(':') { None } else { Some(&json!(false)) };
        assert_eq!(answer.get("recovered"), expected, "{id}");
        source.publish("h.a", "2");
        expect_content(&mut listener, "h.a", json!(2));
    }
    // A position says which channel it is about, and nothing of others.
    let position = text(&read(&mut daemon.http(), "h.a", "last=1"), "position").to_owned();
    let mut two = come_back(&daemon, "channel=h.a&channel=h.b", Some(&position));
    assert_eq!(expect_ok(&mut two, "h.a")["recovered"], true);
    assert_eq!(expect_ok(&mut two, "h.b").get("recovered"), None);
    let mut other = come_back(&daemon, "channel=h.b", Some(&position));
    assert_eq!(expect_ok(&mut other, "h.b")["recovered"], false);
    // No id at all.
    let mut none = come_back(&daemon, "channel=h.a", Some(""));
    assert_eq!(expect_ok(&mut none, "h.a").get("recovered"), None);
}

#[test]
fn streams_and_ids_have_bounds() {
    let daemon = with_history(Daemon::on_shards(1));
    let names: Vec<String> = (0..33).map(|number| format!("h.{number}")).collect();
    let query = |count: usize| {
        let names: Vec<&str> = names[..count].iter().map(|name| &**name).chain(["x"]).collect();
        channels_query(&names)
    };
    let refused = daemon.no_events(&events_request(&query(33), &bearer(ALL)));
    assert_eq!(refused.status, 400);
    assert!(text(&refused.problem, "detail").contains("at most 32 channels with history"), "{refused:?}");
    let mut listener = come_back(&daemon, &query(32), None);
    names[..32].iter().for_each(|name| drop(expect_ok(&mut listener, name)));
    let id = listener.last_id.clone().unwrap();
    assert!(id.len() <= 4096 && id.split(',').count() == 32, "{id}");
    let mut back = come_back(&daemon, &query(32), Some(&id));
    names[..32].iter().for_each(|name| assert_eq!(expect_ok(&mut back, name)["recovered"], true));
    for (len, is_good) in [(4096, true), (4097, false)] {
        let mut raw = daemon.raw();
        raw.send(events_request("channel=h", &format!("{}Last-Event-ID: {}\r\n", bearer(ALL), "x".repeat(len))));
        if is_good {
            let mut listener = EventListener::read(raw);
            assert_eq!(expect_ok(&mut listener, "h")["recovered"], false);
        } else {
            let refused = NoStream::read(&mut raw);
            assert_eq!(refused.status, 400);
            assert!(text(&refused.problem, "detail").contains("at most 4096 bytes"), "{refused:?}");
        }
    }
    let twice = format!("{}Last-Event-ID: a\r\nLast-Event-ID: a\r\n", bearer(ALL));
    let mut raw = daemon.raw();
    raw.send(events_request("channel=h", &twice));
    assert!(raw.read_head().starts_with("HTTP/1.1 400 "));
}
