//! A client that leaves while its authorization is being decided: the plugin is told, and keeps nothing for it.

use crate::harness::{Client, DEADLINE, Daemon, PluginsDir, Setup, bad_plugin};
use serde_json::json;
use std::ops::RangeInclusive;
use std::time::Instant;

crate::in_both_isolations!(
    the_plugin_is_told_of_a_connection_that_ends,
    the_plugin_is_told_of_a_close_frame,
    what_was_sent_before_is_done_first,
);

/// PUSU_F_ASYNC.
const ASYNC: &str = "-DFLAGS=1";

/// A daemon whose plugin answers "pending" never, and that waits for it far longer than a test may take.
fn daemon(isolation: &str) -> Daemon {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[ASYNC]);
    let settings = format!("isolation: {isolation}\nlimits: {{authorize_call_timeout: 1h}}");
    Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start()
}

fn asking(daemon: &Daemon) -> Client {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "pending"}));
    client
}

/// How many questions were cancelled, as the plugin says.
fn cancelled(daemon: &Daemon) -> usize {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "cancelled"}));
    client.next_json()["reason"].as_str().unwrap().parse().unwrap()
}

fn expect_cancelled(daemon: &Daemon, wanted: RangeInclusive<usize>) {
    let began = Instant::now();
    while !wanted.contains(&cancelled(daemon)) {
        assert!(began.elapsed() < DEADLINE, "{wanted:?} questions are not cancelled");
    }
}

fn the_plugin_is_told_of_a_connection_that_ends(isolation: &str) {
    let daemon = daemon(isolation);
    for number in 1..=3 {
        let client = asking(&daemon);
        let asked =
            |lines: &[String]| (lines.iter().filter(|line| line.contains("pending")).count() == number).then_some(());
        daemon.log().wait("the question", asked);
        drop(client);
        expect_cancelled(&daemon, number..=number);
    }
}

fn the_plugin_is_told_of_a_close_frame(isolation: &str) {
    let daemon = daemon(isolation);
    // It waits until its close frame is answered.
    asking(&daemon).close();
    let client = asking(&daemon);
    daemon.log().wait_for("the question", |line| line.contains("pending").then_some(()));
    client.close();
    // The first one may have been taken back before the plugin knew of it.
    expect_cancelled(&daemon, 1..=2);
}

fn what_was_sent_before_is_done_first(isolation: &str) {
    let daemon = daemon(isolation);
    let mut listener = daemon.connect();
    listener.authorize("grant");
    listener.subscribe("a.1");
    let mut source = daemon.connect();
    source.send(json!({"type": "authorize", "authorization": "thread"}));
    source.send(json!({"type": "publish", "channel": "a.1", "content": "last words"}));
    drop(source);
    listener.expect_publish("a.1", json!("last words"));
}
