//! Authorizations that end: each by itself, at its time, whatever the client does meanwhile; and those that are renewed.

use crate::harness::{Client, DEADLINE, Daemon, Raw, Running, Setup, pusud, run, text_message};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(
    one_of_two_ends_and_the_other_goes_on,
    a_client_with_nothing_left_is_told_and_disconnected,
    a_renewal_keeps_what_is_subscribed,
    what_is_cached_for_writing_ends_too,
    delivery_ends_in_time_for_a_silent_listener,
    delivery_ends_in_time_while_another_decision_is_awaited,
    a_renewal_that_comes_too_late_is_too_late,
    the_listen_command_renews,
    the_publish_command_renews,
    the_bench_command_renews,
);

/// Long enough for a slow machine to get something done before it is over.
const LIFE: Duration = Duration::from_secs(2);
/// How long after its end an authorization may still have an effect. The promise is a second.
const LATE_MAX: Duration = Duration::from_secs(1);

fn with_life(words: &str) -> String {
    format!("{words} expires={}", LIFE.as_millis())
}

fn expect_notice(client: &mut Client) {
    // Half of its life before the end; what has passed since it was decided makes it less.
    client.expect_text(r#"{"type":"authorization_expiring","seconds":0}"#);
}

fn expect_expired(client: &mut Client) {
    expect_notice(client);
    client.expect_text(r#"{"type":"authorization_failed","reason":"expired"}"#);
    client.expect_closed(4501);
}

/// Waits until whatever was authorized with [`LIFE`] before has ended.
fn let_pass(daemon: &Daemon) {
    expect_expired(&mut daemon.client_with(&with_life("read=a")));
}

fn one_of_two_ends_and_the_other_goes_on(daemon: Daemon) {
    let mut client = daemon.client_with("read=b.* read=both");
    client.authorize(&with_life("read=a.* read=both"));
    for channel in ["a.1", "b.1", "both", "a.2"] {
        client.subscribe(channel);
    }
    let mut source = daemon.client();
    source.publish("a.1", json!(1));
    client.expect_publish("a.1", json!(1));
    expect_notice(&mut client);
    let mut ended = [client.next_text(), client.next_text()];
    ended.sort();
    assert_eq!(
        ended,
        ["a.1", "a.2"].map(|a| format!(r#"{{"type":"subscription_ended","channel":"{a}","reason":"expired"}}"#))
    );
    for channel in ["a.1", "a.2", "b.1", "both"] {
        source.publish(channel, json!(2));
    }
    client.expect_publish("b.1", json!(2));
    client.expect_publish("both", json!(2));
    client.expect_no_answer();
    client.send(json!({"type": "subscribe", "channel": "a.1"}));
    assert_eq!(client.expect_error("permission_denied")["channel"], "a.1");
    client.expect_closed(4502);
}

fn a_client_with_nothing_left_is_told_and_disconnected(daemon: Daemon) {
    let mut silent = daemon.client_with(&with_life("both=*"));
    let mut listener = daemon.client_with(&with_life("both=*"));
    listener.subscribe("a");
    expect_expired(&mut silent);
    expect_expired(&mut listener);
}

/// It does not read, and what waits for it is of both channels.
#[test]
fn what_waits_past_the_end_is_dropped() {
    for shards in [1, 3] {
        let limits = "limits: {outbox_bytes: 64 MiB, write_deadline: 1day}";
        drop_what_waits(&Setup::on_shards(shards).settings(limits).start());
    }
}

fn drop_what_waits(daemon: &Daemon) {
    const MESSAGES: u64 = 150;
    let mut slow = Raw::connect_with_small_buffer(daemon.address());
    slow.upgrade();
    let say = |json: &str| text_message(json);
    slow.send(say(r#"{"type":"authorize","authorization":"read=stays"}"#));
    let ends = with_life("read=ends");
    slow.send(say(&format!(r#"{{"type":"authorize","authorization":"{ends}"}}"#)));
    for channel in ["ends", "stays"] {
        slow.send(say(&format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#)));
    }
    let told = (0..4).map(|_| slow.read_text()).filter(|text| text.contains("_ok")).count();
    assert_eq!(told, 4);
    let mut source = daemon.client();
    let content = "x".repeat(32 * 1024);
    for number in 1..=MESSAGES {
        for channel in ["ends", "stays"] {
            source.publish(channel, json!([number, content]));
        }
    }
    source.expect_no_answer();
    let_pass(daemon);
    // What the kernel has taken cannot be taken back; all else of the channel is gone, and nothing of the other one.
    let mut last = [0, 0];
    let mut has_ended = false;
    while last[1] < MESSAGES || !has_ended {
        let message: Value = serde_json::from_str(&slow.read_text()).unwrap();
        match message["type"].as_str().unwrap() {
            "publish" => {
                let at = usize::from(message["channel"] == "stays");
                let number = message["content"][0].as_u64().unwrap();
                assert!(at == 1 || !has_ended, "{number} of the channel comes after its end");
                assert_eq!(number, last[at] + 1, "of {}", message["channel"]);
                last[at] = number;
            }
            "authorization_expiring" => {}
            _ => {
                assert_eq!(message, json!({"type": "subscription_ended", "channel": "ends", "reason": "expired"}));
                has_ended = true;
            }
        }
    }
    println!("{} of {MESSAGES} had left in time", last[0]);
    assert!(last[0] < MESSAGES, "nothing waited");
}

fn a_renewal_keeps_what_is_subscribed(daemon: Daemon) {
    let mut client = daemon.client_with(&with_life("both=a.*"));
    client.subscribe("a.1");
    expect_notice(&mut client);
    client.authorize("both=a.* expires=600000");
    // Whoever renews early is not told of the old end at all.
    let mut early = daemon.client_with(&with_life("both=a.*"));
    early.subscribe("a.1");
    early.authorize("both=*");
    let_pass(&daemon);
    client.publish("a.1", json!(1));
    client.expect_publish("a.1", json!(1));
    early.expect_publish("a.1", json!(1));
    client.expect_no_answer();
    early.expect_no_answer();
}

fn what_is_cached_for_writing_ends_too(daemon: Daemon) {
    let mut source = daemon.client_with(&with_life("write=a"));
    source.authorize("write=b");
    source.publish("a", json!(1));
    source.publish("b", json!(1));
    source.expect_no_answer();
    expect_notice(&mut source);
    let_pass(&daemon);
    source.publish("b", json!(2));
    source.expect_no_answer();
    source.publish("a", json!(2));
    assert_eq!(source.expect_error("permission_denied")["channel"], "a");
    source.expect_closed(4502);
}

/// Reads until the relay closes, while a source says the time on `clock`; the last time that was delivered.
fn last_delivered(daemon: &Daemon, mut listener: Client, started: Instant) -> Duration {
    let ended = AtomicBool::new(false);
    let mut source = daemon.client();
    let last = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                source.publish("clock", json!(started.elapsed().as_millis() as u64));
                source.expect_no_answer();
            }
        });
        let mut last = 0;
        let close = loop {
            let message: Value = listener.next_json();
            match message["type"].as_str() {
                Some("publish") => last = message["content"].as_u64().unwrap(),
                Some("authorization_expiring") => {}
                _ => break message,
            }
        };
        ended.store(true, Ordering::Relaxed);
        assert_eq!(close, json!({"type": "authorization_failed", "reason": "expired"}));
        listener.expect_closed(4501);
        last
    });
    Duration::from_millis(last)
}

fn expect_in_time(last: Duration, authorized_within: Duration) {
    // The authenticator has set the end at some time between asking and answer.
    assert!(last > LIFE / 2, "the last message was of {last:?}: it ended too early");
    let end = LIFE + authorized_within;
    assert!(last < end + LATE_MAX, "a message of {last:?} was delivered, after the end at {end:?}");
}

fn delivery_ends_in_time_for_a_silent_listener(daemon: Daemon) {
    let mut listener = daemon.connect();
    let started = Instant::now();
    listener.authorize(&with_life("read=clock"));
    let authorized_within = started.elapsed();
    listener.subscribe("clock");
    expect_in_time(last_delivered(&daemon, listener, started), authorized_within);
}

fn delivery_ends_in_time_while_another_decision_is_awaited(daemon: Daemon) {
    let mut listener = daemon.connect();
    let started = Instant::now();
    listener.authorize(&with_life("read=clock"));
    let authorized_within = started.elapsed();
    listener.subscribe("clock");
    listener.send(json!({"type": "authorize", "authorization": "sleep=4500 both=*"}));
    expect_in_time(last_delivered(&daemon, listener, started), authorized_within);
}

fn a_renewal_that_comes_too_late_is_too_late(daemon: Daemon) {
    let mut client = daemon.client_with(&with_life("both=*"));
    client.send(json!({"type": "authorize", "authorization": "sleep=4500 both=*"}));
    expect_expired(&mut client);
}

fn the_listen_command_renews(daemon: Daemon) {
    let authorization = with_life("read=a");
    let listener =
        Running::start(&mut pusud(&["listen", "--url", &daemon.url(), "--authorization", &authorization, "a"]));
    let mut source = daemon.client();
    // Two lives after the first message the first authorization is long over.
    let mut heard_at = None;
    let begun = Instant::now();
    while heard_at.is_none_or(|at: Instant| at.elapsed() < 2 * LIFE) {
        let seen = listener.stdout.lines().len();
        source.publish("a", json!(seen));
        let heard = listener.stdout.grows_past(seen, Duration::from_millis(50));
        heard_at = heard_at.or_else(|| heard.then(Instant::now));
        assert!(begun.elapsed() < DEADLINE, "never heard; it says:\n{}", listener.stderr.text());
    }
    let seen = listener.stdout.lines().len();
    source.publish("a", json!("the last"));
    assert!(listener.stdout.grows_past(seen, DEADLINE), "{}", listener.stderr.text());
    assert!(!listener.stderr.text().contains("connecting again"), "{}", listener.stderr.text());
}

fn the_publish_command_renews(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let authorization = with_life("write=a");
    let args = ["publish", "--url", &daemon.url(), "--authorization", &authorization, "--json", "a"];
    let mut publisher = Running::start(pusud(&args).stdin(Stdio::piped()));
    let mut lines = publisher.take_stdin();
    // Two lives after the first message the first authorization is long over.
    let mut heard_at = None;
    let mut number = 0;
    while heard_at.is_none_or(|at: Instant| at.elapsed() < 2 * LIFE) {
        // Where it has ended, that is said below.
        let _ = writeln!(lines, "{number}");
        assert_eq!(listener.next_json()["content"], number, "it says:\n{}", publisher.stderr.text());
        heard_at = heard_at.or_else(|| Some(Instant::now()));
        number += 1;
        publisher.stderr.grows_past(0, Duration::from_millis(100));
    }
    drop(lines);
    publisher.finish().succeeds();
}

/// Sources, listeners, and the quiet pairs beside them.
fn the_bench_command_renews(daemon: Daemon) {
    let authorization = with_life("both=*");
    let args =
        ["bench", "--url", &daemon.url(), "--authorization", &authorization, "--listeners", "3", "--beside", "1"];
    run(pusud(&args).args(["--warm-up", "0s", "--duration", "5s", "--rate", "50"])).succeeds();
}
