//! The control socket and `pusud status`: what is shown, to whom, and what stands in the way.
//!
//! Local sockets of the daemon are there on Unix only.

use crate::harness::{DEADLINE, Daemon, Raw, Setup, pusud, run};
use serde_json::json;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

crate::on_1_and_3_shards!(status_shows_what_there_is_and_what_was,);

fn socket(daemon: &Daemon) -> PathBuf {
    daemon.dir().join("control.sock")
}

fn status_shows_what_there_is_and_what_was(daemon: Daemon) {
    let mut clients: Vec<_> = (0..5).map(|_| daemon.client()).collect();
    for client in &mut clients {
        client.subscribe("a");
        client.subscribe("b");
    }
    let _unauthorized = daemon.connect();
    clients[0].publish("a", json!(1));
    clients.iter_mut().for_each(|client| client.expect_publish("a", json!(1)));
    let mut refused = daemon.connect();
    refused.send(json!({"type": "authorize", "authorization": "deny"}));
    refused.expect_error("authorization_failed");
    refused.expect_closed(4501);
    // A client counts as connected until its task has seen the end of the connection.
    let began = std::time::Instant::now();
    let status = loop {
        let status = daemon.status();
        if status["connections"]["total"] == 6 || began.elapsed() > DEADLINE {
            break status;
        }
    };
    let by_transport = json!({"ws": 6, "wss": 0, "sse": 0, "sses": 0, "http": 0, "https": 0, "other": 0});
    let by_state = json!({"open": 6, "blocked": 0, "closing": 0});
    let connections = json!({"total": 6, "unauthorized": 1, "handshakes": 0, "accepted": 7, "by_transport": by_transport, "by_state": by_state});
    assert_eq!(status["connections"], connections, "{status}");
    assert_eq!((&status["channels"], &status["subscriptions"]), (&json!(2), &json!(10)), "{status}");
    let frame = r#"12{"type":"publish","channel":"a","content":1}"#.len();
    let messages = json!({"published": 1, "published_bytes": 1, "delivered": 5, "delivered_bytes": 5 * frame, "dropped": 0, "dropped_bytes": 0});
    assert_eq!(status["messages"], messages, "{status}");
    assert_eq!(status["disconnects"], json!([{"code": 4501, "reason": "authorization failed", "count": 1}]));
    assert_eq!(status["refusals"]["outbox_bytes"], 0, "{status}");
    assert_eq!((&status["name"], &status["pid"]), (&json!("test-relay"), &json!(daemon.pid())), "{status}");
    assert_eq!((&status["state"], &status["hanging_shards"]), (&json!("serving"), &json!([])), "{status}");
    let authenticator = &status["authenticator"];
    assert_eq!(authenticator["id"], "ScriptedAuthenticator", "{status}");
    assert_eq!((&authenticator["generation"], &authenticator["ready"]), (&json!(1), &json!(true)), "{status}");
    assert_eq!(status["relays"], json!([]));
    let text = run(pusud(&["status", "--socket"]).arg(socket(&daemon))).succeeds();
    for part in ["test-relay", "6 (1 unauthorized)", "1 authorization failed (4501)", "generation 1"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn a_stopping_relay_says_so() {
    let daemon = Setup::on_shards(1).settings("limits: {drain_grace: 1h, drain_spread: 0}").start();
    let _client = daemon.client();
    daemon.terminate();
    daemon.log().wait_for("`stopping`", |line| line.contains("graceful shutdown: no new").then_some(()));
    assert_eq!(daemon.status()["state"], "stopping");
}

#[test]
fn the_socket_is_this_users_alone_and_goes_with_the_relay() {
    let mut daemon = Daemon::on_shards(1);
    let mode = fs::metadata(socket(&daemon)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    daemon.terminate();
    daemon.wait();
    assert!(!socket(&daemon).exists());
    run(pusud(&["status", "--socket"]).arg(socket(&daemon))).fails_saying(&["no relay is running", "control.sock"]);
}

#[test]
fn a_live_socket_is_refused_and_a_stale_one_replaced() {
    let mut daemon = Daemon::on_shards(1);
    let again = || pusud(&["run", "--config", daemon.dir().join("settings.yaml").to_str().unwrap()]);
    run(&mut again()).fails_saying(&["control_socket", "control.sock", "another relay is running"]);
    assert_eq!(daemon.status()["state"], "serving", "the first is not disturbed");
    daemon.kill();
    assert!(socket(&daemon).exists(), "it had no time to tidy up");
    run(pusud(&["status", "--socket"]).arg(socket(&daemon))).fails_saying(&["no relay is running", "start it again"]);
    let settings = format!("control_socket: {:?}", socket(&daemon));
    let next = Setup::on_shards(1).settings(&settings).start();
    assert_eq!(next.status()["pid"], next.pid());
}

#[test]
fn what_is_no_socket_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("settings.yaml");
    fs::write(&settings, "authenticator: None\nclient_address: 127.0.0.1\nclient_port: 0\ncontrol_socket: precious\n")
        .unwrap();
    fs::write(dir.path().join("precious"), "data").unwrap();
    run(pusud(&["run", "--config"]).arg(settings)).fails_saying(&["control_socket", "precious", "no socket"]);
    assert_eq!(fs::read_to_string(dir.path().join("precious")).unwrap(), "data");
}

/// By the port in the folder of the service, so that several relays on one machine are told apart.
#[test]
fn without_a_setting_the_socket_is_found_by_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let port = Daemon::on_shards(1).address().port();
    let daemon = Setup::on_shards(1)
        .port(port)
        .settings("# control_socket: by the port")
        .env("RUNTIME_DIRECTORY", folder.path())
        .start();
    let status = |settings: &str| {
        let file = folder.path().join("settings.yaml");
        fs::write(&file, format!("authenticator: None\n{settings}")).unwrap();
        run(pusud(&["status", "--json", "--config"]).arg(file).env("RUNTIME_DIRECTORY", folder.path()))
    };
    let found = status(&format!("client_port: {port}")).succeeds();
    assert!(found.contains(&format!("\"pid\":{},", daemon.pid())), "{found}");
    let other = if port == 1 { 2 } else { 1 };
    // Relays of others may have theirs on this machine.
    let beside = format!("{}/pusud-{port}.sock", folder.path().display());
    status(&format!("client_port: {other}")).fails_saying(&[
        "no relay is running with client port",
        "there are others: ",
        &beside,
        "--socket",
    ]);
    status("client_port: 0").fails_saying(&["client_port: 0", "control_socket"]);
    status("control_socket: None").fails_saying(&["control_socket: None"]);
}

#[test]
fn nonsense_is_answered_and_silence_holds_nobody_up() {
    let daemon = Daemon::on_shards(1);
    let ask = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(socket(&daemon)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        // What the relay has not read resets the connection; what it said has arrived.
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    assert!(ask(b"{\"version\":9,\"command\":\"status\"}\n").contains("version 9"));
    assert!(ask(b"GET / HTTP/1.1\r\n\r\n").starts_with("{\"version\":1,\"error\":"));
    ask(&[b'x'; 5000]);
    let silent: Vec<_> = (0..20).map(|_| UnixStream::connect(socket(&daemon)).unwrap()).collect();
    let mut client = Raw::connect(daemon.address());
    client.upgrade();
    drop(silent);
    assert_eq!(daemon.status()["state"], "serving");
}
