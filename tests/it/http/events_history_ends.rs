//! Replays to streams that end with what permitted them: what waits does not come, and ids say no more than what has come.

use super::events_history::{come_back, expect_ok};
use super::history::text;
use super::source::Source;
use crate::harness::{
    Daemon, EventListener, Raw, Setup, bearer, channels_query, events_request, library_name, scripted_version,
};
use serde_json::json;
use std::collections::BTreeMap;

crate::on_1_and_3_shards!(what_was_missed_ends_with_the_permission, what_was_missed_ends_with_the_authorization);

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
    let mut back = come_back(daemon, &channels_query(channels), id.as_deref());
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

/// What is sent at once is bounded for all channels of a stream together: else it would be cut, at each return.
#[test]
fn a_stream_is_sent_so_much_at_once() {
    let settings = "history: [{channels: ['h.*'], size: 2000, ttl: 1h}]\n\
                    limits: {max_queued_bytes: 16 MiB, outbox_bytes: 1 MiB, write_deadline: 1day}";
    let daemon = Setup::on_shards(1).settings(settings).start();
    let both = ["h.a", "h.b"];
    let mut listener = come_back(&daemon, &channels_query(&both), None);
    both.iter().for_each(|channel| drop(expect_ok(&mut listener, channel)));
    let id = listener.last_id.clone().unwrap();
    drop(listener);
    let mut source = Source::of(&daemon);
    let content = json!("x".repeat(64 * 1024)).to_string();
    both.iter().for_each(|channel| (0..80).for_each(|_| source.publish(channel, &content)));
    let mut back = come_back(&daemon, &channels_query(&both), Some(&id));
    assert_eq!(expect_ok(&mut back, "h.a")["missed"], 80);
    (0..80).for_each(|_| assert_eq!(back.next_event().json()["channel"], "h.a"));
    assert_eq!(expect_ok(&mut back, "h.b")["recovered"], false);
    daemon.expect_nobody_disconnected();
    // Alone it has room.
    let mut back = come_back(&daemon, &channels_query(&both[1..]), Some(&id));
    assert_eq!(expect_ok(&mut back, "h.b")["missed"], 80);
}
