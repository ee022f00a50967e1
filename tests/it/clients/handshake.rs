//! The HTTP request that a connection begins with: which are upgraded, and how all others are answered.

use crate::harness::{Daemon, Frame, Setup, text_message, upgrade_request};

crate::on_1_and_3_shards!(
    good_requests_are_upgraded,
    one_of_the_offered_subprotocols_is_chosen,
    bad_requests_are_answered,
    half_a_request_is_no_harm,
    what_follows_the_request_are_frames,
);

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The plain request with one text in it changed.
fn changed(from: &str, to: &str) -> String {
    let request = upgrade_request("");
    assert!(request.contains(from), "{from}");
    request.replacen(from, to, 1)
}

/// The plain request, filled up with a header until its head is so long.
fn head_of(bytes: usize) -> String {
    let empty = upgrade_request("X: \r\n");
    empty.replacen("X: ", &format!("X: {}", "y".repeat(bytes - empty.len())), 1)
}

fn lines(number: usize) -> String {
    (0..number).map(|number| format!("X-{number}: y\r\n")).collect()
}

/// Requests that are upgraded.
fn good_requests() -> Vec<(&'static str, String)> {
    let lower_case = format!(
        "GET / HTTP/1.1\r\nhost: relay\r\nconnection: upgrade\r\nupgrade: WebSocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: {KEY}\r\n\r\n"
    );
    vec![
        ("plain", upgrade_request("")),
        ("lower case", lower_case.clone()),
        (
            "upper case",
            lower_case.replace("upgrade", "UPGRADE").replace("WebSocket", "WEBSOCKET").replace("host", "HOST"),
        ),
        ("another path", changed("GET / ", "GET /some/where?a=b ")),
        ("a path that is escaped", changed("GET / ", "GET /%00%0d%0a?%ff ")),
        ("a path in UTF-8", changed("GET / ", "GET /ä ")),
        ("a whole URL", changed("GET / ", "GET ws://relay:55000/some/where ")),
        ("a whole URL, as through an HTTP proxy", changed("GET / ", "GET HTTP://relay ")),
        ("several connection options", changed("Connection: ", "Connection: keep-alive, ")),
        ("connection options in two lines", upgrade_request("Connection: keep-alive\r\n")),
        ("empty list members", changed("Connection: Upgrade", "Connection: ,, Upgrade ,")),
        ("several protocols to upgrade to", changed("Upgrade: websocket", "Upgrade: h2c, websocket")),
        ("upgrades in two lines", upgrade_request("Upgrade: h2c\r\n")),
        ("no space behind colons", upgrade_request("").replace(": ", ":")),
        (
            "much space behind colons",
            upgrade_request("")
                .replace(": ", ": \t  ")
                .replace("\r\n", " \t\r\n")
                .replace("HTTP/1.1 \t", "HTTP/1.1")
                .replace("\r\n \t\r\n", "\r\n\r\n"),
        ),
        ("an empty line before", format!("\r\n{}", upgrade_request(""))),
        (
            "compression, as browsers",
            upgrade_request("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"),
        ),
        ("extensions that do not exist", upgrade_request("Sec-WebSocket-Extensions: x;y=\"a, b\", ;;, z\r\n")),
        ("an origin", upgrade_request("Origin: https://example.com\r\nCookie: a=b\r\n")),
        ("the origin null", upgrade_request("Origin: null\r\n")),
        ("a header in Latin-1", upgrade_request("X: ä\r\n")),
        ("an empty header", upgrade_request("X:\r\n")),
        ("a body of nothing", upgrade_request("Content-Length: 0\r\n")),
        ("64 headers", upgrade_request(&lines(59))),
        ("a head of 8 KiB", head_of(8 * 1024)),
    ]
}

fn good_requests_are_upgraded(daemon: Daemon) {
    println!("{} requests", good_requests().len());
    for (what, request) in good_requests() {
        println!("{what}");
        let mut raw = daemon.raw();
        raw.send(&request);
        let head = raw.read_head().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 switching protocols\r\n"), "{what}: {head}");
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
        assert!(head.contains("connection: upgrade\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
        assert!(!head.contains("sec-websocket-protocol") && !head.contains("sec-websocket-extensions"), "{head}");
        raw.expect_hello();
        raw.send(text_message(r#"{"type":"authorize"}"#));
        assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
    }
}

fn one_of_the_offered_subprotocols_is_chosen(daemon: Daemon) {
    for (offers, chosen) in [
        ("Sec-WebSocket-Protocol: http-only\r\n", Some("http-only")),
        ("Sec-WebSocket-Protocol: chat, pusu\r\n", Some("pusu")),
        ("Sec-WebSocket-Protocol: a, b\r\nsec-websocket-protocol: pusu\r\n", Some("pusu")),
        ("Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\n", Some("a")),
        ("Sec-WebSocket-Protocol: no token, b\r\n", Some("b")),
        ("Sec-WebSocket-Protocol: \r\n", None),
        ("", None),
    ] {
        let mut raw = daemon.raw();
        raw.send(upgrade_request(offers));
        let head = raw.read_head();
        let found: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: ")).collect();
        assert_eq!(found, Vec::from_iter(chosen), "{offers:?}: {head}");
        raw.expect_hello();
    }
}

/// A request that is answered with an HTTP error: what is wrong, the request, the status.
type Bad = (&'static str, Vec<u8>, u16);

fn bad(what: &'static str, request: impl Into<Vec<u8>>, status: u16) -> Bad {
    (what, request.into(), status)
}

/// What is no HTTP/1.1 at all, or a part of it that nobody should rely on.
fn requests_in_bad_syntax() -> Vec<Bad> {
    let fill = "y".repeat(9000);
    vec![
        bad("no HTTP", "HELLO\r\n\r\n", 400),
        bad("TLS to a plain port", *b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        bad("a frame without a request", Frame::text("{}").masked(), 400),
        bad("only NULs", [0; 100], 400),
        bad("SSH", "SSH-2.0-OpenSSH_9.6\r\n", 400),
        bad("no version", changed(" HTTP/1.1", ""), 400),
        bad("no target", changed("GET / ", "GET "), 400),
        bad("two spaces before the target", changed("GET / ", "GET  / "), 400),
        bad("a space in the target", changed("GET / ", "GET /a b "), 505),
        bad("bytes in the target that are no text", [b"GET /\xff", &upgrade_request("").as_bytes()[5..]].concat(), 400),
        bad("NUL in the target", changed("GET / ", "GET /\0 "), 400),
        bad("a fragment in the target", changed("GET / ", "GET /#a "), 400),
        bad("the target *", changed("GET / ", "GET * "), 400),
        bad("only an authority", changed("GET / ", "GET relay:55000 "), 400),
        bad("another scheme", changed("GET / ", "GET ftp://relay/ "), 400),
        bad("a header without colon", upgrade_request("nonsense\r\n"), 400),
        bad("a header without name", upgrade_request(": nonsense\r\n"), 400),
        bad("a header name with a space", upgrade_request("X Y: z\r\n"), 400),
        bad("space before a colon", changed("Host:", "Host :"), 400),
        bad("space before the first header", changed("Host:", " Host:"), 400),
        bad("a folded header", upgrade_request("X: a\r\n b\r\n"), 400),
        bad("NUL in a header", upgrade_request("X: a\0b\r\n"), 400),
        bad("a lone CR in a header", upgrade_request("X: a\rb\r\n"), 400),
        bad("lines that end in LF alone", upgrade_request("").replace("\r\n", "\n"), 400),
        bad("one line that ends in LF alone", upgrade_request("X: y\n"), 400),
        bad("a last line of LF alone", changed("\r\n\r\n", "\r\n\n"), 400),
        bad("LF before the request", format!("\n{}", upgrade_request("")), 400),
        bad("a long header", upgrade_request(&format!("X: {fill}\r\n")), 431),
        bad("a long header name", upgrade_request(&format!("{fill}: x\r\n")), 431),
        bad("a long path", changed("GET /", &format!("GET /{fill}")), 431),
        bad("a long method", changed("GET /", &format!("{fill} /")), 431),
        bad("empty lines without end", "\r\n".repeat(4500), 431),
        bad("a head of 8 KiB and a byte", head_of(8 * 1024 + 1), 431),
        bad("65 headers", upgrade_request(&lines(60)), 431),
        bad("200 headers", upgrade_request(&lines(195)), 431),
        bad("HTTP/1.0", changed("HTTP/1.1", "HTTP/1.0"), 505),
        bad("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        bad("HTTP/3", changed("HTTP/1.1", "HTTP/3.0"), 505),
        bad("HTTP in lower case", changed("HTTP/1.1", "http/1.1"), 505),
    ]
}

/// HTTP that asks for something else, or for an upgrade in the wrong way.
fn requests_for_something_else() -> Vec<Bad> {
    let good = upgrade_request("");
    let without = |name: &str| {
        let lines: Vec<&str> = good.split_inclusive("\r\n").filter(|line| !line.starts_with(name)).collect();
        lines.concat()
    };
    let of_key = |key: &str| changed(KEY, key);
    let latin1 =
        [&b"GET / HTTP/1.1\r\nHost: rel\xe4y\r\n"[..], &good.as_bytes()[good.find("Conn").unwrap()..]].concat();
    vec![
        bad("no host", without("Host"), 400),
        bad("an empty host", changed("Host: relay", "Host:"), 400),
        bad("two hosts", upgrade_request("Host: relay\r\n"), 400),
        bad("a host in Latin-1", latin1, 400),
        bad("no connection", without("Connection"), 400),
        bad("another connection", changed("Connection: Upgrade", "Connection: close"), 400),
        bad("no WebSocket version", without("Sec-WebSocket-Version"), 400),
        bad("two WebSocket versions", upgrade_request("Sec-WebSocket-Version: 13\r\n"), 400),
        bad("no key", without("Sec-WebSocket-Key"), 400),
        bad("an empty key", of_key(""), 400),
        bad("a short key", of_key("c2hvcnQ="), 400),
        bad("a key of 15 bytes", of_key("AAAAAAAAAAAAAAAAAAAA"), 400),
        bad("a key of 17 bytes", of_key("AAAAAAAAAAAAAAAAAAAAAAA="), 400),
        bad("a key of 18 bytes", of_key("AAAAAAAAAAAAAAAAAAAAAAAA"), 400),
        bad("a key without padding", of_key(KEY.trim_end_matches('=')), 400),
        bad("a key that is no base64", of_key("!!!!IHNhbXBsZSBub25jZQ=="), 400),
        bad("a key in base64 for URLs", of_key("dGhlIHNhbXBsZSBub25j-_=="), 400),
        bad("a key with bits to spare", of_key("dGhlIHNhbXBsZSBub25jZR=="), 400),
        bad("two keys", upgrade_request(&format!("Sec-WebSocket-Key: {KEY}\r\n")), 400),
        bad("two keys in a line", of_key(&format!("{KEY}, {KEY}")), 400),
        bad("two origins", upgrade_request("Origin: https://a\r\nOrigin: https://b\r\n"), 400),
        bad("a body", upgrade_request("Content-Length: 5\r\n") + "hello", 400),
        bad("a body of two lengths", upgrade_request("Content-Length: 0\r\nContent-Length: 5\r\n"), 400),
        bad("a length that is none", upgrade_request("Content-Length: +0\r\n"), 400),
        bad("a body in chunks", upgrade_request("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400),
        bad("POST", changed("GET", "POST"), 405),
        bad("HEAD", changed("GET", "HEAD"), 405),
        bad("OPTIONS", changed("GET / ", "OPTIONS * "), 405),
        bad("CONNECT", changed("GET / ", "CONNECT relay:55000 "), 405),
        bad("a method in lower case", changed("GET", "get"), 405),
        bad("another upgrade", changed("Upgrade: websocket", "Upgrade: h2c"), 426),
        bad("nearly the upgrade", changed("Upgrade: websocket", "Upgrade: websocket2, xwebsocket"), 426),
        bad("an old WebSocket version", changed("Version: 13", "Version: 8"), 426),
        bad("several WebSocket versions", changed("Version: 13", "Version: 13, 8"), 426),
        bad("a WebSocket version written otherwise", changed("Version: 13", "Version: 013"), 426),
    ]
}

/// A header that the answer with this status must have, in lower case.
fn header_of(status: u16) -> &'static str {
    match status {
        405 => "allow: get\r\n",
        426 => "upgrade: websocket\r\nsec-websocket-version: 13\r\n",
        _ => "connection: close\r\n",
    }
}

fn bad_requests_are_answered(daemon: Daemon) {
    let mut wrong = Vec::new();
    let requests = [requests_in_bad_syntax(), requests_for_something_else()].concat();
    println!("{} requests", requests.len());
    for (what, request, status) in requests {
        println!("{what}");
        let mut raw = daemon.raw();
        raw.send_perhaps(&request);
        let answer = raw.read_head().to_ascii_lowercase();
        let good = answer.starts_with(&format!("http/1.1 {status} "))
            && ["connection: close\r\n", header_of(status)].iter().all(|part| answer.contains(part));
        if !good {
            wrong.push(format!("{what}: expected {status}, got {answer:?}"));
            continue;
        }
        let reason = String::from_utf8(raw.read_to_end()).unwrap();
        assert!(reason.ends_with('\n'), "{what}: {reason:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    daemon.client().subscribe("still here");
}

/// A second request is no frame, whatever it asks for.
fn what_follows_the_request_are_frames(daemon: Daemon) {
    for behind in [upgrade_request(""), "GET /second HTTP/1.1\r\n\r\n".to_owned(), "\r\n".to_owned()] {
        let mut raw = daemon.raw();
        raw.send([upgrade_request(""), behind].concat());
        assert!(raw.read_head().starts_with("HTTP/1.1 101 "));
        raw.expect_hello();
        raw.expect_closed(1002);
    }
}

fn half_a_request_is_no_harm(mut daemon: Daemon) {
    for cut in [0, 1, 10, 100] {
        let mut raw = daemon.raw();
        raw.send(&upgrade_request("")[..cut]);
        raw.finish_sending();
        raw.read_to_end();
    }
    daemon.assert_alive();
    daemon.client().subscribe("still here");
}

#[test]
fn a_silent_connection_is_closed_at_its_timeout() {
    let daemon = Setup::on_shards(1).settings("limits:\n  handshake_timeout: 1s").start();
    let mut silent = daemon.raw();
    let mut half = daemon.raw();
    half.send("GET / HTTP/1.1\r\n");
    silent.read_to_end();
    half.read_to_end();
    daemon.client().subscribe("still here");
}
