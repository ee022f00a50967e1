//! Requests in which two readers could see different ends: refused, and of what follows them nothing is answered.

use crate::harness::{Daemon, Request, text_message, upgrade_request};

crate::on_1_and_3_shards!(
    ends_that_two_readers_see_differently,
    behind_a_refusal_nothing_is_answered,
    a_websocket_begins_behind_requests,
    behind_a_body_only_a_request_is_one,
);

/// A request that nobody may see.
fn smuggled() -> Vec<u8> {
    Request::post("/publish/smuggled", "1").bytes()
}

/// Request that has these header lines, and a body that one of them ends before [`smuggled`], and another one behind it.
fn with(lines: &[&str]) -> Vec<u8> {
    let request = lines.iter().fold(Request::new("POST", "/publish/a"), |request, line| request.also(line));
    [request.head().as_bytes(), b"0\r\n\r\n", &smuggled()].concat()
}

fn ends_that_two_readers_see_differently(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("smuggled");
    listener.subscribe("a");
    let head = Request::new("POST", "/publish/a").also("Content-Length: 5").head();
    let replaced = |from: &str, to: &str| [head.replace(from, to).as_bytes(), b"0\r\n\r\n", &smuggled()].concat();
    let mut requests = vec![
        replaced("\r\n", "\n"),
        replaced("Host", " Host"),
        replaced("Content-Length:", "Content-Length :"),
        replaced("Content-Length:", "X: y\r\n Content-Length:"),
        replaced("Content-Length:", "X: y\r\n\tContent-Length:"),
        replaced("Content-Length: 5", "Content-Length: 5\n"),
        replaced("Content-Length: 5", "X: y\nContent-Length: 5"),
        replaced("Content-Length: 5", "X: y\rContent-Length: 5"),
        replaced("Content-Length: 5", "X: \0\r\nContent-Length: 5"),
        replaced("\r\n\r\n", "\r\n\n"),
        replaced("/publish/a", "/publish/a#"),
        replaced("/publish/a", "relay:55000"),
        replaced("/publish/a", "https:///publish/a"),
        replaced("POST ", "POST\t"),
        replaced("HTTP/1.1", "HTTP/1.0").iter().copied().chain(*b"").collect(),
    ];
    // That one is good: HTTP/1.0 knows a length.
    requests.pop();
    requests.extend(
        [
            &["Content-Length: 5", "Transfer-Encoding: chunked"][..],
            &["Transfer-Encoding: chunked", "Content-Length: 5"],
            &["Content-Length: 5", "Content-Length: 5"],
            &["Content-Length: 5", "Content-Length: 0"],
            &["Content-Length: 5", "content-length: 95"],
            &["Content-Length: 5, 5"],
            &["Content-Length: +5"],
            &["Content-Length: -5"],
            &["Content-Length: 0x5"],
            &["Content-Length: 5 5"],
            &["Content-Length: 5;"],
            &["Content-Length:"],
            &["Content-Length: 18446744073709551621"],
            &["Transfer-Encoding: gzip, chunked"],
            &["Transfer-Encoding: chunked, gzip"],
            &["Transfer-Encoding: chunked, chunked"],
            &["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            &["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
            &["Transfer-Encoding: identity", "Content-Length: 5"],
            &["Transfer-Encoding: identity"],
            &["Transfer-Encoding: xchunked"],
            &["Transfer-Encoding: chunked;q=1"],
            &["Transfer-Encoding: \"chunked\""],
            &["Transfer-Encoding: \u{b}chunked"],
            &["Transfer-Encoding: chunke\u{e4}"],
            &["Transfer-Encoding:"],
            &["Transfer-Encoding: , chunked"],
            &["Transfer_Encoding: chunked", "Content-Length: x"],
        ]
        .iter()
        .map(|lines| with(lines)),
    );
    let old = Request::new("POST", "/publish/a").version("HTTP/1.0").also("Transfer-Encoding: chunked").head();
    requests.push([old.as_bytes(), b"0\r\n\r\n", &smuggled()].concat());
    println!("{} requests", requests.len());
    for request in requests {
        println!("{:?}", String::from_utf8_lossy(&request).lines().take(6).collect::<Vec<_>>());
        let mut http = daemon.http();
        http.raw().send_perhaps(&request);
        let answer = http.answer().expect(400);
        assert!(answer.closes(), "{answer:?}");
        http.expect_end();
    }
    listener.expect_no_answer();
}

/// Its body, which is not wanted, may be anything: it is skipped whole, or the connection ends.
fn behind_a_refusal_nothing_is_answered(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("smuggled");
    let smuggled = smuggled();
    for (request, ends) in [
        (Request::post("/publish/a", &smuggled).bearer("read=*"), false),
        (Request::post("/nothing", &smuggled), false),
        (Request::post("/publish/a", &smuggled).method("PUT"), false),
        (Request::post("/publish/a", &smuggled).method("GET"), false),
        (Request::post("/healthz", &smuggled).method("GET"), false),
        (Request::post("/events?channel=a", &smuggled).method("GET"), false),
        (Request::post("/publish/a", &smuggled).header("Content-Type: a/b"), false),
        (Request::post("/publish/a", &smuggled).bearer("refuse=why"), true),
        (Request::post_chunks("/nothing", &format!("{:x}\r\n", smuggled.len())), true),
    ] {
        let mut http = daemon.http();
        http.send(&request);
        if ends {
            http.raw().send_perhaps(&smuggled);
        }
        let answer = http.answer();
        assert_eq!(answer.closes(), ends, "{answer:?}");
        if ends {
            http.expect_end();
        } else {
            http.get("/healthz").expect(200);
            // Of a body that comes late nothing is known.
            let mut http = daemon.http();
            http.raw().send(request.head());
            assert!(http.answer().closes());
            http.raw().send_perhaps(&smuggled);
            http.expect_end();
        }
    }
    listener.expect_no_answer();
}

fn a_websocket_begins_behind_requests(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    for messages in [0, 1] {
        let mut http = daemon.http();
        let subscribe = text_message(r#"{"type":"subscribe","channel":"b"}"#);
        let behind = [upgrade_request("").as_bytes(), &subscribe.repeat(messages)].concat();
        http.raw().send([Request::post("/publish/a", "1").bytes(), behind].concat());
        http.answer().expect_accepted();
        listener.expect_content("a", "1");
        let mut raw = http.into_raw();
        let head = raw.read_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw.expect_hello();
        if messages > 0 {
            // The requests were authorized, and the one who speaks here is not.
            assert!(raw.read_text().contains("permission_denied"));
            raw.expect_closed(4502);
            continue;
        }
        raw.authorize();
        raw.send(subscribe);
        assert_eq!(raw.read_text(), r#"{"type":"subscribe_ok","channel":"b"}"#);
    }
    // Behind a request that is refused for good there is none.
    let mut http = daemon.http();
    let refused = Request::post("/publish/a", "1").bearer("refuse=why").bytes();
    http.raw().send([refused, upgrade_request("").into_bytes()].concat());
    http.answer().expect_problem(401);
    http.expect_end();
}

fn behind_a_body_only_a_request_is_one(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    listener.subscribe("smuggled");
    for garbage in ["garbage\r\n\r\n", "\0\0\0\0", "1", "{}\r\n", "\n", " ", "0\r\n\r\n", "\x16\x03\x01\x02\x00"] {
        let mut http = daemon.http();
        let post = Request::post("/publish/a", "1").bytes();
        http.raw().send_perhaps([post, garbage.into(), smuggled()].concat());
        http.answer().expect_accepted();
        listener.expect_content("a", "1");
        let answer = http.answer();
        assert!(matches!(answer.status, 400 | 404 | 405 | 411 | 505), "{garbage:?}: {answer:?}");
        if !answer.closes() {
            // It was the beginning of another method's name.
            assert_eq!(garbage, "1");
            continue;
        }
        http.expect_end();
    }
    listener.expect_no_answer();
}
