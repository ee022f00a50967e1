//! Bounds: what has left the ring is told, and what a replay takes of the relay's memory, whoever does not read it.

use crate::harness::{Daemon, Memory, Raw, Setup, is_disconnect, text_message};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;
const CHANNEL: &str = "h.a";
const PATIENT: &str = "ping_interval: 0, write_deadline: 1day, outbox_soft_time: 1day, message_timeout: 1day";

/// With a bound on all history together.
fn bounded(shards: usize, history_bytes: &str, limits: &str) -> Daemon {
    let limits = format!("limits: {{{limits}}}\nhistory_bytes: {history_bytes}");
    Setup::on_shards(shards).history(100_000, "10min").settings(&limits).start()
}

/// The floor of the relay's own publications counts: it was not looked at, and who came back from before it was told that nothing
/// is missing.
#[test]
fn what_left_by_size_is_lost_and_the_rest_is_not() {
    for shards in [1, 3] {
        let daemon = Setup::on_shards(shards).history(10, "10min").start();
        let (mut listener, mut source) = (daemon.client(), daemon.client());
        let mut positions = vec![listener.subscribe_at(CHANNEL)];
        source.publish_all(CHANNEL, 0..30);
        (0..30).for_each(|number| positions.push(listener.expect_at(CHANNEL, json!(number))));
        for (seen, position) in positions.iter().enumerate() {
            let mut client = daemon.client();
            if seen < 20 {
                client.expect_lost(CHANNEL, &json!(position));
            } else {
                assert_eq!(client.recover(CHANNEL, position), 30 - seen as u64);
                (seen..30).for_each(|number| drop(client.expect_at(CHANNEL, json!(number))));
            }
            client.expect_no_answer();
        }
        assert_eq!(daemon.client().subscribe_last(CHANNEL, 100), 10);
    }
}

#[test]
fn what_left_by_time_is_lost() {
    for shards in [1, 3] {
        let daemon = Setup::on_shards(shards).history(10, "1s").start();
        let before = daemon.position_of(CHANNEL);
        daemon.client().publish_all(CHANNEL, [1]);
        let behind = daemon.position_of(CHANNEL);
        let began = Instant::now();
        while daemon.client().subscribe_last(CHANNEL, 1) > 0 {
            assert!(began.elapsed() < Duration::from_secs(5), "it stays");
        }
        assert!(began.elapsed() > Duration::from_millis(900), "it went too early");
        daemon.client().expect_lost(CHANNEL, &json!(before));
        assert_eq!(daemon.client().recover(CHANNEL, &behind), 0);
    }
}

/// One channel is far larger than the others, and they keep what they have.
#[test]
fn what_left_by_bytes_is_lost_and_the_largest_goes_first() {
    for shards in [1, 3] {
        let daemon = bounded(shards, "1 MiB", PATIENT);
        let (small, mut source) = (daemon.position_of("h.small"), daemon.client());
        source.publish_all("h.small", [1, 2]);
        let mut listener = daemon.client();
        let start = listener.subscribe_at(CHANNEL);
        let content = "x".repeat(10_000);
        let mut newest = String::new();
        for number in 0..400 {
            source.publish(CHANNEL, json!([number, content]));
            newest = listener.next_at(CHANNEL).0;
        }
        daemon.client().expect_lost(CHANNEL, &json!(start));
        assert_eq!(daemon.client().recover(CHANNEL, &newest), 0);
        assert_eq!(daemon.client().recover("h.small", &small), 2);
        let mut last = daemon.client();
        let kept = last.subscribe_last(CHANNEL, 1000);
        assert!((10..105).contains(&kept), "{kept}");
        (400 - kept..400).for_each(|number| assert_eq!(last.next_at(CHANNEL).1[0], number));
    }
}

/// Ever new channels, of which each has one message: all of them together have the bound, and the longest unused ones go.
#[test]
fn many_channels_have_the_bound_together() {
    let daemon = bounded(3, "4 MiB", PATIENT);
    let mut source = daemon.client();
    source.publish_all("h.0.0", 0..1000);
    let memory = Memory::of(&daemon);
    for round in 0..100 {
        for number in 0..1000 {
            source.publish(&format!("h.{round}.{number}"), json!(number));
        }
        source.expect_no_answer();
    }
    memory.assert_grown_at_most((4 + 4) * MIB);
    let kept = |number| daemon.client().subscribe_last(&format!("h.99.{number}"), 1);
    assert_eq!((0..1000).map(kept).sum::<u64>(), 1000, "the youngest stay");
    assert_eq!(daemon.client().subscribe_last("h.0.0", 1), 0);
}

/// Whoever may read makes up names: where nothing was published there is nothing to keep, and what others have stays.
#[test]
fn names_that_a_reader_makes_up_take_nothing_from_others() {
    let daemon = bounded(3, "1 MiB", PATIENT);
    let mut source = daemon.client();
    source.publish_all("h.large", 0..500);
    (0..100).for_each(|number| source.publish(&format!("h.last.{number}"), json!(number)));
    source.expect_no_answer();
    let mut reader = daemon.client();
    for round in 0..20 {
        for number in 0..200 {
            let name = format!("h.{}.{round}.{number}", "x".repeat(180));
            reader.subscribe_at(&name);
            reader.unsubscribe(&name);
        }
        reader.expect_no_answer();
    }
    let mut http = daemon.http();
    for number in 0..1000 {
        http.get(&format!("/history/h.{}.{number}?last=0", "y".repeat(180))).expect(200);
    }
    // Listeners of quiet channels take nothing of it either.
    let names: Vec<_> = (0..200).map(|number| format!("h.{}.{number}", "z".repeat(180))).collect();
    let mut listeners: Vec<_> = (0..5).map(|_| daemon.client()).collect();
    for (listener, names) in listeners.iter_mut().zip(names.chunks(40)) {
        names.iter().for_each(|name| drop(listener.subscribe_at(name)));
    }
    assert_eq!(daemon.client().subscribe_last("h.large", 500), 500);
    let kept = |number| daemon.client().subscribe_last(&format!("h.last.{number}"), 1);
    assert_eq!((0..100).map(kept).sum::<u64>(), 100);
}

/// So many bytes were missed, and everything of it comes to a client that reads, with what is published meanwhile behind it.
fn miss(daemon: &Daemon, messages: usize, bytes: usize) -> String {
    let position = daemon.position_of(CHANNEL);
    let (mut source, content) = (daemon.client(), "x".repeat(bytes));
    source.publish_all(CHANNEL, (0..messages).map(|number| json!([number, content])));
    position
}

#[test]
fn a_replay_larger_than_an_outbox_arrives_whole() {
    for shards in [1, 3] {
        let daemon = bounded(shards, "256 MiB", &format!("outbox_bytes: 1 MiB, max_message_bytes: 256 KiB, {PATIENT}"));
        let position = miss(&daemon, 640, 32 * 1024);
        let mut raw = Raw::connect_with_small_buffer(daemon.address());
        raw.upgrade();
        raw.authorize();
        raw.send(text_message(&json!({"type": "subscribe", "channel": CHANNEL, "since": position}).to_string()));
        let answer: Value = serde_json::from_str(&raw.read_text()).unwrap();
        assert_eq!((&answer["recovered"], &answer["missed"]), (&json!(true), &json!(640)));
        let mut source = daemon.client();
        // Less than an outbox holds.
        source.publish_all(CHANNEL, (640..656).map(|number| json!([number, "x".repeat(32 * 1024)])));
        for number in 0..656 {
            let message: Value = serde_json::from_str(&raw.read_text()).unwrap();
            assert_eq!(message["content"][0], number);
        }
        daemon.expect_nobody_disconnected();
    }
}

/// What comes live behind its replay has the bound that it ever had.
#[test]
fn who_does_not_read_its_replay_is_cut_and_told() {
    for shards in [1, 3] {
        let daemon = bounded(shards, "256 MiB", &format!("outbox_bytes: 1 MiB, max_message_bytes: 256 KiB, {PATIENT}"));
        let position = miss(&daemon, 640, 32 * 1024);
        let mut raw = Raw::connect_with_small_buffer(daemon.address());
        raw.upgrade();
        raw.authorize();
        raw.send(text_message(&json!({"type": "subscribe", "channel": CHANNEL, "since": position}).to_string()));
        assert!(raw.read_text().starts_with(r#"{"type":"subscribe_ok""#));
        let mut source = daemon.client();
        let mut sent = 0;
        while !daemon.log().lines().iter().any(|line| is_disconnect(line)) {
            source.publish_all(CHANNEL, [json!([640 + sent, "x".repeat(32 * 1024)])]);
            sent += 1;
            assert!(sent < 64 + 16, "it is never cut");
        }
        assert!(sent > 24, "it was cut after {sent}");
        let (_, code) = raw.read_numbered_to_close();
        assert_eq!(code, Some(4001));
        assert_eq!(daemon.refused(), "outbox_bytes 1");
    }
}

/// Whoever came back for more than that would be disconnected in the middle of it, at each return.
#[test]
fn more_than_is_sent_at_once_is_told_as_lost() {
    for shards in [1, 3] {
        let daemon = bounded(shards, "64 MiB", &format!("max_queued_bytes: 16 MiB, outbox_bytes: 1 MiB, {PATIENT}"));
        let position = miss(&daemon, 400, 32 * 1024);
        daemon.client().expect_lost(CHANNEL, &json!(position));
        let mut client = daemon.client();
        let last = client.subscribe_last(CHANNEL, 400);
        assert!((200..256).contains(&last), "{last}");
        for number in 400 - last..400 {
            let (position, content) = client.next_at(CHANNEL);
            assert_eq!(content[0], number);
            if number == 200 {
                assert_eq!(daemon.client().recover(CHANNEL, &position), 199, "what has room is sent");
            }
        }
        daemon.expect_nobody_disconnected();
    }
}

/// Each of these replays is a part of the ceiling, and all of them are more than it: some are cut, and memory is as bounded as
/// ever. A client that reads is served beside them.
#[test]
fn replays_count_under_the_ceiling() {
    for shards in [1, 3] {
        let daemon = bounded(shards, "32 MiB", &format!("max_queued_bytes: 32 MiB, outbox_bytes: 1 MiB, {PATIENT}"));
        let position = miss(&daemon, 500, 32 * 1024);
        let memory = Memory::of(&daemon);
        let mut slow: Vec<Raw> = (0..12)
            .map(|_| {
                let mut raw = Raw::connect_with_small_buffer(daemon.address());
                raw.upgrade();
                raw.authorize();
                raw
            })
            .collect();
        for raw in &mut slow {
            let subscribe = json!({"type": "subscribe", "channel": CHANNEL, "since": position}).to_string();
            raw.send(text_message(&subscribe));
        }
        daemon.log().wait("somebody to be cut", |lines| lines.iter().any(|line| is_disconnect(line)).then_some(()));
        assert!(daemon.log().text().contains(r#""limit":"max_queued_bytes""#), "{}", daemon.log().text());
        memory.assert_grown_at_most((32 + 18 * shards + 8) * MIB);
        drop(slow);
        daemon.wait_for_connections(0);
        let mut client = daemon.client();
        assert_eq!(client.recover(CHANNEL, &position), 500);
        (0..500).for_each(|number| assert_eq!(client.next_at(CHANNEL).1[0], number));
    }
}

/// One client that asks for the same again and again, and reads nothing: it has one replay at a time.
#[test]
fn who_asks_again_and_again_has_one_replay_at_a_time() {
    for shards in [1, 3] {
        let daemon = bounded(shards, "64 MiB", &format!("outbox_bytes: 1 MiB, {PATIENT}"));
        let position = miss(&daemon, 1000, 32 * 1024);
        let memory = Memory::of(&daemon);
        let mut raw = Raw::connect_with_small_buffer(daemon.address());
        raw.upgrade();
        raw.authorize();
        let subscribe = json!({"type": "subscribe", "channel": CHANNEL, "since": position}).to_string();
        let unsubscribe = json!({"type": "unsubscribe", "channel": CHANNEL}).to_string();
        raw.send([subscribe, unsubscribe].map(|json| text_message(&json)).concat().repeat(20));
        raw.read_text();
        // A turn of everybody else's, and some.
        (0..20).for_each(|_| drop(daemon.client()));
        memory.assert_grown_at_most((36 + 8) * MIB);
        // It has all of them when it reads.
        for round in 0..20 {
            for number in 0..1000 {
                let message: Value = serde_json::from_str(&raw.read_text()).unwrap();
                assert_eq!(message["content"][0], number, "of replay {round}");
            }
            if round < 19 {
                assert!(raw.read_text().contains(r#""missed":1000"#));
            }
        }
    }
}
