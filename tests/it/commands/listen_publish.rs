//! `pusud listen` and `pusud publish`, run as processes against the daemon.

use crate::harness::{ALL, Client, DEADLINE, Daemon, Finished, Running, Setup, pusud, run, run_with_input};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(
    a_listener_prints_one_line_a_message,
    publishing_text_and_json,
    every_line_of_the_input_is_a_message,
    the_authorization_can_come_from_a_file_or_the_environment,
    a_refusal_ends_both_with_its_reason,
    a_listener_comes_back_when_the_relay_does,
    slow_lines_do_not_hide_that_the_relay_has_gone,
    a_relay_that_takes_nothing_ends_publish,
    a_listener_notices_that_the_relay_has_gone,
);

fn command(daemon: &Daemon, name: &str, args: &[&str]) -> Command {
    let mut command = pusud(&[name, "--url", &daemon.url()]);
    command.args(args).stdin(Stdio::null());
    command
}

/// A message of a listener's output.
fn line(channel: &str, content: Value) -> Value {
    json!({"channel": channel, "content": content})
}

fn parsed(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Publishes to `channel` until the listener has printed something new: it does not say when it has subscribed.
fn publish_until_heard(source: &mut Client, listener: &Running, channel: &str) {
    let begun = Instant::now();
    let seen = listener.stdout.lines().len();
    loop {
        source.publish(channel, json!("are you there?"));
        if listener.stdout.grows_past(seen, Duration::from_millis(50)) {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "never heard; it says:\n{}", listener.stderr.text());
    }
}

fn a_listener_prints_one_line_a_message(daemon: Daemon) {
    let mut source = daemon.client();
    let listener = Running::start(&mut command(&daemon, "listen", &["--authorization", ALL, "a", "b", "done"]));
    publish_until_heard(&mut source, &listener, "done");
    source.publish("a", json!("text\nof two lines"));
    source.publish("b", json!({"deep": [1, null, "ä"]}));
    source.publish("a", json!(null));
    let expected =
        [line("a", json!("text\nof two lines")), line("b", json!({"deep": [1, null, "ä"]})), line("a", json!(null))];
    listener.stdout.wait_for("the last message", |line| line.contains("null}").then_some(()));
    let heard: Vec<Value> =
        parsed(&listener.stdout.lines()).into_iter().filter(|message| message["channel"] != "done").collect();
    assert_eq!(heard, expected);

    let counting = Running::start(&mut command(&daemon, "listen", &["--authorization", ALL, "--count", "2", "c"]));
    publish_until_heard(&mut source, &counting, "c");
    source.publish("c", json!("second"));
    source.publish("c", json!("third"));
    assert_eq!(counting.finish().succeeds().lines().count(), 2);
}

fn publishing_text_and_json(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let publish = |args: &[&str]| run(&mut command(&daemon, "publish", args));
    publish(&["--authorization", ALL, "a", "[1, 2] is \"text\""]).succeeds();
    listener.expect_publish("a", json!("[1, 2] is \"text\""));
    publish(&["--authorization", ALL, "--json", "a", "{\"n\": [1, 2]}"]).succeeds();
    listener.expect_publish("a", json!({"n": [1, 2]}));
    let said = publish(&["--authorization", ALL, "--json", "a", "{n: 1}"]);
    assert!(!said.status.success() && said.stderr.contains("JSON"), "{said:?}");
    listener.expect_no_answer();
}

fn every_line_of_the_input_is_a_message(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let numbers: String = (0..500).map(|number| format!("{number}\n")).collect();
    run_with_input(&mut command(&daemon, "publish", &["--authorization", ALL, "a"]), "one\ntwo words\nthree")
        .succeeds();
    for content in ["one", "two words", "three"] {
        listener.expect_publish("a", json!(content));
    }
    run_with_input(&mut command(&daemon, "publish", &["--authorization", ALL, "--json", "a"]), &numbers).succeeds();
    for number in 0..500 {
        listener.expect_publish("a", json!(number));
    }
    listener.expect_no_answer();
}

fn the_authorization_can_come_from_a_file_or_the_environment(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    run(command(&daemon, "publish", &["a", "1"]).env("PUSU_AUTHORIZATION", ALL)).succeeds();
    listener.expect_publish("a", json!("1"));
    let file = daemon.dir().join("authorization");
    fs::write(&file, format!("{ALL}\n")).unwrap();
    run(&mut command(&daemon, "publish", &["--authorization-file", file.to_str().unwrap(), "a", "2"])).succeeds();
    listener.expect_publish("a", json!("2"));
    let missing = run(&mut command(&daemon, "publish", &["--authorization-file", "/nowhere/found", "a", "3"]));
    missing.fails_saying(&["/nowhere/found"]);
}

fn a_refusal_ends_both_with_its_reason(daemon: Daemon) {
    let refused = |said: Finished, part: &str| {
        assert!(said.status.code().is_some_and(|code| code != 0), "{said:?}");
        assert!(said.stderr.contains(part), "the reason {part:?} is missing: {said:?}");
    };
    refused(run(&mut command(&daemon, "publish", &["--authorization", "refuse=expired", "a", "1"])), "expired");
    refused(run(&mut command(&daemon, "listen", &["--authorization", "refuse=expired", "a"])), "expired");
    refused(run(&mut command(&daemon, "publish", &["--authorization", "read=*", "a", "1"])), "a");
    refused(run(&mut command(&daemon, "listen", &["--authorization", "write=*", "news"])), "news");
    let nobody_there = ["listen", "--no-reconnect", "--url", "ws://127.0.0.1:1", "a"];
    refused(run(&mut pusud(&nobody_there)), "127.0.0.1:1");
    refused(run(&mut pusud(&["publish", "--url", "ws://127.0.0.1:1", "a", "1"])), "127.0.0.1:1");
    refused(run(&mut pusud(&["publish", "--url", "ftp://127.0.0.1:1", "a", "1"])), "ws://");
}

/// The relay is killed and comes back on the same port; nobody tells the listener.
fn a_listener_comes_back_when_the_relay_does(mut daemon: Daemon) {
    let listener = Running::start(&mut command(&daemon, "listen", &["--authorization", ALL, "a"]));
    publish_until_heard(&mut daemon.client(), &listener, "a");
    let port = daemon.address().port();
    daemon.kill();
    let again = Setup::on_shards(1).port(port).start();
    publish_until_heard(&mut again.client(), &listener, "a");
}

/// A `pusud publish` that has sent its first line, and what takes more of them.
fn publishing(daemon: &Daemon) -> (Running, ChildStdin) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let args = ["--authorization", ALL, "--patience", "2s", "a"];
    let mut publisher = Running::start(command(daemon, "publish", &args).stdin(Stdio::piped()));
    let mut lines = publisher.take_stdin();
    lines.write_all(b"one\n").unwrap();
    listener.expect_publish("a", json!("one"));
    (publisher, lines)
}

/// Each line began the wait for the relay anew, so that it was never asked.
fn slow_lines_do_not_hide_that_the_relay_has_gone(daemon: Daemon) {
    let (publisher, mut lines) = publishing(&daemon);
    daemon.freeze();
    let began = Instant::now();
    while !publisher.stderr.grows_past(0, Duration::from_millis(200)) {
        assert!(began.elapsed() < DEADLINE, "it has not noticed");
        // It may end between the look and the line.
        let _ = lines.write_all(b"another\n");
    }
    let noticed = began.elapsed();
    daemon.thaw();
    publisher.finish().fails_saying(&["stopped after line ", "the relay has been silent for ", "answers no ping"]);
    assert!(noticed > Duration::from_secs(1), "it has given up after {noticed:?}");
}

fn a_relay_that_takes_nothing_ends_publish(daemon: Daemon) {
    let (publisher, mut lines) = publishing(&daemon);
    daemon.freeze();
    let line = format!("{}\n", "x".repeat(64 * 1024));
    std::thread::scope(|scope| {
        scope.spawn(move || while lines.write_all(line.as_bytes()).is_ok() {});
        let said = publisher.finish();
        daemon.thaw();
        said.fails_saying(&["stopped after line ", "the relay has taken nothing of what was sent for 2.0 s"]);
    });
}

fn a_listener_notices_that_the_relay_has_gone(daemon: Daemon) {
    let args = ["--authorization", ALL, "--patience", "2s", "--no-reconnect", "a"];
    let listener = Running::start(&mut command(&daemon, "listen", &args));
    publish_until_heard(&mut daemon.client(), &listener, "a");
    daemon.freeze();
    let said = listener.finish();
    daemon.thaw();
    said.fails_saying(&["the relay has been silent for 2.", "answers no ping"]);
}

#[test]
fn a_limit_that_a_listener_exceeds_is_named_with_its_channel() {
    let daemon = Setup::on_shards(1).settings("limits: {max_subscriptions: 1}").start();
    let said = run(&mut command(&daemon, "listen", &["--authorization", ALL, "a", "b"]));
    said.fails_saying(&["limit_exceeded for channel \"b\": ", "subscriptions", "close code 4503"]);
}
