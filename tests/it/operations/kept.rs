//! Channels with history, as operators see them: the status, the metrics, the lists, and a channel's kept messages.

use crate::harness::{Client, DEADLINE, Daemon, Setup, operations_request};
use serde_json::{Value, json};
use std::time::Instant;

const SETTINGS: &str =
    "history: [{channels: ['bids.*'], size: 3, ttl: 10m, for: bids}, {channels: [news], size: 1, ttl: 1m}]";

fn daemon() -> Daemon {
    Setup::on_shards(2).with_operations().settings(SETTINGS).start()
}

/// Subscribes, where the answer has more fields than without history.
fn subscribe(client: &mut Client, message: Value) -> Value {
    client.send(message);
    let answer = client.next_json();
    assert_eq!(answer["type"], "subscribe_ok", "{answer}");
    answer
}

/// A listener comes back to the position that it had, and to one that is none.
fn comes_back(daemon: &Daemon, position: &Value) {
    let since = |position: &Value| json!({"type": "subscribe", "channel": "bids.1", "since": position});
    let mut client = daemon.client();
    let answer = subscribe(&mut client, since(position));
    assert_eq!((&answer["recovered"], &answer["missed"]), (&json!(true), &json!(2)), "{answer}");
    let answer = subscribe(&mut daemon.client(), since(&json!("nowhere")));
    assert_eq!(answer["recovered"], false, "{answer}");
}

/// Publishes to `bids.1`, and gives the position of the message before the last two.
fn publish_five(daemon: &Daemon) -> Value {
    let mut listener = daemon.client();
    subscribe(&mut listener, json!({"type": "subscribe", "channel": "bids.1"}));
    let mut source = daemon.client();
    let positions: Vec<Value> = (0..5)
        .map(|number| {
            source.publish("bids.1", json!({"bid": number, "more": "x".repeat(if number == 4 { 2000 } else { 1 })}));
            listener.next_json()["position"].clone()
        })
        .collect();
    positions[2].clone()
}

/// The status of now: one that is asked for again at once may be the one of before.
fn look_until(daemon: &Daemon, is_there: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let overview = daemon.look("/api/v1/status");
        if is_there(&overview["status"]["history"]) {
            return overview;
        }
        assert!(began.elapsed() < DEADLINE, "{overview:#}");
    }
}

#[test]
fn the_status_says_what_is_kept_and_what_became_of_listeners_that_came_back() {
    let daemon = daemon();
    let position = publish_five(&daemon);
    comes_back(&daemon, &position);
    // Whoever only reads has not come back.
    let read = daemon.http().get(&format!("/history/bids.1?since={}", position.as_str().unwrap())).expect(200).json();
    assert_eq!(read["recovered"], true);
    let overview = look_until(&daemon, |history| history["not_recovered"] == 1);
    let history = &overview["status"]["history"];
    for (field, expected) in [
        ("logs", 1),
        ("entries", 3),
        ("appended", 5),
        ("displaced", 2),
        ("recovered", 1),
        ("replayed", 2),
        ("holes", 0),
    ] {
        assert_eq!(history[field], expected, "{field}: {history:#}");
    }
    assert_eq!(history["bytes_max"], 64 << 20);
    assert!(history["bytes"].as_u64().unwrap() > 2000 && history["oldest_seconds"].as_f64().unwrap() < 600.0);
    let rules = history["rules"].as_array().unwrap();
    let shown = |at: usize| (rules[at]["name"].as_str().unwrap(), &rules[at]["entries"], &rules[at]["size"]);
    assert_eq!([shown(0), shown(1)], [("bids", &json!(3), &json!(3)), ("history[1]", &json!(0), &json!(1))]);
    // One that comes with a position of nowhere is no problem of the relay's.
    assert_eq!(overview["problems"], json!([]), "{overview:#}");
    let said = daemon.operate(&["status"]).succeeds();
    for words in [
        "3 messages of 1 channels are kept, the oldest for",
        "bids: 3 messages",
        "1 were told that something is LOST",
        "2 displaced by newer ones (size)",
    ] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    let metrics = daemon.ask_operations(&operations_request("GET", "/metrics")).expect(200);
    for line in [
        "pusud_history_messages{rule=\"bids\"} 3",
        "pusud_history_logs{rule=\"history[1]\"} 0",
        "pusud_history_appended_messages_total 5",
        "pusud_history_evicted_messages_total{reason=\"size\"} 2",
        "pusud_history_evicted_messages_total{reason=\"bytes\"} 0",
        "pusud_history_recoveries_total{result=\"recovered\"} 1",
        "pusud_history_recoveries_total{result=\"lost\"} 1",
        "pusud_history_replayed_messages_total 2",
    ] {
        assert!(metrics.body.lines().any(|other| other == line), "{line} is not in\n{}", metrics.body);
    }
}

#[test]
fn without_history_nothing_is_said_of_it() {
    let daemon = Setup::on_shards(1).with_operations().start();
    assert_eq!(daemon.look("/api/v1/status")["status"]["history"], Value::Null);
    assert!(!daemon.operate(&["status"]).succeeds().contains("history"));
    let metrics = daemon.ask_operations(&operations_request("GET", "/metrics")).expect(200);
    assert!(!metrics.body.contains("pusud_history_"), "{}", metrics.body);
    let kept = daemon.look("/api/v1/history?channel=a");
    assert_eq!(kept, json!({"channel": "a", "history": null, "publications": []}));
}

#[test]
fn a_channels_kept_messages_are_shown_and_the_look_is_in_the_audit_log() {
    let daemon = daemon();
    publish_five(&daemon);
    let kept = daemon.look("/api/v1/history?channel=bids.1&last=2");
    let publications = kept["publications"].as_array().unwrap();
    let numbers: Vec<&Value> = publications.iter().map(|one| &one["number"]).collect();
    assert_eq!(numbers, [5, 4]);
    let newest = &publications[0];
    assert_eq!((&newest["relay"], newest["content"].as_str().unwrap().len()), (&json!("test-relay"), 1000));
    assert!(newest["content_bytes"].as_u64().unwrap() > 2000 && newest["age_ms"].as_u64().unwrap() < 600_000);
    assert_eq!(publications[1]["content"], r#"{"bid":3,"more":"x"}"#);
    assert_eq!((&kept["history"]["entries"], &kept["history"]["rule"]), (&json!(3), &json!("bids")));
    let line = daemon.log().wait_for("the audit line", |line| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["message"] == "operator: show kept messages").then_some(line)
    });
    assert_eq!((&line["who"], &line["whom"]), (&json!("read (token)"), &json!("channel \"bids.1\"")), "{line}");
    for wrong in ["?channel=bids.1&last=0", "?channel=bids.1&last=201", "", "?channel=a&other=1"] {
        let request = operations_request("GET", &format!("/api/v1/history{wrong}")).bearer(&daemon.token("read"));
        daemon.ask_operations(&request).expect_problem(400);
    }
    // Whoever looks leaves nothing behind.
    assert_eq!(daemon.look("/api/v1/history?channel=news")["history"]["entries"], 0);
    assert_eq!(daemon.status()["history"]["logs"], 1);
}

#[test]
fn lists_of_channels_say_how_much_is_kept() {
    let daemon = daemon();
    publish_five(&daemon);
    let mut listener = daemon.client();
    subscribe(&mut listener, json!({"type": "subscribe", "channel": "bids.1"}));
    listener.subscribe("plain");
    let channels = daemon.look("/api/v1/channels?sort=name");
    let rows = channels["channels"].as_array().unwrap();
    let kept: Vec<_> = rows.iter().map(|row| (row["channel"].as_str().unwrap(), &row["history"])).collect();
    assert_eq!(kept, [("bids.1", &json!(3)), ("plain", &Value::Null)]);
    assert_eq!(daemon.look("/api/v1/channel?name=bids.1")["history"]["size"], 3);
    assert_eq!(daemon.look("/api/v1/channel?name=plain")["history"], Value::Null);
    let said = daemon.operate(&["channels", "--sort", "name"]).succeeds();
    assert!(said.contains("kept"), "{said}");
    let said = daemon.operate(&["channels", "--channel", "bids.1"]).succeeds();
    assert!(said.contains("history (bids): 3 of at most 3 messages are kept"), "{said}");
}
