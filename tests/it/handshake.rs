//! The HTTP request that a connection begins with: which are upgraded, and how all others are answered.

use crate::harness::{Daemon, Setup, text_message, upgrade_request};

crate::on_1_and_3_shards!(good_requests_are_upgraded, bad_requests_are_answered, half_a_request_is_no_harm);

fn good_requests_are_upgraded(daemon: Daemon) {
    let lower_case = "GET / HTTP/1.1\r\nhost: relay\r\nconnection: upgrade\r\nupgrade: WebSocket\r\n\
                      sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let cases = [
        ("plain", upgrade_request("")),
        ("other case", lower_case.to_owned()),
        ("another path", upgrade_request("").replacen("GET / ", "GET /some/where?a=b ", 1)),
        ("several connection options", upgrade_request("").replace("Connection: ", "Connection: keep-alive, ")),
        ("no space behind colons", upgrade_request("").replace(": ", ":")),
        ("a subprotocol, as pypusu", upgrade_request("Sec-WebSocket-Protocol: http-only\r\n")),
        (
            "compression, as browsers",
            upgrade_request("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"),
        ),
        ("an origin", upgrade_request("Origin: https://example.com\r\nCookie: a=b\r\n")),
    ];
    for (what, request) in cases {
        println!("{what}");
        let mut raw = daemon.raw();
        raw.send(&request);
        let head = raw.read_head().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 switching protocols\r\n"), "{head}");
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
        assert!(head.contains("connection: upgrade\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
        assert!(!head.contains("sec-websocket-protocol") && !head.contains("sec-websocket-extensions"), "{head}");
        raw.expect_hello();
        raw.send(text_message(r#"{"type":"authorize"}"#));
        assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
    }
}

/// Requests that are answered with an HTTP error: what is wrong, the request, the status, a header that must be there.
fn bad_requests() -> Vec<(&'static str, String, u16, &'static str)> {
    let good = upgrade_request("");
    let without = |name: &str| {
        let lines: Vec<&str> = good.split_inclusive("\r\n").filter(|line| !line.starts_with(name)).collect();
        lines.concat()
    };
    let many_headers: String = (0..65).map(|number| format!("X-{number}: y\r\n")).collect();
    vec![
        ("no HTTP", "HELLO\r\n\r\n".into(), 400, ""),
        ("TLS to a plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\u{7c}\x03\x03\r\n\r\n".into(), 400, ""),
        ("no version", good.replacen(" HTTP/1.1", "", 1), 400, ""),
        ("a header without colon", upgrade_request("nonsense\r\n"), 400, ""),
        ("a header name with a space", upgrade_request("X Y: z\r\n"), 400, ""),
        ("NUL in a header", upgrade_request("X: a\0b\r\n"), 400, ""),
        ("no host", without("Host"), 400, ""),
        ("no connection", without("Connection"), 400, ""),
        ("another connection", good.replace("Connection: Upgrade", "Connection: close"), 400, ""),
        ("no WebSocket version", without("Sec-WebSocket-Version"), 400, ""),
        ("no key", without("Sec-WebSocket-Key"), 400, ""),
        ("a short key", good.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400, ""),
        ("a key that is no base64", good.replace("dGhlIHNhbXBsZSBub25jZQ==", "!!!!IHNhbXBsZSBub25jZQ=="), 400, ""),
        ("two keys", upgrade_request("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400, ""),
        ("POST", good.replacen("GET", "POST", 1), 405, "allow: get"),
        ("HEAD", good.replacen("GET", "HEAD", 1), 405, "allow: get"),
        ("a plain GET", "GET / HTTP/1.1\r\nHost: relay\r\n\r\n".into(), 426, "upgrade: websocket"),
        ("another upgrade", good.replace("Upgrade: websocket", "Upgrade: h2c"), 426, "upgrade: websocket"),
        ("an old WebSocket version", good.replace("Version: 13", "Version: 8"), 426, "sec-websocket-version: 13"),
        ("a long header", upgrade_request(&format!("X: {}\r\n", "y".repeat(9000))), 431, ""),
        ("a long path", good.replacen("GET /", &format!("GET /{}", "y".repeat(9000)), 1), 431, ""),
        ("65 headers more", upgrade_request(&many_headers), 431, ""),
        ("HTTP/1.0", good.replacen("HTTP/1.1", "HTTP/1.0", 1), 505, ""),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 505, ""),
    ]
}

fn bad_requests_are_answered(daemon: Daemon) {
    for (what, request, status, header) in bad_requests() {
        println!("{what}");
        let mut raw = daemon.raw();
        raw.send_perhaps(&request);
        let answer = String::from_utf8(raw.read_to_end()).unwrap().to_ascii_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{what}: expected {status}, got {answer:?}");
        assert!(answer.contains("\r\n\r\n"), "{what}: {answer:?}");
        assert!(answer.contains("connection: close\r\n"), "{what}: {answer:?}");
        assert!(answer.contains(header), "{what}: expected {header:?} in {answer:?}");
    }
    daemon.client().subscribe("still here");
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
