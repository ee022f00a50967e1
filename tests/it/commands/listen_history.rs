//! `pusud listen` in channels with history, run as a process against the daemon: over cut connections and over restarts of its
//! own.

use crate::harness::{ALL, Daemon, Detour, Finished, Running, Setup, pusud, run, run_with_input};
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Stdio};

/// A relay whose channels below `kept.` have history.
fn daemon(shards: usize, size: u32) -> Daemon {
    Setup::on_shards(shards)
        .settings(&format!("history: [{{channels: [kept.*], size: {size}, ttl: 1h}}]"))
        .settings("limits: {drain_grace: 0, drain_spread: 0, ping_interval: 1s}")
        .start()
}

fn listen(url: &str, args: &[&str]) -> Command {
    let mut command = pusud(&["listen", "--authorization", ALL, "--url", url]);
    command.args(args).stdin(Stdio::null());
    command
}

/// A listener that is subscribed.
fn listening(url: &str, args: &[&str]) -> Running {
    let listener = Running::start(&mut listen(url, args));
    wait_for_stderr(&listener, "listening to");
    listener
}

fn wait_for_stderr(listener: &Running, part: &str) {
    listener.stderr.wait_for(part, |line| line.contains(part).then_some(()));
}

/// Publishes numbers; returns when the relay has accepted them.
fn publish(daemon: &Daemon, channel: &str, numbers: std::ops::Range<u32>) {
    let lines: String = numbers.map(|number| format!("{number}\n")).collect();
    let mut command = pusud(&["publish", "--authorization", ALL, "--url", &daemon.url(), "--json", channel]);
    run_with_input(&mut command, &lines).succeeds();
}

/// What was printed of a channel.
fn numbers(stdout: &str, channel: &str) -> Vec<u64> {
    let lines = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["channel"] == channel).map(|line| line["content"].as_u64().unwrap()).collect()
}

/// Ended by the service manager, say.
fn terminated(listener: Running) -> Finished {
    listener.terminate();
    let finished = listener.finish();
    assert!(finished.status.success(), "{finished:?}");
    finished
}

fn goes_on_after_a_restart_of_its_own(shards: usize, over_http: bool) {
    let daemon = daemon(shards, 100);
    let file = daemon.dir().join("positions");
    let ways = if over_http { &["--http"][..] } else { &[] };
    let args = [ways, &["--since", file.to_str().unwrap(), "kept.a", "kept.b", "gone"]].concat();
    let listener = listening(&daemon.url(), &args);
    publish(&daemon, "kept.a", 0..3);
    publish(&daemon, "gone", 0..1);
    listener.stdout.wait("four messages", |lines| (lines.len() == 4).then_some(()));
    let said = terminated(listener);
    assert_eq!(numbers(&said.stdout, "kept.a"), [0, 1, 2]);
    assert!(said.stderr.contains("\"gone\" has no history at this relay: --since has no effect"), "{said:?}");
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    if over_http {
        assert_eq!(kept["stream"]["channels"], json!(["kept.a", "kept.b"]), "{kept}");
    } else {
        let channels: Vec<&String> = kept["positions"].as_object().unwrap().keys().collect();
        assert_eq!(channels, ["kept.a", "kept.b"], "{kept}");
    }

    publish(&daemon, "kept.a", 3..5);
    publish(&daemon, "kept.b", 0..1);
    publish(&daemon, "gone", 1..2);
    let listener = listening(&daemon.url(), &args);
    publish(&daemon, "kept.a", 5..6);
    listener.stdout.wait("four messages", |lines| (lines.len() == 4).then_some(()));
    let said = terminated(listener);
    assert_eq!(numbers(&said.stdout, "kept.a"), [3, 4, 5], "{said:?}");
    assert_eq!(numbers(&said.stdout, "kept.b"), [0]);
    assert!(said.stderr.contains("\"kept.a\" that were missed meanwhile and follow: 2"), "{said:?}");
    assert!(!said.stderr.contains("may have been missed"), "{said:?}");
}

#[test]
fn goes_on_after_a_restart_of_its_own_on_1_shard() {
    goes_on_after_a_restart_of_its_own(1, false);
}

#[test]
fn goes_on_after_a_restart_of_its_own_on_3_shards() {
    goes_on_after_a_restart_of_its_own(3, false);
}

#[test]
fn goes_on_over_http_after_a_restart_of_its_own_on_1_shard() {
    goes_on_after_a_restart_of_its_own(1, true);
}

#[test]
fn goes_on_over_http_after_a_restart_of_its_own_on_3_shards() {
    goes_on_after_a_restart_of_its_own(3, true);
}

/// Nothing of what it had before its power was cut is missed; what it printed last may come again.
#[test]
fn a_listener_that_is_killed_misses_nothing() {
    is_killed_and_misses_nothing("--patience=20s");
    is_killed_and_misses_nothing("--http");
}

fn is_killed_and_misses_nothing(way: &str) {
    let daemon = daemon(3, 10_000);
    let file = daemon.dir().join("positions");
    let args = [way, "--since", file.to_str().unwrap(), "kept.a", "kept.b"];
    let mut heard = Vec::new();
    for round in 0..5 {
        let listener = listening(&daemon.url(), &args);
        publish(&daemon, "kept.a", round * 100..round * 100 + 50);
        listener.stdout.wait("a message", |lines| (!lines.is_empty()).then_some(()));
        let stdout = listener.stdout.lines();
        // Killed, at any point.
        drop(listener);
        publish(&daemon, "kept.a", round * 100 + 50..round * 100 + 100);
        heard.push(numbers(&stdout.join("\n"), "kept.a"));
    }
    let listener = listening(&daemon.url(), &args);
    publish(&daemon, "kept.a", 500..501);
    listener.stdout.wait_for("the last one", |line| line.ends_with("\"content\":500}").then_some(()));
    heard.push(numbers(&terminated(listener).stdout, "kept.a"));
    for numbers in &heard {
        assert!(numbers.is_sorted_by(|one, next| one + 1 == *next), "{heard:?}");
    }
    for (before, after) in heard.iter().zip(&heard[1..]) {
        assert!(after[0] <= before.last().unwrap() + 1, "{heard:?}");
    }
}

#[test]
fn goes_on_over_a_cut_connection_and_says_what_it_cannot_know() {
    is_cut("ws", "answers no ping");
    is_cut("http", "has been silent for");
}

fn is_cut(scheme: &str, noticed: &str) {
    let daemon = daemon(3, 5);
    let detour = Detour::to(daemon.address().port());
    let url = format!("{scheme}://127.0.0.1:{}", detour.port());
    let listener = listening(&url, &["--patience", "3s", "kept.a"]);
    let cuts = [(0..5, "missed meanwhile and follow: 5"), (5..11, "\"kept.a\" may have been missed")];
    for (cut, (missed, said)) in (1..).zip(cuts) {
        detour.open(false, false);
        publish(&daemon, "kept.a", missed);
        listener.stderr.wait("the cut is noticed", |lines| {
            (lines.iter().filter(|line| line.contains(noticed)).count() == cut).then_some(())
        });
        detour.open(true, true);
        wait_for_stderr(&listener, said);
    }
    publish(&daemon, "kept.a", 11..12);
    listener.stdout.wait_for("the last one", |line| line.ends_with("\"content\":11}").then_some(()));
    listener.interrupt();
    let said = listener.finish();
    assert_eq!(numbers(&said.stdout, "kept.a"), [0, 1, 2, 3, 4, 11], "{said:?}");
}

#[test]
fn a_relay_that_has_forgotten_everything_is_no_secret() {
    let mut daemon = daemon(1, 5);
    has_forgotten(&mut daemon, "--patience=20s", "positions");
    has_forgotten(&mut daemon, "--http", "stream");
}

fn has_forgotten(daemon: &mut Daemon, way: &str, file: &str) {
    let file = daemon.dir().join(file);
    let args = [way, "--since", file.to_str().unwrap(), "kept.a"];
    let listener = listening(&daemon.url(), &args);
    publish(daemon, "kept.a", 0..1);
    listener.stdout.wait("a message", |lines| (!lines.is_empty()).then_some(()));
    terminated(listener);
    daemon.kill();
    daemon.restart();
    let listener = listening(&daemon.url(), &args);
    wait_for_stderr(&listener, "messages of \"kept.a\" may have been missed");
    terminated(listener);
}

#[test]
fn begins_with_the_newest() {
    let daemon = daemon(3, 3);
    publish(&daemon, "kept.a", 0..5);
    for (last, expected) in [("1", &[4][..]), ("2", &[3, 4]), ("9", &[2, 3, 4])] {
        let count = expected.len().to_string();
        let said = run(&mut listen(&daemon.url(), &["--last", last, "--count", &count, "kept.a"]));
        assert_eq!(numbers(&said.succeeds(), "kept.a"), expected);
        let said = run(&mut listen(&daemon.url(), &["--http", "--last", last, "--count", &count, "kept.a"]));
        assert_eq!(numbers(&said.succeeds(), "kept.a"), expected, "over HTTP");
    }
    let listener = listening(&daemon.url(), &["--last", "1", "--count", "1", "other"]);
    wait_for_stderr(&listener, "\"other\" has no history at this relay: --last has no effect");
    publish(&daemon, "other", 7..8);
    let line: Value = serde_json::from_str(&listener.finish().succeeds()).unwrap();
    assert_eq!(line, json!({"channel": "other", "content": 7}));
}

#[test]
fn what_goes_not_together_is_said() {
    let both = run(&mut listen("ws://127.0.0.1:1", &["--since", "f", "--last", "1", "a"]));
    assert_eq!(both.status.code(), Some(2), "{both:?}");
    assert!(both.stderr.contains("'--since <FILE>' cannot be used with '--last <K>'"), "{both:?}");
    let nowhere = run(&mut listen("ws://127.0.0.1:1", &["--since", "/nowhere/found", "a"]));
    nowhere.fails_saying(&["cannot keep positions in /nowhere/found: "]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("broken");
    fs::write(&file, "{}").unwrap();
    let broken = run(&mut listen("ws://127.0.0.1:1", &["--since", file.to_str().unwrap(), "a"]));
    broken.fails_saying(&[file.to_str().unwrap(), "does not hold positions", "missing field `version`", "remove it"]);
}
