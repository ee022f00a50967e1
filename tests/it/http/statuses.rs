//! The status of each answer that is no success: its problem, its headers, and whether the connection goes on.

use crate::harness::{Answer, Daemon, Http, Request, Setup};
use serde_json::json;

const JSON_DEPTH: usize = 128;

/// A request that is refused: what is wrong, the request, the status, words of the detail, and whether another request may
/// follow.
type Row = (&'static str, Request, u16, &'static str, bool);

fn post() -> Request {
    Request::post("/publish/a", "1")
}

fn nested(depth: usize) -> Request {
    Request::post("/publish/a", format!("{}{}", "[".repeat(depth), "]".repeat(depth)))
}

fn typed(content_type: &str) -> Request {
    post().header(&format!("Content-Type: {content_type}"))
}

fn list(content_type: &str) -> Request {
    Request::post("/publish", r#"[{"channel":"a","content":1}]"#).header(&format!("Content-Type: {content_type}"))
}

fn key(key: &str) -> Request {
    post().header(&format!("Idempotency-Key: {key}"))
}

fn rows_of_contents() -> Vec<Row> {
    vec![
        ("no channel", Request::post("/publish/", "1"), 400, "channel", true),
        ("an escape that is none", Request::post("/publish/%4", "1"), 400, "escapes", true),
        ("no JSON", Request::post("/publish/a", "{"), 400, "not JSON", true),
        ("two values", Request::post("/publish/a", "1 2"), 400, "not JSON", true),
        ("nothing", Request::post("/publish/a", ""), 400, "not JSON", true),
        ("no UTF-8", Request::post("/publish/a", b"\"\xff\""), 400, "UTF-8", true),
        ("a key with a blank", key("a b"), 400, "Idempotency-Key", true),
        ("an empty key", key(""), 400, "Idempotency-Key", true),
        ("a long key", key(&"k".repeat(256)), 400, "Idempotency-Key", true),
        ("a list that is an object", Request::post("/publish", "{}"), 422, "not an array", true),
        ("content that is nested too deeply", nested(JSON_DEPTH + 1), 422, "max_json_depth", true),
        ("no body", Request::new("POST", "/publish/a"), 411, "Content-Length", true),
        ("no list", Request::new("POST", "/publish"), 411, "Content-Length", true),
        (
            "a body that is too long",
            Request::post("/publish/a", vec![b' '; (1 << 20) + 1]),
            413,
            "max_message_bytes",
            false,
        ),
        ("another type", typed("text/html"), 415, "Content-Type", true),
        ("a form", typed("application/x-www-form-urlencoded"), 415, "Content-Type", true),
        ("an empty type", typed(""), 415, "Content-Type", true),
        ("a type that is none", typed("json"), 415, "Content-Type", true),
        ("lines for one message", typed("application/x-ndjson"), 415, "Content-Type", true),
        ("another charset", typed("application/json; charset=iso-8859-1"), 415, "Content-Type", true),
        ("a list as text", list("text/plain"), 415, "Content-Type", true),
        ("a coding", post().header("Content-Encoding: gzip"), 415, "Content-Encoding", true),
        ("another expectation", post().header("Expect: tea"), 417, "100-continue", true),
    ]
}

fn rows_of_clients() -> Vec<Row> {
    vec![
        ("refused", post().bearer("refuse=because"), 401, "because", false),
        ("another scheme", post().header("Authorization: Digest a=b"), 401, "scheme", false),
        ("no scheme", post().header("Authorization: both=*"), 401, "scheme", false),
        ("nothing behind the scheme", post().header("Authorization: Bearer"), 401, "well-formed", false),
        ("a password that is none", post().header("Authorization: Basic !"), 401, "well-formed", false),
        ("no permission to write", post().bearer("read=*"), 403, "no permission to write this channel", true),
        ("nobody", post().without("Authorization"), 403, "no permission", true),
        ("no permission for another", post().bearer("write=b"), 403, "no permission", true),
        ("cannot be decided", post().bearer("unavailable"), 503, "cannot be decided", true),
        ("no opinion", post().bearer("abstain"), 401, "refused", false),
    ]
}

fn rows_of_paths() -> Vec<Row> {
    let of = |method: &str, target: &str| Request::new(method, target);
    vec![
        ("an unknown path", of("GET", "/nothing"), 404, "/publish/CHANNEL", true),
        ("an unknown path to post to", Request::post("/nothing", "1"), 404, "/events", true),
        ("a path in upper case", Request::post("/PUBLISH/a", "1"), 404, "/publish", true),
        ("a slash too many", Request::post("//publish/a", "1"), 404, "/publish", true),
        ("a path below the health check", of("GET", "/healthz/"), 404, "/healthz", true),
        ("to get a channel", of("GET", "/publish/a"), 405, "Allow", true),
        ("the head of a channel", Request::post("/publish/a", "1").method("PUT"), 405, "Allow", true),
        ("to get a list", of("GET", "/publish"), 405, "Allow", true),
        ("to delete", of("DELETE", "/publish/a"), 405, "Allow", true),
        ("to post the page", Request::post("/", "1"), 405, "Allow", true),
        ("to post a health check", Request::post("/healthz", "1"), 405, "Allow", true),
        ("to put the page", of("PUT", "/"), 405, "Allow", true),
        ("to post events", Request::post("/events?channel=a", "1"), 405, "Allow", true),
        ("a method in lower case", of("get", "/"), 405, "Allow", true),
        ("another upgrade", of("GET", "/").header("Upgrade: h2c"), 426, "WebSocket", true),
    ]
}

/// What each answer with this status says besides, in lines of its head.
fn header_of(status: u16, target: &str) -> Option<(&'static str, String)> {
    let allowed = match target {
        "/" | "/healthz" => "GET, HEAD, OPTIONS",
        "/events?channel=a" => "GET, OPTIONS",
        _ => "POST, OPTIONS",
    };
    match status {
        401 => Some(("WWW-Authenticate", "Bearer".into())),
        405 => Some(("Allow", allowed.into())),
        426 => Some(("Upgrade", "websocket".into())),
        503 => Some(("Retry-After", "5".into())),
        _ => None,
    }
}

fn check(http: &mut Http, (what, request, status, words, goes_on): &Row) {
    println!("{what}");
    let answer = http.ask(request);
    let header = header_of(*status, request.target());
    if let Some((name, value)) = header {
        assert_eq!(answer.header(name), Some(&*value), "{answer:?}");
    }
    let closes = answer.closes();
    let problem = answer.expect_problem(*status);
    assert!(problem["detail"].as_str().unwrap().contains(words), "{what}: {problem}");
    assert_eq!(closes, !goes_on, "{what}");
    if !goes_on {
        http.expect_end();
    }
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let daemon = Daemon::on_shards(1);
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut kept = daemon.http();
    for row in [rows_of_contents(), rows_of_clients(), rows_of_paths()].concat() {
        // On a connection of its own, and behind others.
        check(&mut daemon.http(), &row);
        check(&mut kept, &row);
        if !row.4 {
            kept = daemon.http();
        }
        kept.post("/publish/other", "1").expect_accepted();
    }
    listener.expect_no_answer();
}

/// The head of such an answer says nothing of a body that does not come.
#[test]
fn the_head_alone_is_answered_with_a_head() {
    let daemon = Daemon::on_shards(1);
    let mut http = daemon.http();
    for (target, status) in [("/", 200), ("/healthz", 200), ("/nothing", 404), ("/publish/a", 405), ("/publish", 405)] {
        http.ask(&Request::new("HEAD", target)).expect(status);
    }
    http.get("/healthz").expect(200);
}

/// Nobody knows where such a request ends, or what it means: the connection ends with the answer.
#[test]
fn heads_that_nobody_should_rely_on_end_the_connection() {
    let daemon = Daemon::on_shards(1);
    let line = |more: &str| Request::post("/publish/a", "1").also(more);
    let long = "x".repeat(9000);
    for (what, request, status) in [
        ("no HTTP", b"HELLO\r\n\r\n".to_vec(), 400),
        ("no host", post().without("Host").bytes(), 400),
        ("an empty host", post().header("Host:").bytes(), 400),
        ("two hosts", line("Host: relay").bytes(), 400),
        ("two authorizations", line("Authorization: Bearer a").bytes(), 400),
        ("two types", line("Content-Type: text/plain").also("Content-Type: text/plain").bytes(), 400),
        ("two keys", line("Idempotency-Key: a").also("Idempotency-Key: a").bytes(), 400),
        ("two origins", line("Origin: https://a").also("Origin: https://a").bytes(), 400),
        ("a fragment", Request::post("/publish/a#b", "1").bytes(), 400),
        ("another scheme", Request::post("ftp://relay/publish/a", "1").bytes(), 400),
        ("a target that is none", Request::new("OPTIONS", "*").bytes(), 400),
        ("a long line", line(&format!("X: {long}")).bytes(), 431),
        ("a long channel", Request::post(&format!("/publish/{long}"), "1").bytes(), 431),
        ("many lines", (0..65).fold(post(), |request, _| request.also("X: y")).bytes(), 431),
        ("HTTP/2", post().version("HTTP/2.0").bytes(), 505),
        ("HTTP/1.2", post().version("HTTP/1.2").bytes(), 505),
    ] {
        println!("{what}");
        let mut http = daemon.http();
        http.post("/publish/a", "1").expect_accepted();
        http.raw().send_perhaps(&request);
        let answer: Answer = http.answer().expect(status);
        assert!(answer.closes() && answer.body.ends_with('\n'), "{answer:?}");
        http.expect_end();
    }
    assert_eq!(daemon.refused(), "max_header_bytes 3");
}

#[test]
fn limits_of_the_settings_are_those_of_requests() {
    let limits =
        "max_message_bytes: 1000, max_unauthorized_message_bytes: 1000, max_channel_bytes: 3, max_json_depth: 2";
    let daemon = Setup::on_shards(1).settings(&format!("limits: {{{limits}}}")).start();
    let mut http = daemon.http();
    http.post("/publish/abc", format!("{}1", " ".repeat(999))).expect_accepted();
    http.post("/publish/abc", "[[1]]").expect_accepted();
    http.post("/publish/abcd", "1").expect_problem(400);
    http.post("/publish/abc", "[[[1]]]").expect_problem(422);
    let items = json!([{"channel": "abcd", "content": 1}, {"channel": "abc", "content": [[[1]]]}]).to_string();
    let problem = http.post("/publish", items).expect_problem(422);
    assert_eq!(problem["results"].as_array().unwrap().len(), 2, "{problem}");
    http.post("/publish/abc", format!("{}1", " ".repeat(1000))).expect_problem(413);
    assert_eq!(daemon.refused(), "max_message_bytes 1, max_channel_bytes 2, max_json_depth 2");
}
