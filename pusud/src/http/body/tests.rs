use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// The content and how many bytes the body took, if all of it has come.
type Received = Result<Option<(Vec<u8>, usize)>, BodyError>;

/// Receives the bytes in pieces of these lengths, and the rest at once.
fn receive(framing: Framing, bytes_max: usize, bytes: &[u8], pieces: &[usize]) -> Received {
    let mut body = Body::new(framing, bytes_max);
    let (mut taken, mut rest) = (0, bytes);
    for length in pieces.iter().copied().chain([usize::MAX]) {
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        let of_piece = body.advance(piece)?;
        taken += of_piece;
        assert!(of_piece == piece.len() || body.is_complete(), "bytes of the body were left");
        rest = behind;
    }
    Ok(body.is_complete().then(|| (body.into_content(), taken)))
}

fn chunked(bytes: &[u8]) -> Received {
    let whole = receive(Framing::Chunked, 100, bytes, &[]);
    assert_eq!(receive(Framing::Chunked, 100, bytes, &vec![1; bytes.len()]), whole, "byte by byte");
    whole
}

#[test]
fn a_body_with_a_length() {
    for (length, bytes, expected) in [
        (0, "next", Some(("", 0))),
        (3, "abc", Some(("abc", 3))),
        (3, "abcd", Some(("abc", 3))),
        (3, "ab", None),
        (5, "abcdef", Some(("abcde", 5))),
    ] {
        let expected = expected.map(|(content, taken)| (content.as_bytes().to_vec(), taken));
        assert_eq!(receive(Framing::Length(length), 5, bytes.as_bytes(), &[]), Ok(expected), "{length} of {bytes}");
    }
    for length in [6, u64::from(u32::MAX) + 1, u64::MAX] {
        let mut body = Body::new(Framing::Length(length), 5);
        assert!(!body.is_complete());
        assert_eq!(body.advance(b""), Err(BodyError::TooLarge), "before any of it comes");
        assert_eq!(body.advance(b"abc"), Err(BodyError::TooLarge));
    }
    assert!(Body::new(Framing::Length(0), 0).is_complete());
}

#[test]
fn chunks() {
    for (bytes, content) in [
        ("0\r\n\r\n", ""),
        ("3\r\nabc\r\n0\r\n\r\n", "abc"),
        ("3\r\nabc\r\n00000002\r\n\r\n\r\n00\r\n\r\n", "abc\r\n"),
        ("a\r\n0123456789\r\n0A\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        ("1;a=b;c=\"d e\"\r\nx\r\n0; \t~\r\n\r\n", "x"),
        ("1\r\nx\r\n0\r\nA:\r\nB-c!: d\t\u{e4}e \r\n\r\n", "x"),
    ] {
        assert_eq!(chunked(bytes.as_bytes()), Ok(Some((content.as_bytes().to_vec(), bytes.len()))), "{bytes:?}");
        let followed = [bytes, "GET / HTTP/1.1\r\n"].concat();
        assert_eq!(chunked(followed.as_bytes()), Ok(Some((content.as_bytes().to_vec(), bytes.len()))), "{followed:?}");
        for cut in 0..bytes.len() {
            assert_eq!(chunked(&bytes.as_bytes()[..cut]), Ok(None), "{bytes:?} cut at {cut}");
        }
    }
}

#[test]
fn malformed_chunks() {
    for bytes in [
        "\r\n",
        "\n",
        ";a\r\n",
        "+1\r\n",
        "-1\r\n",
        "0x1\r\n",
        " 1\r\n",
        "1 \r\n",
        "1 ;a\r\n",
        "1\n",
        "1\rx",
        "1\r\r\n",
        "g\r\n",
        "1_0\r\n",
        "000000001\r\n",
        "1;a\n",
        "1;a\0",
        "1;\u{e4}\r\n",
        "1;\x7f\r\n",
        "1\r\nxy",
        "1\r\nx\n",
        "1\r\nx\rx",
        "1\r\nx0\r\n",
        "0\r\n\n",
        "0\r\n\rx",
        "0\r\n A: b\r\n",
        "0\r\nA: b\r\n c\r\n",
        "0\r\n\tA: b\r\n",
        "0\r\n: b\r\n",
        "0\r\nA\r\n",
        "0\r\nA : b\r\n",
        "0\r\nA: b\n",
        "0\r\nA: b\rc",
        "0\r\nA: \0",
        "0\r\nA: \x7f",
    ] {
        assert_eq!(chunked(bytes.as_bytes()), Err(BodyError::Malformed), "{bytes:?}");
    }
}

#[test]
fn lines_and_trailers_are_bounded() {
    let line = |length: usize| format!("0;{}\r\n\r\n", "x".repeat(length - 2));
    assert!(chunked(line(256).as_bytes()).is_ok_and(|body| body.is_some()));
    assert_eq!(chunked(line(257).as_bytes()), Err(BodyError::Malformed));

    let trailers = |length: usize| format!("0\r\n{}A: {}\r\n\r\n", "B:c\r\n".repeat(10), "x".repeat(length - 55));
    assert!(chunked(trailers(4096).as_bytes()).is_ok_and(|body| body.is_some()));
    assert_eq!(chunked(trailers(4097).as_bytes()), Err(BodyError::Malformed));
    let endless = format!("0\r\n{}", "a:\r\n".repeat(1025));
    assert_eq!(chunked(endless.as_bytes()), Err(BodyError::Malformed));
}

#[test]
fn a_content_that_is_too_long_is_refused_at_the_size() {
    assert_eq!(chunked(b"64\r\n"), Ok(None));
    assert_eq!(chunked(b"65"), Ok(None), "a digit may follow");
    for bytes in ["65\r", "65;", "ffffffff\r", "63\r\n", "1\r\nx\r\n64\r"] {
        let bytes = bytes.replace("63\r\n", &format!("63\r\n{}\r\n2\r", "x".repeat(99)));
        assert_eq!(chunked(bytes.as_bytes()), Err(BodyError::TooLarge), "{bytes:?}");
    }
    let mut body = Body::new(Framing::Chunked, 0);
    assert_eq!(body.advance(b"1\r\nx"), Err(BodyError::TooLarge));
    assert_eq!(body.advance(b"0\r\n\r\n"), Err(BodyError::TooLarge), "a failure stays");
    assert!(!body.is_complete() && body.content().is_empty());
    assert_eq!(receive(Framing::Chunked, 0, b"0\r\n\r\n", &[]), Ok(Some((Vec::new(), 5))));
}

#[test]
fn what_is_announced_takes_no_memory() {
    for (framing, bytes) in [(Framing::Chunked, &b"ffffffff\r\nx"[..]), (Framing::Length(1 << 32), b"x")] {
        let mut body = Body::new(framing, usize::MAX);
        assert_eq!(body.advance(bytes), Ok(bytes.len()));
        assert_eq!(body.content(), b"x");
        assert!(body.content.capacity() < 64);
    }
}

/// Good chunks, some of them with a part that is not.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let chunk = vec(any::<u8>(), 1..20).prop_map(|content| chunk(&content, ""));
    let part = prop_oneof![
        8 => chunk,
        2 => Just(b"0\r\n\r\n".to_vec()),
        1 => "[0-9a-f]{1,2}(;[ -~]{0,9})?\r\n".prop_map(String::into_bytes),
        1 => "0\r\n([A-C]: ?[a-c]{0,3}\r\n){0,2}(\r\n)?".prop_map(String::into_bytes),
        1 => "[\r\n0-2a:; ]{1,5}".prop_map(String::into_bytes),
    ];
    vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn chunk(content: &[u8], extensions: &str) -> Vec<u8> {
    [format!("{:x}{extensions}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn pieces_make_no_difference(bytes in bytes(), pieces in vec(0..9usize, 0..40), length in 0..60u64) {
        for framing in [Framing::Chunked, Framing::Length(length)] {
            let whole = receive(framing, 50, &bytes, &[]);
            prop_assert_eq!(receive(framing, 50, &bytes, &pieces), whole, "{:?}", framing);
        }
    }

    #[test]
    fn content_is_what_was_sent(
        contents in vec(vec(any::<u8>(), 1..40), 0..6),
        extensions in "(;[!-~]{0,9}){0,2}",
        trailers in "([A-Z]{1,9}:[ -~]{0,20}\r\n){0,3}",
        behind in vec(any::<u8>(), 0..9),
    ) {
        let chunks = contents.iter().map(|content| chunk(content, &extensions)).collect::<Vec<_>>().concat();
        let body = [&chunks, format!("0\r\n{trailers}\r\n").as_bytes()].concat();
        let found = receive(Framing::Chunked, 1000, &[&body[..], &behind].concat(), &[]);
        prop_assert_eq!(found, Ok(Some((contents.concat(), body.len()))));
    }
}
