//! `HttpAuthenticator` in the real relay, with a service in Python of its own process.

mod questions;
mod renewals;
mod service;
mod settings;
mod trust;

use crate::harness::{AuthorizationService as Service, Client, Daemon, PluginsDir, Setup, http_plugin};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn setup(url: &str, more: &str) -> Setup {
    let options = format!("authenticator_options:\n  http_url: {url}\n{more}");
    Setup::on_shards(1).authenticator("HttpAuthenticator", PluginsDir::with([http_plugin()])).settings(&options)
}

fn start(url: &str, more: &str) -> Daemon {
    setup(url, more).start()
}

/// An authorization that has the service answer so.
fn answering(answer: Value) -> String {
    json!({"answer": answer}).to_string()
}

/// The service's answer that gives everything below `a.`, and what else is in `more`.
fn everything(more: Value) -> Value {
    let mut answer = json!({"permissions": [{"pattern": "a.*", "read": true, "write": true}], "subject": "alice"});
    answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    answer
}

fn ask(daemon: &Daemon, authorization: &str) -> Client {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    client
}

fn expect_refused(daemon: &Daemon, authorization: &str) {
    let mut client = ask(daemon, authorization);
    client.expect_error("authorization_failed");
    client.expect_closed(4501);
}

fn expect_unavailable(daemon: &Daemon, authorization: &str) {
    let mut client = ask(daemon, authorization);
    client.expect_text(r#"{"type":"authorization_failed","reason":"unavailable"}"#);
    client.expect_closed(1013);
}

#[test]
fn the_service_decides() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "  http_headers:\n    X-Relay: the first\n");
    let mut client = daemon.client_with(&answering(json!({"permissions": [
        {"pattern": "news.*", "read": true, "write": false},
        {"pattern": "chat.*", "read": true, "write": true},
    ]})));
    client.subscribe("news.a");
    client.subscribe("chat.a");
    client.publish("chat.a", json!(1));
    client.expect_publish("chat.a", json!(1));
    client.publish("news.a", json!(1));
    client.expect_error("permission_denied");
    client.expect_closed(4502);
    let request = &service.requests()[0];
    assert_eq!(request["path"], "/authorize");
    assert_eq!(request["headers"]["x-relay"], "the first");
    assert_eq!(request["headers"]["content-type"], "application/json");
    let body = &request["body"];
    assert_eq!((&body["peer"], &body["attributes"]["http.path"]), (&json!("127.0.0.1"), &json!("/")));
    expect_refused(&daemon, "somebody");
    expect_refused(&daemon, &json!({"status": 403, "answer": everything(json!({}))}).to_string());
    expect_refused(&daemon, &answering(everything(json!({"expires": 1}))));
}

/// What a client says of itself and what the service calls it are names, whatever they look like: only `pattern` is one.
#[test]
fn names_in_questions_and_answers_are_no_patterns() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "");
    let answer = json!({"permissions": [{"pattern": "a.alice", "read": true, "write": true}], "subject": "*"});
    let authorization = json!({"name": "*", "channel": "a.*", "answer": answer}).to_string();
    for channel in ["*", "a.*", "a.bob"] {
        let mut client = daemon.client_with(&authorization);
        client.subscribe("a.alice");
        client.send(json!({"type": "subscribe", "channel": channel}));
        assert_eq!(client.expect_error("permission_denied")["channel"], channel);
        client.expect_closed(4502);
    }
}

#[test]
fn whatever_else_happens_is_no_decision_and_not_remembered() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "  http_timeout: 2s\n");
    let good = everything(json!({"cache_seconds": 600}));
    let rows = [
        json!({"status": 500, "answer": good}),
        json!({"status": 503, "text": "later"}),
        json!({"status": 302, "location": service.url(), "answer": good}),
        json!({"text": "<html>welcome</html>"}),
        json!({"text": ""}),
        json!({"answer": {"permissions": "*"}}),
        json!({"answer": everything(json!({"expiry": 7}))}),
        json!({"answer": good, "padding": 70_000}),
        json!({"delay": 60, "answer": good}),
    ];
    for row in &rows {
        println!("{}", row.to_string().chars().take(200).collect::<String>());
        expect_unavailable(&daemon, &row.to_string());
    }
    let before = service.requests().len();
    assert_eq!(before, rows.len(), "none was followed or repeated");
    // The operator sees why, and clients do not.
    let decisions = daemon.operate_json(&["decisions", "--refused"]);
    for (decision, wanted) in decisions.iter().zip([
        "expected status 200, 401 or 403, found 500",
        "found 503",
        "found 302",
        "the answer is not JSON",
        "the answer is not JSON",
        "the answer is invalid type",
        "the answer is unknown field",
        "expected an answer of at most 65536 bytes",
        "no answer within 2s",
    ]) {
        assert_eq!(decision["reason"], "the authorization service gave no answer");
        assert!(decision["detail"].as_str().unwrap().contains(wanted), "{wanted}: {decision}");
    }
    assert_eq!(decisions.len(), rows.len());
    expect_unavailable(&daemon, &rows[0].to_string());
    assert_eq!(service.requests().len(), before + 1, "asked again, not answered from memory");
    daemon.client_with(&answering(good)).subscribe("a.b");
}

/// Nobody else waits for a slow answer.
#[test]
fn a_slow_answer_delays_only_who_asked() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "  http_timeout: 20\nlimits: {authorize_call_timeout: 20s}\n");
    let slowly = |number: usize| {
        let answer = everything(json!({"subject": number.to_string()}));
        ask(&daemon, &json!({"delay": 4, "answer": answer}).to_string())
    };
    let mut slow: Vec<Client> = (0..8).map(slowly).collect();
    let begun = Instant::now();
    for number in 0..20 {
        daemon.client_with(&answering(everything(json!({"subject": number.to_string()})))).subscribe("a.b");
    }
    assert!(slow.iter_mut().all(Client::has_nothing_to_read), "the others took {:?}", begun.elapsed());
    slow.iter_mut().for_each(|client| client.expect_text(r#"{"type":"authorization_ok"}"#));
}

#[test]
fn fifty_equal_authorizations_are_one_call_over_one_connection() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "  http_timeout: 20\nlimits: {authorize_call_timeout: 20s}\n");
    let same = json!({"delay": 0.5, "answer": everything(json!({"cache_seconds": 600}))}).to_string();
    let mut clients: Vec<Client> = (0..50).map(|_| ask(&daemon, &same)).collect();
    for client in &mut clients {
        client.expect_text(r#"{"type":"authorization_ok"}"#);
        client.subscribe("a.b");
    }
    assert_eq!(service.requests().len(), 1);
    // Others are asked for, one after the other, over the same connection.
    for number in 0..20 {
        daemon.client_with(&answering(everything(json!({"subject": number.to_string()}))));
    }
    let connections: Vec<Value> = service.requests().into_iter().map(|request| request["connection"].clone()).collect();
    assert_eq!(connections, vec![json!(1); 21]);
}

#[test]
fn answers_are_remembered_as_long_as_they_say() {
    let service = Service::start(&[]);
    let daemon = start(&service.url(), "");
    let remembered = answering(everything(json!({"cache_seconds": 600})));
    for _ in 0..5 {
        daemon.client_with(&remembered).subscribe("a.b");
    }
    assert_eq!(service.requests().len(), 1);
    let for_once = answering(everything(json!({})));
    (0..3).for_each(|_| daemon.client_with(&for_once).subscribe("a.b"));
    assert_eq!(service.requests().len(), 4);
    // For ten minutes, but its permissions end long before that.
    let now_ms = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let expires_ms = now_ms() + 1500;
    let expires = expires_ms as f64 / 1000.0;
    let expiring = answering(everything(json!({"cache_seconds": 600, "expires": expires})));
    daemon.client_with(&expiring);
    let deadline = Instant::now() + Duration::from_secs(10);
    while ask(&daemon, &expiring).next_json()["type"] == "authorization_ok" {
        assert!(Instant::now() < deadline, "remembered beyond its expiry");
    }
    assert!(now_ms() >= expires_ms, "refused too early");
    assert!(service.requests().len() > 5, "refused without being asked about");
    expect_refused(&daemon, &expiring);
}

#[test]
fn a_service_that_goes_and_comes_back() {
    let service = Service::start(&[]);
    let port = service.port.to_string();
    let daemon = start(&service.url(), "");
    let remembered = answering(everything(json!({"cache_seconds": 600})));
    let other = answering(everything(json!({})));
    let mut listener = daemon.client_with(&remembered);
    listener.subscribe("a.b");
    daemon.client_with(&other);
    drop(service);
    for _ in 0..3 {
        expect_unavailable(&daemon, &other);
    }
    // Who was let in stays, and so does what is remembered.
    daemon.client_with(&remembered).publish("a.b", json!(1));
    listener.expect_publish("a.b", json!(1));
    daemon.log().wait_for("a line about the service", |line| line.contains("cannot connect").then_some(()));
    let service = Service::start(&["--port", &port]);
    daemon.client_with(&other).subscribe("a.b");
    daemon.log().wait_for("a line about its return", |line| line.contains("answers again").then_some(()));
    assert_eq!(service.requests().len(), 1);
}

/// The end does not wait for an answer.
#[test]
fn stopping_does_not_wait_for_the_service() {
    let service = Service::start(&[]);
    let mut daemon = start(&service.url(), "  http_timeout: 60\nlimits: {authorize_call_timeout: 60s}\n");
    let _waiting = ask(&daemon, &json!({"delay": 60}).to_string());
    service.process.stdout.wait_for("the request", |line| line.contains("delay").then_some(()));
    let begun = Instant::now();
    daemon.terminate();
    assert!(daemon.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
}

#[test]
fn no_authorization_and_no_header_gets_into_the_log() {
    let service = Service::start(&[]);
    let url = format!("{}?key=canary", service.url());
    let more = "  http_headers:\n    Authorization: Bearer canary\n  http_timeout: 2s\n";
    let daemon = setup(&url, more).log_level("trace").start();
    let good = everything(json!({"cache_seconds": 600}));
    for (authorization, expected) in [
        (json!({"canary": 1, "answer": good}), "authorization_ok"),
        (json!({"canary": 1, "answer": good}), "authorization_ok"),
        (json!({"canary": 1, "status": 403}), "authorization_failed"),
        (json!({"canary": 1, "status": 500, "text": "canary"}), "authorization_failed"),
        (json!({"canary": 1, "text": "{\"canary\": canary"}), "authorization_failed"),
        (json!({"canary": 1, "answer": {"permissions": "canary"}}), "authorization_failed"),
        (json!({"canary": 1, "delay": 60}), "authorization_failed"),
        (json!("canary"), "authorization_failed"),
    ] {
        let answer = ask(&daemon, &authorization.to_string()).next_json();
        assert_eq!(answer["type"], expected, "{authorization}");
        assert!(!answer.to_string().contains("canary"), "{answer}");
    }
    let log = daemon.log().text();
    assert!(log.contains("HttpAuthenticator") && !log.contains("canary"), "a secret is in the log:\n{log}");
    for file in ["cmdline", "environ"] {
        let shown = fs::read(Path::new("/proc").join(daemon.pid().to_string()).join(file)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&shown).contains("canary"), "a secret is in {file}");
    }
}
