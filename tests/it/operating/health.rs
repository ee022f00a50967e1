//! `pusud health` and `pusud status --check`: exit code 0 or 1, and the reason.

use crate::harness::{DEADLINE, Daemon, Network, PluginsDir, Setup, bad_plugin, pusud, run};
#[cfg(target_os = "linux")]
use crate::harness::{not_run, stop_thread};
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;

fn socket(daemon: &Daemon) -> PathBuf {
    daemon.dir().join("control.sock")
}

/// What `pusud health` prints of a healthy relay.
fn healthy(daemon: &Daemon) -> String {
    run(pusud(&["status", "--check", "--socket"]).arg(socket(daemon))).succeeds();
    run(pusud(&["health", "--socket"]).arg(socket(daemon))).succeeds()
}

/// Asserts that `pusud health` and `pusud status --check` fail and name the reason; the latter shows the status too.
fn unhealthy(daemon: &Daemon, reasons: &[&str]) {
    run(pusud(&["health", "--socket"]).arg(socket(daemon))).fails_saying(reasons);
    let checked = run(pusud(&["status", "--check", "--socket"]).arg(socket(daemon)));
    assert!(checked.stdout.contains("connections"), "{checked:?}");
    checked.fails_saying(reasons);
    run(pusud(&["status", "--check", "--json", "--socket"]).arg(socket(daemon))).fails_saying(reasons);
    run(pusud(&["status", "--socket"]).arg(socket(daemon))).succeeds();
}

#[test]
fn a_healthy_relay_is_said_to_be_in_one_line() {
    let daemon = Daemon::on_shards(1);
    let line = healthy(&daemon);
    assert_eq!(line, format!("test-relay is healthy: serving clients on {}", daemon.address()));
    let found = run(pusud(&["health", "--config"]).arg(daemon.dir().join("settings.yaml"))).succeeds();
    assert_eq!(found, line);
}

#[test]
fn a_relay_that_is_gone_or_stands_still_is_not_healthy() {
    let mut daemon = Daemon::on_shards(1);
    daemon.freeze();
    run(pusud(&["health", "--socket"]).arg(socket(&daemon))).fails_saying(&["does not answer"]);
    daemon.thaw();
    healthy(&daemon);
    daemon.terminate();
    daemon.wait();
    run(pusud(&["health", "--socket"]).arg(socket(&daemon))).fails_saying(&["no relay is running"]);
    run(pusud(&["status", "--check", "--socket"]).arg(socket(&daemon))).fails_saying(&["no relay is running"]);
}

/// A thread that a debugger has stopped hangs as well as one that never comes back.
#[test]
#[cfg(target_os = "linux")]
fn a_relay_of_which_a_shard_hangs_is_not_healthy() {
    let daemon = Daemon::on_shards(3);
    let mut clients: Vec<_> = (0..6).map(|_| daemon.client()).collect();
    clients.iter_mut().for_each(|client| client.publish("a", json!(1)));
    daemon.wait_for_status("six messages", |status| status["messages"]["published"] == 6);
    healthy(&daemon);
    let hanging = match stop_thread(daemon.pid(), "pusu-shard-1") {
        Ok(hanging) => hanging,
        Err(reason) => return not_run("the health of a relay of which a shard hangs", reason),
    };
    unhealthy(&daemon, &["not healthy: shard 1 hangs"]);
    assert_eq!(daemon.status()["messages"]["published"], 6, "what it has counted stays in the sum");
    for words in [&["channels", "--sort", "rate"][..], &["channels", "--channel", "a"], &["clients"]] {
        let finished = run(pusud(words).arg("--socket").arg(socket(&daemon)));
        finished.fails_saying(&["these shards have not answered, and what they have is missing: [1]"]);
    }
    drop(hanging);
    healthy(&daemon);
}

#[test]
fn a_relay_whose_authenticator_is_not_ready_is_not_healthy() {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).start();
    healthy(&daemon);
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "panic"}));
    client.expect_error("authorization_failed");
    unhealthy(&daemon, &["the authenticator BadPlugin is not ready"]);
}

/// It may be the other one that is down.
#[test]
fn a_relay_that_is_not_linked_is_named_and_makes_nobody_unhealthy() {
    let mut network = Network::of(2);
    // Its own address is in the list as well, and known for that once it has been dialled.
    wait_until(network.relay(0), |words| !words.contains("not linked"));
    network.relay_mut(1).kill();
    wait_until(network.relay(0), |words| words.contains("; not linked with "));
}

fn wait_until(daemon: &Daemon, is_so: impl Fn(&str) -> bool) {
    let began = Instant::now();
    loop {
        let words = healthy(daemon);
        if is_so(&words) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{words}");
    }
}

#[test]
fn a_relay_that_is_stopping_is_not_healthy() {
    let daemon = Setup::on_shards(1).settings("limits: {drain_grace: 1h, drain_spread: 0}").start();
    let _client = daemon.client();
    daemon.terminate();
    daemon.log().wait_for("`stopping`", |line| line.contains("graceful shutdown: no new").then_some(()));
    unhealthy(&daemon, &["test-relay is not healthy", "stopping", "graceful shutdown"]);
}
