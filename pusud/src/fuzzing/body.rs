//! The parts of requests that stay HTTP: bodies and the items in them, targets, credentials and media types.

use crate::http::{self, Body, BodyError, Framing, MediaType};
use crate::protocol::{self, AUTHORIZATION_BYTES_MAX, ItemsError, ItemsForm, Limits};
use serde_json::Value;

/// Longest content that is taken here: short, so that it is often exceeded.
const CONTENT_BYTES_MAX: usize = 64;

/// A body is the same whatever pieces it comes in, and as a plain reading of the same bytes has it; whoever sends one writes
/// the bytes as chunks, and gets them back. The items of a body are those that a plain JSON parser finds. The same bytes
/// are a target, credentials and a media type, which are understood in one way or not at all.
///
/// # Panics
/// Where that does not hold.
pub fn http_body(bytes: &[u8]) {
    chunks_are_read_in_any_pieces(bytes);
    is_sent_whole(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        items_are_what_was_meant(text);
        is_decoded_once(text);
    }
    if let Ok(authorization) = http::authorization(bytes) {
        assert!(authorization.len() <= AUTHORIZATION_BYTES_MAX);
    }
    let quoted_away = [b"text/html; a=\"", &*escaped(bytes), b"\", text/event-stream"].concat();
    assert!(http::accepts_event_stream(&quoted_away), "{}", bytes.escape_ascii());
    let with_charset = [bytes, b";charset=latin1"].concat();
    assert_eq!(MediaType::of(&with_charset), MediaType::Other, "{}", bytes.escape_ascii());
    http::accepts_event_stream(bytes);
}

/// The bytes so that they may stand in quotes.
fn escaped(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().filter(|byte| byte.is_ascii()).flat_map(|&byte| [b'\\', byte]).collect()
}

/// Receives a body, and says where it ends.
fn receive<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Option<(Vec<u8>, usize)>, BodyError> {
    let mut body = Body::new(Framing::Chunked, CONTENT_BYTES_MAX);
    let mut taken = 0;
    for piece in pieces {
        taken += body.advance(piece)?;
        assert!(body.content().len() <= taken.min(CONTENT_BYTES_MAX));
    }
    Ok(body.is_complete().then(|| (body.into_content(), taken)))
}

fn chunks_are_read_in_any_pieces(bytes: &[u8]) {
    let whole = receive([bytes].into_iter());
    for length in [1, 2, 7] {
        assert_eq!(receive(bytes.chunks(length)), whole, "in pieces of {length}");
    }
    let Ok(Some((content, taken))) = whole else { return };
    let (mut plain, mut rest) = (Vec::new(), &bytes[..taken]);
    loop {
        let (line, behind) = line(rest);
        let size = line.split(|&byte| byte == b';').next().expect("there is a first part");
        let size = std::str::from_utf8(size).expect("digits are text");
        let size = usize::from_str_radix(size, 16).expect("a size is a number");
        rest = behind;
        if size == 0 {
            break;
        }
        plain.extend_from_slice(&rest[..size]);
        rest = rest[size..].strip_prefix(b"\r\n").expect("a line end follows a chunk");
    }
    assert_eq!(plain, content);
    loop {
        let (trailer, behind) = line(rest);
        rest = behind;
        if trailer.is_empty() {
            break;
        }
        assert!(trailer.contains(&b':') && !trailer.starts_with(b" "));
    }
    assert_eq!(rest, b"", "the body ends with its last line");
}

/// The bytes up to the next line end, and those behind it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n").expect("lines have an end");
    (&bytes[..end], &bytes[end + 2..])
}

fn is_sent_whole(content: &[u8]) {
    let chunk = |piece: &[u8]| [format!("{:X}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
    let mut sent = content.chunks(5).map(chunk).collect::<Vec<_>>().concat();
    sent.extend_from_slice(b"0\r\n\r\n");
    let expected = if content.len() <= CONTENT_BYTES_MAX {
        Ok(Some((content.to_vec(), sent.len())))
    } else {
        Err(BodyError::TooLarge)
    };
    assert_eq!(receive(sent.chunks(3)), expected);
}

fn items_are_what_was_meant(text: &str) {
    let limits = Limits::default();
    let value = serde_json::from_str::<Value>(text);
    match protocol::parse_items(text, ItemsForm::Array, &limits) {
        Err(ItemsError::NotJson(_)) => assert!(value.is_err(), "{text}"),
        Err(ItemsError::NotAnArray) => assert!(!value.is_ok_and(|value| value.is_array()), "{text}"),
        Err(ItemsError::TooMany) => assert!(text.len() > 10_000),
        Ok(items) => {
            // The plain parser refuses what is nested deeply, and halves of characters.
            let Ok(value) = value else { return };
            let values = value.as_array().expect("it was read as an array");
            assert_eq!(items.len(), values.len());
            for (item, value) in items.iter().zip(values) {
                is_what_was_meant(item.as_ref().ok(), value);
            }
        }
    }
    if let Ok(items) = protocol::parse_items(text, ItemsForm::Lines, &limits) {
        let lines = text.split('\n').filter(|line| !line.trim().is_empty());
        assert_eq!(items.len(), lines.clone().count());
        for (item, line) in items.iter().zip(lines) {
            if let Ok(value) = serde_json::from_str::<Value>(line) {
                is_what_was_meant(item.as_ref().ok(), &value);
            }
        }
    }
    if let Ok(content) = protocol::parse_content(text, &limits) {
        assert_eq!(content, text.trim());
    }
}

fn is_what_was_meant(item: Option<&protocol::Item<'_>>, value: &Value) {
    let Some(item) = item else { return };
    assert_eq!(protocol::check_channel(&item.channel), Ok(()));
    assert_eq!(value["channel"], *item.channel);
    let content: Value = serde_json::from_str(item.content).expect("is part of what was JSON");
    assert_eq!(value["content"], content);
}

fn is_decoded_once(text: &str) {
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(http::percent_decode(&encoded, true).as_deref(), Some(text));
    let decoded = http::percent_decode(text, false);
    assert!(decoded.is_none_or(|decoded| decoded.len() + 2 * text.matches('%').count() == text.len()));
    if let Some((path, query)) = http::path_and_query(text) {
        assert!(path.starts_with('/') && !path.contains(['?', '#']), "{text}");
        let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        assert!(text.ends_with(&target) || target == "/", "{text} became {target}");
        assert_eq!(http::path_and_query(&target), Some((path, query)));
        assert_eq!(http::query_pairs(query.unwrap_or_default()).filter(Option::is_none).count() > 0, {
            let parts = query.unwrap_or_default().split(['&', '=']);
            parts.filter(|part| http::percent_decode(part, true).is_none()).count() > 0
        });
    }
}
