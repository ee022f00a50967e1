//! Streams of one channel with history and of several that leave at any place and come back: they account for everything.

use super::events_history::{come_back, expect_content, expect_ok};
use super::guests::has;
use super::history::{text, with_history};
use super::source::Source;
use crate::harness::{ALL, Daemon, Event, Request, channels_query, run, script};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

crate::on_1_and_3_shards!(
    a_stream_of_several_channels_comes_back_behind_any_event,
    crowds_that_come_back_at_any_time_account_for_everything,
);

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
