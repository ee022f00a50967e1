//! Requests for streams that get none: a status and a sentence, before the first event.

use super::source::Source;
use crate::harness::{ALL, Daemon, EventListener, NoStream, Setup, bearer, events_request};
use serde_json::json;

crate::on_1_and_3_shards!(malformed_requests_are_refused, nobody_listens_without_permission);

fn with_everything(query: &str) -> String {
    events_request(query, &bearer(ALL))
}

/// Fails unless the connection serves further requests, or has ended, as the answer says.
#[track_caller]
fn expect_refused(daemon: &Daemon, request: &str, status: u16, words: &str) -> NoStream {
    let mut raw = daemon.raw();
    raw.send(request);
    let refused = NoStream::read(&mut raw);
    assert_eq!(refused.status, status, "{request}: {refused:?}");
    let detail = refused.problem["detail"].as_str().expect("a text");
    assert!(detail.contains(words), "{request}: {detail:?} does not say {words:?}");
    if refused.header("Connection") == Some("close") {
        raw.expect_end();
    } else {
        let mut listener = EventListener::begin(raw, ALL, &["goes on"]);
        Source::of(daemon).publish("goes on", "1");
        listener.expect_publish("goes on", json!(1));
    }
    refused
}

fn malformed_requests_are_refused(daemon: Daemon) {
    for query in ["", "channe=a", "authorization=both%3D*", "&&", "CHANNEL=a"] {
        expect_refused(&daemon, &with_everything(query), 400, "names no channel");
    }
    expect_refused(&daemon, &with_everything("").replacen('?', "", 1), 400, "names no channel");
    for query in ["channel=%", "channel=a%4", "channel=a%zz", "channel=%ff", "channel=a&other=%c3", "%=1&channel=a"] {
        expect_refused(&daemon, &with_everything(query), 400, "escapes");
    }
    let long = format!("channel=a&channel={}", "x".repeat(2000));
    for query in ["channel=", "channel=a&channel", "channel=%0a", "channel=a%00", &long] {
        expect_refused(&daemon, &with_everything(query), 400, "channel");
    }
    for (line, status, words) in [
        ("Content-Length: 3\r\n", 400, "no body"),
        ("Transfer-Encoding: chunked\r\n", 400, "no body"),
        ("Authorization: Digest a\r\n", 401, "scheme"),
        ("Authorization: Bearer\r\n", 401, "not well-formed"),
    ] {
        expect_refused(&daemon, &events_request("channel=a", line), status, words);
    }
    // Nothing of it has left anything behind.
    assert_eq!(daemon.asked()["subscriptions"], 0);
    assert_eq!(daemon.asked()["channels"], 0);
}

fn nobody_listens_without_permission(daemon: Daemon) {
    let one_of_two = events_request("channel=a&channel=b", &bearer("read=a write=b"));
    expect_refused(&daemon, &one_of_two, 403, "no permission to read the channel b");
    expect_refused(&daemon, &events_request("channel=a", &bearer("write=*")), 403, "a");
    // No authorization is one too.
    expect_refused(&daemon, &events_request("channel=a", ""), 403, "a");
    let refused = expect_refused(&daemon, &events_request("channel=a", &bearer("refuse=because")), 401, "because");
    assert_eq!(refused.header("WWW-Authenticate"), Some("Bearer"));
    assert_eq!(refused.header("Connection"), Some("close"));
    for word in ["unavailable", "abstain", "nonsense", "error"] {
        let mut raw = daemon.raw();
        raw.send(events_request("channel=a", &bearer(word)));
        let refused = NoStream::read(&mut raw);
        let status = if word == "abstain" { 401 } else { 503 };
        assert_eq!(refused.status, status, "{word}: {refused:?}");
        assert_eq!(refused.header("Retry-After").is_some(), status == 503, "{refused:?}");
    }
    // Nothing has been said of the channel that it may read.
    assert_eq!(daemon.asked()["subscriptions"], 0);
}

#[test]
fn other_methods_and_types_are_refused() {
    let daemon = Daemon::on_shards(1);
    for method in ["POST", "PUT", "HEAD", "DELETE", "get"] {
        let request = with_everything("channel=a").replacen("GET", method, 1);
        let mut raw = daemon.raw();
        raw.send(request);
        let head = raw.read_head();
        assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("\r\nAllow: GET, OPTIONS\r\n"), "{method}: {head}");
    }
    let accepting = |types: &str| with_everything("channel=a").replacen("text/event-stream", types, 1);
    for types in ["application/json", "text/event-stream;q=0, */*", "text/plain, image/*"] {
        expect_refused(&daemon, &accepting(types), 406, "text/event-stream");
    }
    for types in ["*/*", "text/*;q=0.1, application/json", "TEXT/Event-Stream; charset=utf-8"] {
        let mut raw = daemon.raw();
        raw.send(accepting(types));
        drop(EventListener::read(raw));
    }
    let mut raw = daemon.raw();
    raw.send(with_everything("channel=a").replacen("Accept: text/event-stream\r\n", "", 1));
    drop(EventListener::read(raw));
}

#[test]
fn a_page_may_ask_beforehand() {
    let daemon = Daemon::on_shards(1);
    let mut raw = daemon.raw();
    let request = "OPTIONS /events?channel=a HTTP/1.1\r\nHost: relay\r\nOrigin: https://shop.example\r\n\
         Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization\r\n\r\n";
    raw.send(request);
    let head = raw.read_head();
    assert!(head.starts_with("HTTP/1.1 204 "), "{head}");
    for line in [
        "Access-Control-Allow-Origin: *",
        "Access-Control-Allow-Methods: GET, OPTIONS",
        "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Cache-Control",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
    }
    EventListener::begin(raw, ALL, &["a"]);
}

#[test]
fn what_is_switched_off_is_not_there() {
    let daemon = Setup::on_shards(1).settings("http: {events: false}").start();
    let refused = daemon.no_events(&with_everything("channel=a"));
    assert_eq!(refused.status, 404);
    let detail = refused.problem["detail"].as_str().unwrap();
    assert!(detail.contains("/publish") && !detail.contains("/events"), "{detail}");
    Source::of(&daemon).publish("a", "1");
    let daemon = Setup::on_shards(1).settings("http: {publish: false}").start();
    drop(daemon.events(&["a"]));
}

#[test]
fn channels_are_counted() {
    let daemon = Setup::on_shards(1).settings("limits: {max_subscriptions: 3}").start();
    let query = |channels: usize| (0..channels).map(|at| format!("channel={at}&")).collect::<String>();
    for channels in [4, 100] {
        let refused = expect_refused(&daemon, &with_everything(&query(channels)), 400, "limits.max_subscriptions");
        assert_eq!(refused.problem["title"], "Bad Request");
    }
    let mut raw = daemon.raw();
    // The same one again counts once.
    raw.send(with_everything(&(query(3) + &query(3))));
    let mut listener = EventListener::read(raw);
    Source::of(&daemon).publish("2", "1");
    listener.expect_publish("2", json!(1));
    drop(listener);
    assert_eq!(daemon.refused(), "max_subscriptions 2");
}

/// A stream is a connection like any other.
#[test]
fn connections_are_counted() {
    let daemon = Setup::on_shards(1).settings("limits: {max_connections: 2, max_unauthorized: 1}").start();
    let (mut first, second) = (daemon.events(&["a"]), daemon.events(&["a"]));
    let mut refused = daemon.raw();
    refused.send(with_everything("channel=a"));
    let head = refused.read_head();
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("\r\nRetry-After: "), "{head}");
    drop(second);
    daemon.wait_for_connections(1);
    // Who listens is authorized, and takes the place of nobody who is not.
    let mut client = daemon.client();
    client.publish("a", json!(1));
    first.expect_publish("a", json!(1));
    drop((client, first));
    daemon.wait_for_connections(0);
    assert_eq!(daemon.asked()["subscriptions"], 0);
    assert!(daemon.refused().starts_with("max_connections "));
}
