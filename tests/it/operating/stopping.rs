//! Stopping: SIGTERM ends the daemon in order, clients are told, and nobody who does not listen can hold it up.

use crate::harness::{Daemon, Setup, run, text_message};
use serde_json::json;
use std::process::Command;

crate::on_1_and_3_shards!(
    sigterm_tells_the_clients_and_exits_0,
    sigint_does_the_same,
    what_was_published_before_still_arrives,
    silent_connections_do_not_hold_it_up,
);

fn sigterm_tells_the_clients_and_exits_0(mut daemon: Daemon) {
    let mut clients: Vec<_> = (0..10).map(|_| daemon.client()).collect();
    clients.push(daemon.connect());
    daemon.terminate();
    clients.iter_mut().for_each(|client| client.expect_closed(1001));
    assert_eq!(daemon.wait().code(), Some(0));
}

fn sigint_does_the_same(mut daemon: Daemon) {
    let mut client = daemon.client();
    run(Command::new("kill").args(["-INT", &daemon.pid().to_string()])).succeeds();
    client.expect_closed(1001);
    assert_eq!(daemon.wait().code(), Some(0));
}

fn what_was_published_before_still_arrives(mut daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut source = daemon.client();
    for number in 0..200 {
        source.publish("a", json!(number));
    }
    source.expect_no_answer();
    daemon.terminate();
    for number in 0..200 {
        listener.expect_publish("a", json!(number));
    }
    listener.expect_closed(1001);
    assert_eq!(daemon.wait().code(), Some(0));
}

/// More than the kernel holds waits in the relay when it is told to stop; the listener begins to read only then.
#[test]
fn what_waits_in_an_outbox_still_arrives() {
    let mut daemon = Setup::on_shards(1).settings("limits: {outbox_bytes: 64 MiB}").start();
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut source = daemon.client();
    let content = json!("x".repeat(512 * 1024));
    for _ in 0..40 {
        source.publish("a", content.clone());
    }
    source.expect_no_answer();
    daemon.terminate();
    source.expect_closed(1001);
    for _ in 0..40 {
        listener.expect_publish("a", content.clone());
    }
    listener.expect_closed(1001);
    assert_eq!(daemon.wait().code(), Some(0));
}

/// One that has not even upgraded, one that is upgraded and never answers, one whose decision takes long.
fn silent_connections_do_not_hold_it_up(mut daemon: Daemon) {
    let _silent = daemon.raw();
    let _upgraded = daemon.upgraded();
    let mut waiting = daemon.upgraded();
    waiting.send(text_message(r#"{"type":"authorize","authorization":"sleep=4000"}"#));
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
}
