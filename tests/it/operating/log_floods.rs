//! Floods of the log that others can cause: each kind of line has its bound, whichever way it is caused.

use crate::harness::{Daemon, FakeRelay, PluginsDir, ReservedPort, Setup, bad_plugin, frame, hello, kind};
use serde_json::{Value, json};
use std::time::Instant;

/// Lines of one kind at once; then one a second.
const BURST: usize = 50;
/// How often each flood is caused, which is far more than may be logged.
const TIMES: usize = 300;

/// Stops the relay and counts what it has logged since `began`; no kind of line may be there more often than its bound.
fn assert_bounded(mut daemon: Daemon, began: Instant, kinds: &[&str]) {
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
    let seconds = began.elapsed().as_secs() as usize + 1;
    let lines: Vec<Value> = daemon
        .log()
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    let count = |words: &str| {
        lines.iter().filter(|line| line["message"].as_str().is_some_and(|message| message.contains(words))).count()
    };
    // With each word about what was left out comes the last example, and there is one in ten seconds and one at the end.
    let most = BURST + seconds + 2 + seconds / 10;
    for kind in kinds {
        let lines = count(kind);
        println!("{lines} lines say {kind:?} in {seconds} s");
        assert!((1..=most).contains(&lines), "{lines} lines say {kind:?} in {seconds} s");
    }
    assert!(lines.len() <= (kinds.len() + 2) * most, "{} lines in {seconds} s, of another kind", lines.len());
}

#[test]
fn authorizations_that_cannot_be_decided() {
    let daemon = Setup::on_shards(2).start();
    let began = Instant::now();
    for _ in 0..TIMES {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "unavailable"}));
        client.expect_error("authorization_failed");
        client.expect_closed(1013);
    }
    assert_bounded(daemon, began, &["authorization could not be decided"]);
}

/// Lines that the plugin itself writes for what a client says.
#[test]
fn what_a_plugin_logs_for_each_client() {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).start();
    let began = Instant::now();
    for _ in 0..TIMES {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "log"}));
        drop(client.next_json());
    }
    assert_bounded(daemon, began, &["one line"]);
}

/// These are counted into one line a second.
#[test]
fn connections_over_a_limit() {
    let daemon = Setup::on_shards(2).settings("limits: {max_connections: 1}").start();
    let client = daemon.client();
    let began = Instant::now();
    (0..TIMES).for_each(|_| drop(daemon.raw().expect_http_error(503)));
    drop(client);
    let lines = daemon.log().lines().iter().filter(|line| line.contains("connections refused")).count();
    let seconds = began.elapsed().as_secs() as usize;
    assert!((1..=seconds + 2).contains(&lines), "{lines} lines in {seconds} s");
    assert_bounded(daemon, began, &["connections refused"]);
}

fn in_network() -> (Daemon, ReservedPort) {
    let port = ReservedPort::new();
    let setup = Setup::on_shards(1).name("relay-0").in_network(std::slice::from_ref(&port), 0).without_key();
    (setup.start(), port)
}

/// A relay that is linked and goes, again and again: two kinds of lines.
#[test]
fn links_that_flap() {
    let (daemon, port) = in_network();
    let began = Instant::now();
    for _ in 0..TIMES {
        FakeRelay::linked("z-flapping", port.port()).end();
    }
    assert_bounded(daemon, began, &["linked", "the link has ended"]);
}

/// Strangers on the relays' port: some say nothing that a relay would, others are relays that are refused.
#[test]
fn strangers_on_the_port_of_relays() {
    let (daemon, port) = in_network();
    let began = Instant::now();
    for number in 0..TIMES {
        let mut stranger = FakeRelay::dial(port.port());
        let bytes = match number % 3 {
            0 => b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            1 => frame(kind::HELLO, &hello("stranger", [7; 16], true)),
            _ => frame(kind::PING, &[0; 16]),
        };
        assert!(stranger.try_send(&bytes));
        while stranger.next().is_some() {}
    }
    assert_bounded(daemon, began, &["a relay was not linked"]);
}
