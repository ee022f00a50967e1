use super::*;
use crate::client::facts::attributes;

const HEAD_BYTES_MAX: usize = 8 * 1024;

const GOOD: &[(&str, &str)] = &[
    ("Host", "relay"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

fn request(first_line: &str, headers: &[(&str, &str)]) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{first_line}\r\n{lines}\r\n")
}

/// The good request with one header replaced, or taken out where `value` is `None`.
fn with(name: &str, value: Option<&str>) -> String {
    let mut headers: Vec<_> = GOOD.iter().copied().filter(|(other, _)| *other != name).collect();
    headers.extend(value.map(|value| (name, value)));
    request("GET / HTTP/1.1", &headers)
}

fn status(request: &str) -> u16 {
    match advance(request.as_bytes(), HEAD_BYTES_MAX, None, &HeaderNames::default()) {
        Progress::Partial => 0,
        Progress::Accept(_) => 101,
        // Whoever routes it says which.
        Progress::Request(..) => 200,
        Progress::Refuse(response, _) => {
            let text = String::from_utf8(response).expect("text");
            let body_len = text.split("\r\n\r\n").nth(1).expect("a body").len();
            assert!(text.contains(&format!("Content-Length: {body_len}\r\n")), "{text}");
            text[9..12].parse().expect("a status")
        }
    }
}

#[test]
fn the_sample_of_the_rfc() {
    let mut bytes = request("GET /chat?a=b HTTP/1.1", GOOD).into_bytes();
    let request_len = bytes.len();
    bytes.extend_from_slice(b"\x81\x80frames");
    let Progress::Accept(upgrade) = advance(&bytes, HEAD_BYTES_MAX, None, &HeaderNames::default()) else {
        panic!("accepted")
    };
    assert_eq!(upgrade.request_len, request_len);
    let attributes = attributes(upgrade.facts.as_deref());
    assert_eq!(attributes, [("http.path".to_owned(), "/chat?a=b".to_owned().into())]);
    let response = String::from_utf8(upgrade.response).expect("text");
    assert!(response.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{response}");
}

#[test]
fn facts_become_attributes() {
    let Progress::Accept(plain) =
        advance(request("GET / HTTP/1.1", GOOD).as_bytes(), HEAD_BYTES_MAX, None, &HeaderNames::default())
    else {
        panic!("accepted")
    };
    assert_eq!(plain.facts, None);
    assert_eq!(attributes(None), [("http.path".to_owned(), "/".to_owned().into())]);
    let Progress::Accept(page) =
        advance(with("Origin", Some("https://example.com")).as_bytes(), HEAD_BYTES_MAX, None, &HeaderNames::default())
    else {
        panic!("accepted")
    };
    let origin = ("http.origin".to_owned(), "https://example.com".to_owned().into());
    assert_eq!(attributes(page.facts.as_deref()), [("http.path".to_owned(), "/".to_owned().into()), origin]);
}

#[test]
fn headers_are_facts_where_they_are_asked_for() {
    let names = HeaderNames::parse(["x-tenant", "cookie"]).expect("good names");
    let seen = |name, value| match advance(with(name, Some(value)).as_bytes(), HEAD_BYTES_MAX, None, &names) {
        Progress::Accept(upgrade) => attributes(upgrade.facts.as_deref())[1..].to_vec(),
        other => panic!("{other:?}"),
    };
    assert_eq!(seen("X-Tenant", "a"), [("http.header.x-tenant".to_owned(), "a".to_owned().into())]);
    assert_eq!(seen("Cookie", "a=1"), [("http.header.cookie".to_owned(), "a=1".to_owned().into())]);
    assert_eq!(seen("X-Other", "a"), []);
    let long = with("Cookie", Some(&"x".repeat(HEAD_BYTES_MAX + 1)));
    let refused = advance(long.as_bytes(), 2 * HEAD_BYTES_MAX, None, &names);
    assert!(
        matches!(&refused, Progress::Refuse(response, Some(Refusal::MaxHeaderBytes)) if response.starts_with(b"HTTP/1.1 431 "))
    );
}

#[test]
fn every_prefix_is_partial() {
    let whole = request("GET / HTTP/1.1", GOOD);
    for len in 0..whole.len() {
        assert_eq!(
            advance(&whole.as_bytes()[..len], HEAD_BYTES_MAX, None, &HeaderNames::default()),
            Progress::Partial,
            "{len}"
        );
    }
}

#[test]
fn one_of_the_offered_subprotocols_is_chosen() {
    for (offered, chosen) in [
        (None, None),
        (Some("pusu"), Some("pusu")),
        (Some("chat,pusu"), Some("pusu")),
        (Some("http-only"), Some("http-only")),
        (Some(" , b, a"), Some("b")),
        (Some("PUSU, a"), Some("PUSU")),
        (Some("a b, c/d, \"e\", \u{e4}, f"), Some("f")),
        (Some("a b"), None),
        (Some(""), None),
    ] {
        let Progress::Accept(upgrade) =
            advance(with("Sec-WebSocket-Protocol", offered).as_bytes(), HEAD_BYTES_MAX, None, &HeaderNames::default())
        else {
            panic!("{offered:?} is accepted")
        };
        let response = String::from_utf8(upgrade.response).expect("text");
        let found = response.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        assert_eq!(found, chosen, "{offered:?}: {response}");
        assert!(response.ends_with("\r\n\r\n"), "{response}");
    }
}

#[test]
fn accepted_variants() {
    for good in [
        with("Connection", Some("keep-alive, upgrade")),
        with("Upgrade", Some("WebSocket")),
        with("Sec-WebSocket-Protocol", Some("http-only")),
        with("Sec-WebSocket-Extensions", Some("permessage-deflate; client_max_window_bits")),
        with("Origin", Some("https://example.com")),
    ] {
        assert_eq!(status(&good), 101, "{good}");
    }
}

#[test]
fn refused_requests() {
    let many: Vec<(&str, &str)> = GOOD.iter().copied().chain(std::iter::repeat_n(("X", "y"), 60)).collect();
    let twice = |name| {
        let value = GOOD.iter().find(|(other, _)| *other == name).expect("a known header").1;
        with("Host", Some("relay")).replacen("\r\n", &format!("\r\n{name}: {value}\r\n"), 1)
    };
    for (bad, expected) in [
        (request("POST / HTTP/1.1", GOOD), 405),
        (request("GET / HTTP/1.0", GOOD), 505),
        (request("GET / HTTP/2.0", GOOD), 505),
        (request("GET / HTTP/1.1", &[("Host", "relay")]), 200),
        (request("POST / HTTP/1.0", &[]), 200),
        (request("GET / HTTP/1.1", &[("Host", "relay"), ("Upgrade", "h2c")]), 200),
        (request("GET / HTTP/1.1", &[("Host", "relay"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]), 426),
        (with("Upgrade", None), 426),
        (with("Upgrade", Some("h2c")), 426),
        (with("Connection", None), 400),
        (with("Connection", Some("close")), 400),
        (with("Host", None), 400),
        (twice("Host"), 400),
        (with("Sec-WebSocket-Version", Some("8")), 426),
        (with("Sec-WebSocket-Version", None), 400),
        (with("Sec-WebSocket-Key", None), 400),
        (twice("Sec-WebSocket-Key"), 400),
        (with("Sec-WebSocket-Key", Some("c2hvcnQ=")), 400),
        (with("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZR==")), 400),
        (with("X", Some("a\0b")), 400),
        (with("X", Some(&"y".repeat(HEAD_BYTES_MAX))), 431),
        (request("GET / HTTP/1.1", &many), 431),
        (request("GET / HTTP/1.1", GOOD).replace("\r\n", "\n"), 400),
        (with("Content-Length", Some("5")), 400),
        (with("Transfer-Encoding", Some("chunked")), 400),
        (request("GET * HTTP/1.1", GOOD), 400),
        (request("GET /#a HTTP/1.1", GOOD), 400),
        ("\x16\x03\x01\x02\x00\x01\x00".to_string(), 400),
    ] {
        assert_eq!(status(&bad), expected, "{bad}");
    }
}
