//! The probes: a relay that lives, and one that is ready for clients.

use crate::harness::{Authority, DEADLINE, Daemon, HOST, PluginsDir, Setup, bad_plugin};
use serde_json::json;
use std::time::Instant;

fn probe(daemon: &Daemon, target: &str) -> (u16, String) {
    let answer = daemon.get_operations(target);
    (answer.status, answer.body)
}

fn wait_for_ready(daemon: &Daemon, status: u16) -> String {
    let began = Instant::now();
    loop {
        let (found, body) = probe(daemon, "/readyz");
        if found == status {
            return body;
        }
        assert!(began.elapsed() < DEADLINE, "{found}: {body}");
    }
}

#[test]
fn each_check_is_listed_where_that_is_asked_for() {
    let daemon = Setup::on_shards(2).with_operations().start();
    assert_eq!(probe(&daemon, "/livez"), (200, "ok\n".into()));
    assert_eq!(probe(&daemon, "/readyz"), (200, "ok\n".into()));
    let (_, live) = probe(&daemon, "/livez?verbose");
    assert_eq!(live, "[+]shards ok\n[+]network ok\nlivez check passed\n");
    let (_, ready) = probe(&daemon, "/readyz?verbose");
    assert_eq!(ready, "[+]serving ok\n[+]shards ok\n[+]authenticator ok\n[+]certificates ok\nreadyz check passed\n");
}

#[test]
fn a_relay_that_drains_is_not_ready_and_lives() {
    let daemon = Setup::on_shards(1).with_operations().settings("limits: {drain_grace: 1m, drain_spread: 0}").start();
    let client = daemon.client();
    daemon.terminate();
    let body = wait_for_ready(&daemon, 503);
    assert!(body.contains("[-]serving failed: the relay stops") && body.ends_with("readyz check failed\n"), "{body}");
    assert_eq!(probe(&daemon, "/livez").0, 200);
    drop(client);
}

#[test]
fn links_count_only_where_the_settings_say_so() {
    let without = Setup::on_shards(1).with_operations().settings("network_port: 0\nrelays: ['127.0.0.1:1']").start();
    assert_eq!(probe(&without, "/readyz").0, 200);
    let more = "network_port: 0\nrelays: ['127.0.0.1:1']\nready_needs_relays: 1";
    let with = Setup::on_shards(1).with_operations().settings(more).start();
    let (status, body) = probe(&with, "/readyz");
    assert!(status == 503 && body.contains("[-]links failed: 0 of the 1"), "{body}");
    assert_eq!(probe(&with, "/livez").0, 200);
}

#[test]
fn a_relay_whose_certificate_has_expired_is_not_ready() {
    let authority = Authority::new("of the test");
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue_expired(&[HOST]).files(folder.path());
    let settings = format!("client_tls: {{certificate: {certificate:?}, key: {key:?}}}");
    let daemon = Setup::on_shards(1).with_operations().settings(&settings).start();
    let (status, body) = probe(&daemon, "/readyz");
    assert!(status == 503 && body.contains("[-]certificates failed: that of clients has expired"), "{body}");
    assert_eq!(probe(&daemon, "/livez").0, 200);
}

/// The plugin may have four calls at a time, and none of them comes back.
#[test]
fn a_relay_that_can_let_nobody_in_is_not_ready_and_lives() {
    let plugins = PluginsDir::empty();
    let release = plugins.path().join("release");
    bad_plugin(&plugins, &[&format!("-DRELEASE_FILE={release:?}")]);
    let settings = "limits: {authorize_call_timeout: 300ms}";
    let setup = Setup::on_shards(1).authenticator("BadPlugin", plugins).with_operations();
    let daemon = setup.settings(settings).start();
    assert_eq!(probe(&daemon, "/readyz").0, 200);
    let began = Instant::now();
    let mut hanging = Vec::new();
    let body = loop {
        // Each takes another thread, as long as there may be more.
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "hang"}));
        hanging.push(client);
        let (status, body) = probe(&daemon, "/readyz");
        // That it has decided nothing lately is true before that.
        if status == 503 && !body.contains("it could decide none of") {
            break body;
        }
        assert!(began.elapsed() < DEADLINE, "{body}");
    };
    assert!(body.contains("[-]authenticator failed: it cannot decide now"), "{body}");
    assert_eq!(probe(&daemon, "/livez").0, 200);
    std::fs::write(release, "").unwrap();
}

/// The plugin is in a good condition and answers at once: that it cannot decide, as where the service that it asks is away.
#[test]
fn a_relay_whose_authenticator_decides_nothing_is_not_ready_and_says_so() {
    let daemon = Setup::on_shards(1).with_operations().start();
    assert_eq!(probe(&daemon, "/readyz").0, 200);
    for _ in 0..3 {
        assert_eq!(probe(&daemon, "/readyz").0, 200, "one or two say nothing");
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "unavailable"}));
        client.expect_text(r#"{"type":"authorization_failed","reason":"unavailable"}"#);
        client.expect_closed(1013);
    }
    let body = wait_for_ready(&daemon, 503);
    assert!(body.contains("[-]authenticator failed: it could decide none of 3 questions in the last "), "{body}");
    assert_eq!(probe(&daemon, "/livez").0, 200);
    let overview = daemon.look("/api/v1/status");
    assert_eq!(overview["recent"]["authenticator"]["unavailable"], 3, "{overview}");
    let problem = &overview["problems"][0];
    assert_eq!((&problem["id"], &problem["level"]), (&json!("authenticator_failing"), &json!("error")), "{overview}");
    assert!(problem["text"].as_str().unwrap().contains("3 answered that it cannot decide"), "{problem}");
    // It decides again.
    let _client = daemon.client();
    wait_for_ready(&daemon, 200);
}
