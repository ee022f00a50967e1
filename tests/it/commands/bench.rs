//! `pusud bench`, run as a process: against the daemon, whose every message arrives, and against a relay that makes each
//! mistake that bench has to find.

mod bad_relay;

use crate::harness::{ALL, Daemon, Running, pusud, run};
use bad_relay::{BadRelay, MESSAGES, Mistake};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::process::Command;
use std::time::Instant;

crate::on_1_and_3_shards!(
    everything_arrives_once_and_in_order,
    a_rate_is_kept,
    a_sweep_is_drawn,
    quiet_pairs_are_measured_apart,
    quiet_pairs_have_a_column_in_a_sweep,
    a_refusal_of_a_quiet_channel_is_told,
    sources_start_together,
    a_refusal_is_told_in_the_relays_words,
    messages_of_others_are_left_out,
    ctrl_c_ends_it_with_what_there_is,
);

fn bench(url: &str, args: &[&str]) -> Command {
    let mut command = pusud(&["bench", "--url", url, "--warm-up", "0s"]);
    command.args(args);
    command
}

fn bench_daemon(daemon: &Daemon, args: &[&str]) -> Command {
    let mut command = bench(&daemon.url(), args);
    command.env("PUSU_AUTHORIZATION", ALL);
    command
}

fn everything_arrives_once_and_in_order(daemon: Daemon) {
    let args = ["--listeners", "12", "--sources", "3", "--channels", "4", "--messages", "600", "--json"];
    for size in ["44", "200", "70000"] {
        let printed = run(bench_daemon(&daemon, &args).args(["--size", size, "--threads", "2"])).succeeds();
        let figures: Value = serde_json::from_str(&printed).unwrap();
        for (field, expected) in [("listeners", 12), ("messages", 600), ("deliveries", 1800)] {
            assert_eq!(figures[field], expected, "{field} of {figures}");
        }
        for field in ["lost", "duplicates", "reordered", "misdirected", "cut", "foreign"] {
            assert_eq!(figures[field], 0, "{field} of {figures}");
        }
        let latency = |name: &str| figures["latency_us"][name].as_f64().unwrap();
        assert!(0.0 < latency("p50") && latency("p50") <= latency("p99_9") && latency("p99_9") <= latency("max"));
        assert!(figures["deliveries_per_second"].as_f64().unwrap() > 0.0, "{figures}");
        assert!(figures["connects_per_second"].as_f64().unwrap() > 0.0, "{figures}");
        assert_eq!(figures["faults"], json!([]));
    }
    let table = run(&mut bench_daemon(&daemon, &["--listeners", "3", "--messages", "10"])).succeeds();
    for row in ["deliveries/s", "messages/s", "latency p50", "latency p99.9", "latency max", "lost", "connects/s"] {
        assert!(table.contains(row), "no row {row:?}:\n{table}");
    }
}

fn a_rate_is_kept(daemon: Daemon) {
    let args = ["--listeners", "4", "--sources", "2", "--rate", "200", "--messages", "60", "--json"];
    let figures: Value = serde_json::from_str(&run(&mut bench_daemon(&daemon, &args)).succeeds()).unwrap();
    assert_eq!((&figures["messages"], &figures["deliveries"]), (&json!(60), &json!(240)), "{figures}");
    assert_eq!((&figures["rate"], &figures["window"]), (&json!(200), &Value::Null));
    let seconds = figures["seconds"].as_f64().unwrap();
    assert!(seconds > 0.29, "60 messages at 200/s take 0.3 s, not {seconds} s");
    assert!(figures["late_us"]["p50"].as_f64().is_some(), "{figures}");
}

fn a_sweep_is_drawn(daemon: Daemon) {
    let plot = daemon.dir().join("plot.svg");
    let args = ["--sweep", "8,2", "--messages", "50", "--plot", plot.to_str().unwrap()];
    let table = run(&mut bench_daemon(&daemon, &args)).succeeds();
    let listeners = table.lines().find_map(|line| line.strip_prefix("listeners")).unwrap();
    assert_eq!(listeners.split_whitespace().collect::<Vec<_>>(), ["2", "8"], "{table}");
    let plot = fs::read_to_string(plot).unwrap();
    assert!(plot.starts_with("<svg") && plot.contains("p99.9"), "{plot}");
}

/// With a rate, and as fast as listeners read; the load's figures are the load's alone.
fn quiet_pairs_are_measured_apart(daemon: Daemon) {
    let load = ["--listeners", "6", "--channels", "2", "--beside", "3", "--duration", "600ms", "--json"];
    for pace in [["--rate", "50"], ["--window", "2"]] {
        let figures: Value = serde_json::from_str(&run(bench_daemon(&daemon, &load).args(pace)).succeeds()).unwrap();
        let beside = &figures["beside"];
        assert_eq!((&figures["listeners"], &figures["faults"]), (&json!(6), &json!([])), "{figures}");
        let of_the_load = figures["messages"].as_u64().unwrap() * 3;
        assert_eq!(figures["deliveries"].as_u64(), Some(of_the_load), "{figures}");
        assert_eq!(beside["pairs"], 3, "{figures}");
        // In 0.6 s each pair has 7 turns, and more where the load's end is late.
        assert!(beside["messages"].as_u64().unwrap() >= 15, "{figures}");
        let latency = |name: &str| beside["latency_us"][name].as_f64().unwrap();
        assert!(0.0 < latency("p50") && latency("p50") <= latency("p99") && latency("p99") <= latency("max"));
        assert!(beside["late_us"]["p50"].as_f64().is_some(), "{figures}");
    }
}

fn quiet_pairs_have_a_column_in_a_sweep(daemon: Daemon) {
    let args = ["--sweep", "2,4", "--beside", "1", "--duration", "300ms", "--rate", "100"];
    let finished = run(&mut bench_daemon(&daemon, &args));
    let notes = finished.stderr.clone();
    let table = finished.succeeds();
    for row in ["beside: latency p50", "beside: latency p99", "beside: latency max"] {
        let line = table.lines().find_map(|line| line.strip_prefix(row)).unwrap_or_else(|| panic!("{table}"));
        assert_eq!(line.split_whitespace().count(), 4, "two times with their units:\n{table}");
    }
    assert!(table.starts_with("ws://") && table.contains("1 quiet pair beside"), "{table}");
    assert!(notes.contains("beside: "), "{notes}");
}

fn a_refusal_of_a_quiet_channel_is_told(daemon: Daemon) {
    let with = |authorization: &str| {
        run(bench(&daemon.url(), &["--authorization", authorization])
            .args(["--beside", "1", "--rate", "100", "--json"]))
    };
    with("both=bench.0 write=*").fails_saying(&["quiet listener 0", "bench.beside.0", "no permission to read"]);
    with("both=bench.0 read=*").fails_saying(&["quiet source 0", "bench.beside.0", "no permission to write"]);
}

/// Somebody who listens to the same channel hears each source once before any of them twice; the rounds are a second apart.
fn sources_start_together(daemon: Daemon) {
    const SOURCES: usize = 40;
    let mut beside = daemon.client();
    beside.subscribe("bench.0");
    let args = ["--listeners", "1", "--sources", "40", "--rate", "40", "--messages", "80"];
    let bench = Running::start(&mut bench_daemon(&daemon, &args));
    for _ in 0..2 {
        let source = |message: Value| message["content"].as_str().unwrap()[14..18].to_owned();
        let first = source(beside.next_json());
        let began = Instant::now();
        let mut heard: HashSet<_> = (1..SOURCES).map(|_| source(beside.next_json())).collect();
        println!("{SOURCES} sources within {:?}", began.elapsed());
        heard.insert(first);
        assert_eq!(heard.len(), SOURCES);
    }
    bench.finish().succeeds();
}

fn a_refusal_is_told_in_the_relays_words(daemon: Daemon) {
    let with = |authorization: &str| run(bench(&daemon.url(), &["--authorization", authorization]).arg("--json"));
    with("refuse=expired").fails_saying(&["authorization_failed", "expired"]);
    with("read=*").fails_saying(&["source 0", "permission_denied", "bench.0", "no permission to write"]);
    with("write=*").fails_saying(&["listener", "permission_denied", "bench.0", "no permission to read"]);
    run(&mut bench("ws://127.0.0.1:1", &[])).fails_saying(&["127.0.0.1:1"]);
    run(&mut bench_daemon(&daemon, &["--size", "43"])).fails_saying(&["--size 44"]);
}

/// Somebody else publishes to the same channel, whenever a message of the measurement has come.
fn messages_of_others_are_left_out(daemon: Daemon) {
    let mut other = daemon.client();
    other.subscribe("bench.0");
    let args = ["--listeners", "3", "--messages", "20", "--rate", "100", "--json"];
    let bench = Running::start(&mut bench_daemon(&daemon, &args));
    let mut seen = 0;
    while seen < 20 {
        let content = &other.next_json()["content"];
        if content.as_str().is_some_and(|text| text.starts_with(|first: char| first.is_ascii_hexdigit())) {
            seen += 1;
            other.publish("bench.0", json!("not of this measurement"));
            other.publish("bench.0", json!({"large": "x".repeat(5000)}));
        }
    }
    let figures: Value = serde_json::from_str(&bench.finish().succeeds()).unwrap();
    assert_eq!((&figures["messages"], &figures["deliveries"]), (&json!(20), &json!(60)), "{figures}");
    assert!(figures["foreign"].as_u64().unwrap() > 0, "{figures}");
}

fn ctrl_c_ends_it_with_what_there_is(daemon: Daemon) {
    let mut beside = daemon.client();
    beside.subscribe("bench.0");
    let args = ["--sweep", "3,4", "--duration", "1h", "--rate", "100", "--json"];
    let bench = Running::start(&mut bench_daemon(&daemon, &args));
    beside.next_json();
    bench.interrupt();
    let finished = bench.finish();
    assert!(finished.stderr.contains("interrupted after 1 of 2 runs"), "{finished:?}");
    let figures: Value = serde_json::from_str(&finished.succeeds()).unwrap();
    assert_eq!((&figures["listeners"], &figures["lost"]), (&json!(3), &json!(0)), "{figures}");
    assert!(figures["messages"].as_u64().unwrap() > 0, "{figures}");
}

/// What bench says of a relay: exit code and standard error, and its figures.
fn verdict(mistake: Mistake, channels: &str) -> (Option<i32>, String, Value) {
    let url = format!("ws://{}", BadRelay::start(mistake));
    let messages = MESSAGES.to_string();
    let args = ["--listeners", "2", "--channels", channels, "--messages", &messages, "--patience", "300ms", "--json"];
    let finished = run(&mut bench(&url, &args));
    let figures = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    (finished.status.code(), finished.stderr, figures)
}

/// Asserts that bench finds so many of each kind, and says `words`.
fn finds(mistake: Mistake, channels: &str, expected: &[(&str, u64)], words: &str) {
    let (code, stderr, figures) = verdict(mistake, channels);
    assert_eq!(code, Some(1), "{stderr}\n{figures}");
    assert!(stderr.contains("did not keep its promises") && stderr.contains(words), "no {words:?} in:\n{stderr}");
    for kind in ["lost", "duplicates", "reordered", "misdirected", "cut"] {
        let count = expected.iter().find(|(expected, _)| *expected == kind).map_or(0, |(_, count)| *count);
        assert_eq!(figures[kind], count, "{kind} of {figures}");
    }
}

#[test]
fn a_relay_without_mistakes_is_good() {
    let (code, stderr, figures) = verdict(Mistake::None, "1");
    assert_eq!((code, &figures["deliveries"]), (Some(0), &json!(2 * MESSAGES)), "{stderr}\n{figures}");
}

/// Very many listeners take longer to connect than a relay waits for the answer to a ping.
#[test]
fn sources_answer_pings_while_listeners_connect() {
    let (code, stderr, figures) = verdict(Mistake::PingFirst, "1");
    assert_eq!((code, &figures["deliveries"]), (Some(0), &json!(2 * MESSAGES)), "{stderr}\n{figures}");
}

#[test]
fn a_lost_message_is_found() {
    finds(Mistake::Lose, "1", &[("lost", 2)], "2 lost, first: message 5 of source 0 to channel bench.0, at listener ");
}

#[test]
fn a_lost_last_message_is_found() {
    finds(Mistake::LoseLast, "1", &[("lost", 2)], "2 lost, first: message 39 of source 0");
}

#[test]
fn a_doubled_message_is_found() {
    finds(Mistake::Double, "1", &[("duplicates", 2)], "2 delivered twice, first: message 5 of source 0");
}

#[test]
fn swapped_messages_are_found() {
    finds(Mistake::Swap, "1", &[("reordered", 2)], "2 out of order, first: message 5 of source 0");
}

/// Messages take turns between the channels, so that number 4 is the third one to channel 0.
#[test]
fn a_message_to_the_wrong_channel_is_found() {
    let words = "listener 1 of channel bench.1 got message 2 of source 0 to channel bench.0";
    finds(Mistake::Misdirect, "2", &[("misdirected", 1)], words);
}

#[test]
fn a_cut_listener_is_told_of_in_the_relays_words() {
    let (code, stderr, figures) = verdict(Mistake::Cut, "1");
    assert_eq!((code, &figures["cut"]), (Some(1), &json!(1)), "{stderr}\n{figures}");
    assert!(stderr.contains("close code 4001: slow consumer"), "{stderr}");
}
