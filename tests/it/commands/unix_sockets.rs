//! The client commands through a Unix socket, with a way from it to the daemon's port.

use crate::harness::{ALL, Daemon, Running, pusud, run, unix_front};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

crate::on_1_and_3_shards!(all_of_them_speak_through_it, bench_measures_through_it);

/// A daemon's socket, and its URL.
fn url(daemon: &Daemon) -> String {
    let path = daemon.dir().join("clients.sock");
    unix_front(&path, daemon.address());
    format!("unix:{}", path.display())
}

fn command(name: &str, url: &str, args: &[&str]) -> Command {
    let mut command = pusud(&[name, "--url", url]);
    command.args(args).stdin(Stdio::null()).env("PUSU_AUTHORIZATION", ALL);
    command
}

fn all_of_them_speak_through_it(daemon: Daemon) {
    let url = url(&daemon);
    let mut source = daemon.client();
    source.subscribe("b");
    run(&mut command("publish", &url, &["b", "hello"])).succeeds();
    source.expect_publish("b", json!("hello"));

    let listening = Running::start(&mut command("listen", &url, &["--count", "1", "b"]));
    listening.stderr.wait_for("it to listen", |line| line.contains(&format!("listening to b on {url}")).then_some(()));
    source.publish("b", json!("there"));
    assert_eq!(listening.finish().succeeds(), "{\"channel\":\"b\",\"content\":\"there\"}");

    let said = run(&mut pusud(&["health", "--url", &url])).succeeds();
    assert_eq!(said.trim(), format!("test-relay is healthy: it greets clients on {url}"));
}

fn bench_measures_through_it(daemon: Daemon) {
    let args = ["--listeners", "12", "--channels", "4", "--messages", "600", "--warm-up", "0s", "--json"];
    let printed = run(&mut command("bench", &url(&daemon), &args)).succeeds();
    let figures: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&figures["deliveries"], &figures["faults"]), (&json!(1800), &json!([])), "{figures}");
    assert_eq!(figures["tls"], json!(null));
    daemon.expect_nobody_disconnected();
}

#[test]
fn a_socket_that_is_not_there_is_named() {
    let said = run(&mut command("publish", "unix:/nowhere/found.sock", &["a", "1"]));
    said.fails_saying(&["cannot connect to unix:/nowhere/found.sock: ", "No such file"]);
    run(&mut command("publish", "unix:", &["a", "1"])).fails_saying(&["expected the path of a socket"]);
    let with_tls = run(&mut command("publish", "unix:/a", &["--ca", "b", "a", "1"]));
    with_tls.fails_saying(&["--ca is about TLS, and --url unix:/a is without"]);
}
