use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<Request, HttpError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let len = request.parse(text.as_bytes()).expect("well-formed").unwrap();
    Request::read(&request, &text.as_bytes()[..len], &HeaderNames::default())
}

fn with(first_line: &str, lines: &[&str]) -> Result<Request, HttpError> {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    read(&format!("{first_line}\r\nHost: relay\r\n{lines}\r\n"))
}

#[test]
fn a_head_is_read() {
    let request = with(
        "POST /publish/a%20b?c=d HTTP/1.1",
        &[
            "authorization: Bearer x",
            "Content-Type: text/plain",
            "CONTENT-LENGTH: 5",
            "Cookie: a=1",
            "cookie: b=2",
            "Origin: https://shop.example",
            "Idempotency-Key: k",
            "Expect: 100-Continue",
            "Accept: text/*",
            "Accept: */*;q=0.1",
            "Upgrade: h2c",
        ],
    )
    .expect("a request");
    assert_eq!((request.method, request.path()), (Method::Post, "/publish/a%20b"));
    assert_eq!(request.query(), "c=d");
    assert_eq!(request.framing, Some(Framing::Length(5)));
    assert_eq!(request.expectation, Expectation::Continue);
    assert_eq!(request.authorization(), Some(&b"Bearer x"[..]));
    assert_eq!(request.cookie(), Some(&b"a=1; b=2"[..]));
    assert_eq!(request.content_type(), Some(&b"text/plain"[..]));
    assert_eq!(request.origin(), Some("https://shop.example"));
    assert_eq!(request.idempotency_key(), Some(&b"k"[..]));
    assert_eq!(request.accept(), Some(&b"text/*, */*;q=0.1"[..]));
    assert!(request.keeps_alive && request.offers_upgrade && !request.is_encoded);
    let text = format!("{request:?}");
    assert!(!text.contains("Bearer") && !text.contains("c=d") && !text.contains("a=1"), "secrets are shown: {text}");
}

#[test]
fn a_connection_is_kept_unless_one_of_both_wants_its_end() {
    assert!(with("GET / HTTP/1.1", &[]).expect("good").keeps_alive);
    assert!(!with("GET / HTTP/1.1", &["Connection: keep-alive, Close"]).expect("good").keeps_alive);
    assert!(!with("GET / HTTP/1.0", &["Connection: keep-alive"]).expect("good").keeps_alive);
}

/// Whatever another reader could take for another end of the body.
#[test]
fn a_body_has_one_end_or_the_request_is_refused() {
    let lines: &[(&[&str], Option<Option<Framing>>)] = &[
        (&[], Some(None)),
        (&["Content-Length: 0"], Some(Some(Framing::Length(0)))),
        (&["Content-Length: 00012"], Some(Some(Framing::Length(12)))),
        (&["Transfer-Encoding: Chunked"], Some(Some(Framing::Chunked))),
        (&["Content-Length: 5", "Transfer-Encoding: chunked"], None),
        (&["Transfer-Encoding: chunked", "Content-Length: 5"], None),
        (&["Content-Length: 5", "Content-Length: 5"], None),
        (&["Content-Length: 5", "content-length: 6"], None),
        (&["Content-Length: 5, 5"], None),
        (&["Content-Length: +5"], None),
        (&["Content-Length: -1"], None),
        (&["Content-Length: 0x5"], None),
        (&["Content-Length: 5 6"], None),
        (&["Content-Length:"], None),
        (&["Content-Length: 18446744073709551616"], None),
        (&["Transfer-Encoding: gzip, chunked"], None),
        (&["Transfer-Encoding: chunked, identity"], None),
        (&["Transfer-Encoding: identity"], None),
        (&["Transfer-Encoding: xchunked"], None),
        (&["Transfer-Encoding:"], None),
        (&["Transfer-Encoding: \"chunked\""], None),
        (&["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], None),
        (&["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], None),
    ];
    for (lines, expected) in lines {
        let found = with("POST /publish/a HTTP/1.1", lines);
        assert_eq!(found.map(|request| request.framing).ok(), *expected, "{lines:?}");
    }
    assert!(with("POST /publish/a HTTP/1.0", &["Transfer-Encoding: chunked"]).is_err());
}

#[test]
fn headers_that_decide_something_are_there_once() {
    for twice in
        ["Host: relay", "Authorization: Bearer x", "Content-Type: text/plain", "Origin: null", "Idempotency-Key: k"]
    {
        let lines = if twice.starts_with("Host") { vec![twice] } else { vec![twice, twice] };
        assert!(with("POST /publish/a HTTP/1.1", &lines).is_err(), "{twice}");
    }
    assert!(read("GET / HTTP/1.1\r\n\r\n").is_err(), "HTTP/1.1 wants a Host");
    assert!(read("GET / HTTP/1.0\r\n\r\n").is_ok());
    assert!(read("GET / HTTP/1.1\r\nHost:\r\n\r\n").is_err());
}

#[test]
fn expectations() {
    for (lines, version, expected) in [
        (&[][..], "1.1", Expectation::None),
        (&["Expect: 100-continue"], "1.1", Expectation::Continue),
        (&["Expect: 100-continue"], "1.0", Expectation::None),
        (&["Expect: tea"], "1.1", Expectation::Unknown),
        (&["Expect: 100-continue", "Expect: 100-continue"], "1.1", Expectation::Unknown),
    ] {
        let request = with(&format!("POST /a HTTP/{version}"), lines).expect("good");
        assert_eq!(request.expectation, expected, "{lines:?} {version}");
    }
}

#[test]
fn targets_that_are_no_path_are_refused() {
    for (target, path) in [
        ("/publish/a", Some("/publish/a")),
        ("http://relay:55000/publish/a?b", Some("/publish/a")),
        ("ftp://relay/publish/a", None),
        ("*", None),
        ("relay:443", None),
        ("/publish/a#b", None),
    ] {
        let found = with(&format!("POST {target} HTTP/1.1"), &[]).ok().map(|request| request.path().to_owned());
        assert_eq!(found.as_deref(), path, "{target}");
    }
}

/// More than any head here has.
const BYTES_MAX: usize = 8192;

#[test]
fn a_head_is_repeated_by_the_same_bytes_but_for_the_length() {
    let head = |length: &str| format!("POST /a HTTP/1.1\r\nHost: relay\r\nContent-Length: {length}\r\nX: y\r\n\r\n");
    let mut first = read(&head("5")).expect("good");
    for length in ["5", "7", "12345", "0", "007"] {
        let text = head(length);
        assert!(first.repeats_in(format!("{text}body").as_bytes(), BYTES_MAX), "{length}");
        let alone = read(&text).expect("good");
        assert_eq!((first.framing, first.head_len()), (alone.framing, alone.head_len()), "{length}");
        assert_eq!((first.path(), first.method), ("/a", Method::Post));
    }
    for other in [
        "",
        "+5",
        " 5",
        "5 ",
        "5, 5",
        "12345678901",
        "0x5",
        "5\r\nContent-Length: 6",
        "5\r\nTransfer-Encoding: chunked",
    ] {
        assert!(!first.repeats_in(head(other).as_bytes(), BYTES_MAX), "{other:?}");
    }
    let text = head("5");
    assert!((0..text.len()).all(|len| !first.repeats_in(&text.as_bytes()[..len], BYTES_MAX)), "a part is none");
    assert!(!first.repeats_in(text.replace("X: y", "X: z").as_bytes(), BYTES_MAX));
    assert!(first.repeats_in(text.as_bytes(), text.len()) && !first.repeats_in(text.as_bytes(), text.len() - 1));
    let mut chunked = with("POST /a HTTP/1.1", &["Transfer-Encoding: chunked"]).expect("good");
    let again = b"POST /a HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(!chunked.repeats_in(again, BYTES_MAX));
}

#[test]
fn a_head_is_repeated_by_one_with_another_path() {
    let head = |line: &str| format!("{line}\r\nHost: relay\r\nContent-Length: 5\r\nAuthorization: Bearer x\r\n\r\n");
    let mut request = read(&head("POST /publish/a HTTP/1.1")).expect("good");
    for path in
        ["/publish/b", "/publish/longer.name", "/", "//", "/publish/a%20b", "/publish/(a)+b;c=d,e@f:g", "/publish/c"]
    {
        let text = head(&format!("POST {path} HTTP/1.1"));
        assert!(request.repeats_in(text.as_bytes(), BYTES_MAX), "{path}");
        assert_eq!((request.path(), request.head_len()), (path, text.len()));
        assert_eq!((request.authorization(), request.framing), (Some(&b"Bearer x"[..]), Some(Framing::Length(5))));
        assert!((0..text.len()).all(|len| !request.repeats_in(&text.as_bytes()[..len], BYTES_MAX)), "a part is none");
        assert!(!request.repeats_in(text.as_bytes(), text.len() - 1), "too long");
    }
    for other in [
        "GET /publish/b HTTP/1.1",
        "POST  /publish/b HTTP/1.1",
        "POST /publish/b  HTTP/1.1",
        "POST /publish/b HTTP/1.0",
        "POST /publish/b?c HTTP/1.1",
        "POST /publish/b#c HTTP/1.1",
        "POST /publish/\u{e4} HTTP/1.1",
        "POST publish/b HTTP/1.1",
        "POST http://relay/publish/b HTTP/1.1",
        "POST  HTTP/1.1",
        "POST /publish/b\tHTTP/1.1",
        "POST /publish/b",
    ] {
        assert!(!request.repeats_in(head(other).as_bytes(), BYTES_MAX), "{other}");
    }
    for whole in ["POST /publish/a?b HTTP/1.1", "POST http://relay HTTP/1.1"] {
        let mut request = read(&head(whole)).expect("good");
        assert!(request.repeats_in(head(whole).as_bytes(), BYTES_MAX), "{whole}");
        assert!(!request.repeats_in(head("POST /publish/b HTTP/1.1").as_bytes(), BYTES_MAX), "{whole}");
    }
}

proptest! {
    /// A head that counts as a repetition means the same as where it is read by itself.
    #[test]
    fn a_repetition_means_what_it_says(target in "/?[ -~]{0,12}", length in "[0-9]{0,3}[ -~]?") {
        let head = |target: &str, length: &str| {
            format!("POST {target} HTTP/1.1\r\nHost: relay\r\nContent-Length: {length}\r\nOrigin: o\r\n\r\n")
        };
        let mut request = read(&head("/publish/a", "5")).expect("good");
        let text = head(&target, &length);
        if request.repeats_in(text.as_bytes(), BYTES_MAX) {
            let alone = read(&text).expect("it is good by itself");
            prop_assert_eq!((request.path(), request.query()), (alone.path(), alone.query()));
            prop_assert_eq!((request.framing, request.head_len()), (alone.framing, alone.head_len()));
            prop_assert_eq!(request.origin(), alone.origin());
        }
    }
}
