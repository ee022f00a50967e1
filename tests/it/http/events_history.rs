//! Streams of channels with history: each event says where its client comes back to, and it misses nothing there.

use super::guests::has;
use super::history::{read, text, with_history};
use super::source::Source;
use crate::harness::{
    ALL, Daemon, Event, EventListener, NoStream, Raw, Request, Setup, bearer, channels_query, events_request,
    library_name, run, script, scripted_version,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

crate::on_1_and_3_shards!(
    a_stream_says_where_it_stands,
    who_comes_back_misses_nothing,
    the_newest_come_first_where_they_are_wanted,
    a_stream_of_several_channels_comes_back_behind_any_event,
    ids_of_others_recover_nothing,
    crowds_that_come_back_at_any_time_account_for_everything,
    what_was_missed_ends_with_the_permission,
    what_was_missed_ends_with_the_authorization,
);

/// Begins a stream behind this id.
#[track_caller]
fn come_back(daemon: &Daemon, query: &str, id: Option<&str>) -> EventListener {
    let header = id.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
    let mut raw = daemon.raw();
    raw.send(events_request(query, &format!("{}{header}", bearer(ALL))));
    EventListener::read(raw)
}

/// Takes the answer about a channel.
#[track_caller]
fn expect_ok(listener: &mut EventListener, channel: &str) -> Value {
    let event = listener.next_event();
    let answer = event.json();
    assert_eq!((&*event.name, &answer["channel"]), ("subscribe_ok", &json!(channel)), "{event:?}");
    assert!(event.id.is_some(), "{event:?}");
    answer
}

/// Takes a publication; its id.
#[track_caller]
fn expect_content(listener: &mut EventListener, channel: &str, content: Value) -> Option<String> {
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

/// What a client sees that comes back with `id`, until it has `last` of each channel.
fn replay(daemon: &Daemon, query: &str, id: Option<&str>, channels: &[&str], last: u64) -> Vec<Event> {
    let mut listener = come_back(daemon, query, id);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut events = Vec::new();
    let mut answered = 0;
    while answered < channels.len() || seen.values().filter(|seen| **seen == last).count() < channels.len() {
        let event = listener.next_event();
        let data = event.json();
        if event.name == "subscribe_ok" {
            answered += 1;
            if data["missed"] == 0 {
                seen.insert(text(&data, "channel").into(), last);
            }
        } else {
            seen.insert(text(&data, "channel").into(), data["content"].as_u64().unwrap());
        }
        events.push(event);
    }
    events
}

fn a_stream_of_several_channels_comes_back_behind_any_event(daemon: Daemon) {
    const MESSAGES: u64 = 6;
    let daemon = with_history(daemon);
    let channels = ["h.1", "h.2", "h.3"];
    let query = channels_query(&["h.1", "x", "h.2", "h.3"]);
    let mut source = Source::of(&daemon);
    let mut listener = come_back(&daemon, &query, None);
    channels.iter().for_each(|channel| drop(expect_ok(&mut listener, channel)));
    let begin = listener.last_id.clone().unwrap();
    assert_eq!(begin.split(',').count(), 3, "{begin}");
    for number in 1..=MESSAGES {
        channels.iter().for_each(|channel| source.publish(channel, &number.to_string()));
        source.publish("x", &number.to_string());
    }
    let mut live = Vec::new();
    for number in 1..=MESSAGES {
        for channel in channels {
            live.push((expect_content(&mut listener, channel, json!(number)).expect("an id"), channel, number));
        }
        assert_eq!(expect_content(&mut listener, "x", json!(number)), None);
    }
    // Behind each of them, and behind each event of a replay, that one included: everything that was not seen comes once.
    let whole = replay(&daemon, &query, Some(&begin), &channels, MESSAGES);
    assert_eq!(whole.len() as u64, 3 + 3 * MESSAGES);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut ids: Vec<(String, BTreeMap<String, u64>)> = Vec::new();
    for event in &whole {
        let data = event.json();
        if event.name.is_empty() {
            seen.insert(text(&data, "channel").into(), data["content"].as_u64().unwrap());
        }
        ids.push((event.id.clone().expect("an id"), seen.clone()));
    }
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for (id, channel, number) in live {
        seen.insert(channel.into(), number);
        ids.push((id, seen.clone()));
    }
    for (id, seen) in ids {
        let mut seen = seen;
        for event in replay(&daemon, &query, Some(&id), &channels, MESSAGES) {
            let data = event.json();
            if event.name == "subscribe_ok" {
                let channel = text(&data, "channel");
                let missed = MESSAGES - seen.get(channel).copied().unwrap_or(0);
                assert_eq!((&data["recovered"], &data["missed"]), (&json!(true), &json!(missed)), "{id}");
            } else {
                let seen = seen.entry(text(&data, "channel").into()).or_default();
                *seen += 1;
                assert_eq!(data["content"], json!(*seen), "{id}");
            }
        }
    }
    // Fewer channels, and more.
    let mut fewer = come_back(&daemon, "channel=h.2", Some(&begin));
    assert_eq!(expect_ok(&mut fewer, "h.2")["missed"], json!(MESSAGES));
    let mut more = come_back(&daemon, "channel=h.new&channel=h.1&last=1", Some(&begin));
    assert_eq!(expect_ok(&mut more, "h.new")["last"], 0, "nothing was said of it");
    assert_eq!(expect_ok(&mut more, "h.1")["missed"], json!(MESSAGES));
}

fn ids_of_others_recover_nothing(daemon: Daemon) {
    let daemon = with_history(daemon);
    let mut source = Source::of(&daemon);
    source.publish("h.a", "1");
    let position = text(&read(&mut daemon.http(), "h.a", "last=1"), "position").to_owned();
    for id in ["7", "nonsense", "a:b,c:d", ",", "AABN-AAAAAF.12", &format!("{position}9"), "\u{e4}"] {
        let mut listener = come_back(&daemon, "channel=h.a", Some(id));
        let answer = expect_ok(&mut listener, "h.a");
        // Where it is about other channels, nothing was promised of this one.
        let expected = if id.contains(':') { None } else { Some(&json!(false)) };
        assert_eq!(answer.get("recovered"), expected, "{id}");
        source.publish("h.a", "2");
        expect_content(&mut listener, "h.a", json!(2));
    }
    // A position alone does not say which channel it is about.
    let mut two = come_back(&daemon, "channel=h.a&channel=h.b", Some(&position));
    ["h.a", "h.b"].iter().for_each(|channel| assert_eq!(expect_ok(&mut two, channel)["recovered"], false));
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

/// Listeners of one channel and of two leave in the middle of everything and come back, while sources publish.
fn crowds_that_come_back_at_any_time_account_for_everything(daemon: Daemon) {
    const MESSAGES: u64 = 600;
    let daemon = with_history(daemon);
    let is_over = AtomicBool::new(false);
    let queries: [&[&str]; 3] = [&["h.a"], &["h.a", "h.b"], &["h.b", "x", "h.a"]];
    std::thread::scope(|scope| {
        let (daemon, is_over) = (&daemon, &is_over);
        let mut listeners = Vec::new();
        for (at, channels) in (0..9).map(|at| (at, queries[at % 3])) {
            let mut listener = come_back(daemon, &channels_query(channels), None);
            channels
                .iter()
                .filter(|channel| **channel != "x")
                .for_each(|channel| drop(expect_ok(&mut listener, channel)));
            listeners.push(scope.spawn(move || {
                let mut seen: BTreeMap<String, u64> = BTreeMap::new();
                let mut returns = 0;
                let wanted = if channels.len() == 1 { 1 } else { 2 };
                while seen.values().filter(|seen| **seen == MESSAGES).count() < wanted {
                    for _ in 0..(3 + at * 7) {
                        let Ok(Some(event)) = listener.try_next(Duration::from_millis(50)) else { break };
                        let data = event.json();
                        match &*event.name {
                            "subscribe_ok" => assert_eq!(data["recovered"], true, "{event:?}"),
                            "" => {
                                let seen = seen.entry(text(&data, "channel").into()).or_default();
                                *seen += 1;
                                assert_eq!(data["content"], json!(*seen), "{event:?}");
                            }
                            other => panic!("{other}: {event:?}"),
                        }
                    }
                    let id = listener.last_id.clone();
                    listener = come_back(daemon, &channels_query(channels), id.as_deref());
                    listener.last_id = id;
                    returns += 1;
                }
                returns
            }));
        }
        for channel in ["h.a", "h.b"] {
            scope.spawn(move || {
                let mut source = Source::of(daemon);
                (1..=MESSAGES).for_each(|number| source.publish(channel, &number.to_string()));
                is_over.store(true, Ordering::SeqCst);
            });
        }
        let returns: u64 = listeners.into_iter().map(|listener| listener.join().unwrap()).sum();
        println!("they came back {returns} times");
        assert!(returns >= 9);
    });
    assert!(is_over.load(Ordering::SeqCst));
    daemon.expect_nobody_disconnected();
}

/// A slow one that comes back to much, of which most waits for it.
fn slow_return(daemon: &Daemon, words: &str, channels: &[&str], id: &str) -> EventListener {
    let mut raw = Raw::connect_with_small_buffer(daemon.address());
    raw.send(events_request(&channels_query(channels), &format!("{}Last-Event-ID: {id}\r\n", bearer(words))));
    EventListener::read(raw)
}

/// A relay with so much in the history of some channels, and the id behind which all of it is missed.
fn with_much(daemon: Daemon, channels: &[&str], messages: u64) -> (Daemon, String) {
    let shards = daemon.asked()["shards"].as_u64().unwrap() as usize;
    drop(daemon);
    let settings = "history: [{channels: ['h.*'], size: 2000, ttl: 1h}]\non_swap: reauthorize\n\
                    limits: {write_deadline: 1day}";
    let daemon = Setup::on_shards(shards).settings(settings).start();
    let mut listener = come_back(&daemon, &channels_query(channels), None);
    channels.iter().for_each(|channel| drop(expect_ok(&mut listener, channel)));
    let id = listener.last_id.clone().unwrap();
    drop(listener);
    let mut source = Source::of(&daemon);
    for number in 1..=messages {
        let content = format!(r#"{{"n":{number},"x":"{}"}}"#, "x".repeat(64 * 1024));
        channels.iter().for_each(|channel| source.publish(channel, &content));
    }
    (daemon, id)
}

fn what_was_missed_ends_with_the_permission(daemon: Daemon) {
    const MESSAGES: u64 = 150;
    let both = ["h.goes", "h.stays"];
    let (daemon, id) = with_much(daemon, &both, MESSAGES);
    let mut slow = slow_return(&daemon, "when=1.0.0 read=h.* when=2 read=h.stays", &both, &id);
    daemon.plugins().replace(&library_name("scripted_plugin"), &scripted_version("2"));
    let line = daemon.reload();
    assert!(line.contains("another authenticator has taken over"), "{line}");
    daemon.wait_for_status("it has been asked again", |status| status["subscriptions"] == 1);
    let mut last = BTreeMap::from([("h.goes".to_owned(), 0), ("h.stays".to_owned(), 0)]);
    let mut has_ended = false;
    while last["h.stays"] < MESSAGES || !has_ended {
        let event = slow.next_event();
        let data = event.json();
        match &*event.name {
            "subscribe_ok" => assert_eq!((&data["recovered"], &data["missed"]), (&json!(true), &json!(MESSAGES))),
            "subscription_ended" => {
                assert_eq!(data["channel"], "h.goes");
                has_ended = true;
            }
            "" => {
                let number = last.get_mut(text(&data, "channel")).unwrap();
                assert!(!has_ended || data["channel"] == "h.stays", "{}", data["content"]["n"]);
                *number += 1;
                assert_eq!(data["content"]["n"], json!(*number));
            }
            other => panic!("{other}"),
        }
    }
    println!("{} of {MESSAGES} had left in time", last["h.goes"]);
    assert!(last["h.goes"] < MESSAGES, "nothing waited");
    // Who gets it back is told that something is missing, and goes on in the other one.
    let id = slow.last_id.clone();
    let mut back = come_back(&daemon, "channel=h.goes&channel=h.stays", id.as_deref());
    assert_eq!(expect_ok(&mut back, "h.goes")["recovered"], false);
    assert_eq!(expect_ok(&mut back, "h.stays")["missed"], 0);
}

fn what_was_missed_ends_with_the_authorization(daemon: Daemon) {
    const MESSAGES: u64 = 150;
    let (mut daemon, mut id) = with_much(daemon, &["h.goes"], MESSAGES);
    ends_while_much_waits(&daemon, &["h.goes"], &id, MESSAGES);
    let both = ["h.goes", "h.stays"];
    (daemon, id) = with_much(daemon, &both, MESSAGES);
    ends_while_much_waits(&daemon, &both, &id, 2 * MESSAGES);
}

fn ends_while_much_waits(daemon: &Daemon, channels: &[&str], id: &str, messages: u64) {
    let mut slow = slow_return(daemon, "read=h.* expires=700", channels, id);
    daemon.wait_for_status("it has ended", |status| status["subscriptions"] == 0);
    let mut publications = 0;
    loop {
        let event = slow.next_event();
        match &*event.name {
            "" => publications += 1,
            "subscribe_ok" | "authorization_expiring" => {}
            "authorization_failed" => break,
            other => panic!("{other}"),
        }
    }
    slow.expect_end(4501);
    assert!(publications < messages, "nothing waited");
    let id = slow.last_id.clone();
    let mut back = come_back(&daemon, &channels_query(channels), id.as_deref());
    let answer = expect_ok(&mut back, "h.goes");
    if channels.len() == 1 {
        // What it has seen is good for its next stream.
        assert_eq!((&answer["recovered"], &answer["missed"]), (&json!(true), &json!(messages - publications)));
    } else {
        // What was dropped was in ids already that were on their way.
        assert_eq!(
            (&answer["recovered"], &expect_ok(&mut back, "h.stays")["recovered"]),
            (&json!(false), &json!(false))
        );
    }
}

/// A page in Chromium, whose connection is cut and which is loaded anew while sources publish: it misses nothing, and nothing
/// comes twice.
#[test]
fn a_page_that_is_cut_and_loaded_anew_misses_nothing() {
    if !has("a page that comes back to history, in Chromium", "chromium") {
        return;
    }
    let daemon = with_history(Daemon::on_shards(3));
    let said = run(script("history_browser.py").arg(daemon.address().port().to_string()).arg(ALL)).succeeds();
    assert!(said.trim_end().ends_with("nothing was missed"), "{said}");
    // The page began with one id and came back with others.
    let answer = daemon.http().ask(&Request::get("/history/h.a?last=1")).expect(200);
    assert!(!text(&answer.json(), "position").is_empty());
}
