//! Messages of clients, and the publications made of them, against a second reading of the same text.

use crate::frames;
use crate::protocol::{self, Limits, POSITION_BYTES_MAX, Request, Since};
use serde_json::Value;

/// Whatever text comes is understood as a plain JSON parser understands it, or refused, and a publication of it is one
/// frame with the same content.
///
/// # Panics
/// Where that does not hold.
pub fn client_message(bytes: &[u8]) {
    let limits = Limits::default();
    let parsed = protocol::parse_binary(bytes, &limits);
    if let Ok(Request::Publish { channel, content }) = &parsed {
        is_published_whole(channel, content);
    }
    if let Ok(Request::Subscribe { channel, .. } | Request::Unsubscribe(channel) | Request::Publish { channel, .. }) =
        &parsed
    {
        assert_eq!(protocol::check_channel(channel), Ok(()));
    }
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    if let Ok(request) = &parsed {
        assert!(is_what_was_meant(request, &value), "{value} became {request:?}");
    }
    // Written anew it holds no field twice, so that only its meaning decides. Numbers may change their last digit by
    // being written, so it is the text that is read again.
    let text = value.to_string();
    let value: Value = serde_json::from_str(&text).expect("it was written by the same parser");
    match protocol::parse(&text, &limits) {
        Ok(request) => assert!(is_what_was_meant(&request, &value), "{value} became {request:?}"),
        Err(error) => assert!(error.limit.is_some() || !is_good(&value), "{value}: {error}"),
    }
}

fn is_what_was_meant(request: &Request<'_>, value: &Value) -> bool {
    let kind = match request {
        Request::Authorize(given) => {
            return value["type"] == "authorize" && value.get("authorization").map_or("", text_of) == *given;
        }
        Request::Subscribe { channel, since } if value["channel"] == **channel => {
            assert!(is_since_when(since, value), "{value} became {since:?}");
            "subscribe"
        }
        Request::Unsubscribe(channel) if value["channel"] == **channel => "unsubscribe",
        Request::Publish { channel, content } if value["channel"] == **channel => {
            let content: Value = serde_json::from_str(content).expect("is part of what was JSON");
            assert_eq!(value["content"], content);
            "publish"
        }
        _ => return false,
    };
    value["type"] == kind
}

fn is_since_when(since: &Since<'_>, value: &Value) -> bool {
    match (since, value.get("since"), value.get("last")) {
        (Since::Now, None, None) => true,
        (Since::Position(position), Some(given), None) => {
            *position == given.as_str().filter(|text| text.len() <= POSITION_BYTES_MAX).unwrap_or_default()
        }
        (Since::Last(count), None, Some(given)) => *given == *count,
        _ => false,
    }
}

/// Whether a subscription may say this about when it begins.
fn has_good_since(value: &Value) -> bool {
    match value.get("last") {
        None => true,
        Some(last) => value.get("since").is_none() && last.as_u64().is_some_and(|count| u32::try_from(count).is_ok()),
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().expect("an authorization is text")
}

/// Whether docs/protocol/client.md lets a client send this, as far as one object can tell.
fn is_good(value: &Value) -> bool {
    let has_channel = || value["channel"].as_str().is_some_and(|name| protocol::check_channel(name).is_ok());
    match value["type"].as_str() {
        Some("authorize") => value.get("authorization").is_none_or(Value::is_string),
        Some("subscribe") => has_channel() && has_good_since(value),
        Some("unsubscribe") => has_channel(),
        Some("publish") => has_channel() && value.get("content").is_some(),
        _ => false,
    }
}

fn is_published_whole(channel: &str, content: &str) {
    let mut out = Vec::new();
    frames::push_publish(&mut out, channel, content);
    let plain = out.len();
    frames::push_publish_at(&mut out, channel, "TTTT-ORIGIN.1", content);
    is_one_frame(&out[..plain], channel, content, None);
    is_one_frame(&out[plain..], channel, content, Some("TTTT-ORIGIN.1"));
    let content = content.as_bytes();
    assert!(frames::publications(channel, &out).eq([(None, content), (Some("TTTT-ORIGIN.1"), content)]));
    let mark = frames::Mark::of(Some(channel));
    assert!(mark.is_on(&out) && mark.is_on(&out[plain..]));
}

fn is_one_frame(frame: &[u8], channel: &str, content: &str, position: Option<&str>) {
    let header_len = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let text = std::str::from_utf8(&frame[header_len..]).expect("what was text stays text");
    assert!(text.ends_with(&format!(r#","content":{content}}}"#)), "{text}");
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        assert_eq!((&value["type"], &value["channel"]), (&Value::from("publish"), &Value::from(channel)));
        assert_eq!(value.get("position").and_then(Value::as_str), position);
        let fields = 3 + usize::from(position.is_some());
        assert_eq!(value.as_object().map(serde_json::Map::len), Some(fields), "{text}");
    }
}
