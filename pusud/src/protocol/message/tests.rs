use super::*;

fn parse(text: &str) -> Result<Request<'_>, Malformed> {
    super::parse(text, &Limits::default())
}

use proptest::prelude::*;
use serde_json::{Value, json};

fn publish<'a>(channel: &'a str, content: &'a str) -> Request<'a> {
    Request::Publish { channel: channel.into(), content }
}

fn subscribe<'a>(channel: &'a str, since: Since<'a>) -> Request<'a> {
    Request::Subscribe { channel: channel.into(), since }
}

fn position(text: &str) -> Since<'_> {
    Since::Position(text.into())
}

#[test]
fn known_messages() {
    for (text, expected) in [
        (r#"{"type":"authorize","authorization":"pw"}"#, Request::Authorize("pw".into())),
        (r#"{"type":"authorize"}"#, Request::Authorize("".into())),
        (r#"{"type":"authorize","channel":5}"#, Request::Authorize("".into())),
        (r#"{"type":"subscribe","channel":"a"}"#, subscribe("a", Since::Now)),
        (r#"{"channel":"a","type":"subscribe"}"#, subscribe("a", Since::Now)),
        (r#"{"type":"subscribe","channel":"\u0041\"\\"}"#, subscribe("A\"\\", Since::Now)),
        (r#"{"type":"subscribe","channel":"a","since":"x-y.1"}"#, subscribe("a", position("x-y.1"))),
        (r#"{"since":"\u0078","type":"subscribe","channel":"a"}"#, subscribe("a", position("x"))),
        (r#"{"type":"subscribe","channel":"a","last":0}"#, subscribe("a", Since::Last(0))),
        (r#"{"last":4294967295,"type":"subscribe","channel":"a"}"#, subscribe("a", Since::Last(u32::MAX))),
        (r#"{"type":"unsubscribe","channel":"a","last":-1,"since":[]}"#, Request::Unsubscribe("a".into())),
        (r#"{"type":"publish","channel":"a","content":1,"last":-1,"since":[]}"#, publish("a", "1")),
        (r#"{"type":"unsubscribe","channel":"a"}"#, Request::Unsubscribe("a".into())),
        (r#"{"t\u0079pe":"unsubscribe","channel":"a"}"#, Request::Unsubscribe("a".into())),
        (r#" {"type" : "publish", "channel":"a", "content": [1, 2] , "x":1,"x":2} "#, publish("a", "[1, 2]")),
        (r#"{"type":"publish","channel":"a","content":null}"#, publish("a", "null")),
        (r#"{"type":"publish","channel":"a","content":"\ud800"}"#, publish("a", r#""\ud800""#)),
        (r#"{"type":"publish","channel":"a","content":1e999}"#, publish("a", "1e999")),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn malformed_messages() {
    for (text, why) in [
        ("", "not a message"),
        ("{", "not a message"),
        ("[]", "not a message"),
        ("{} {}", "not a message"),
        ("{}", "field type is missing"),
        (r#"{"type":1}"#, "field type is not a string"),
        (r#"{"type":null}"#, "field type is not a string"),
        (r#"{"type":"hello"}"#, "unknown type"),
        (r#"{"type":"publish","type":"publish"}"#, "duplicate field"),
        (r#"{"type":"publish","channel":"a","content":1,"content":2}"#, "duplicate field"),
        (r#"{"type":"authorize","authorization":null}"#, "field authorization is not a string"),
        (r#"{"type":"subscribe"}"#, "field channel is missing"),
        (r#"{"type":"subscribe","channel":["a"]}"#, "field channel is not a string"),
        (r#"{"type":"subscribe","channel":""}"#, "empty"),
        (r#"{"type":"subscribe","channel":"\n"}"#, "control character"),
        (r#"{"type":"subscribe","channel":"\ud800"}"#, "escape that is no character"),
        (r#"{"type":"subscribe","channel":"a","since":1,"since":2}"#, "duplicate field"),
        (r#"{"type":"subscribe","channel":"a","since":"x","last":1}"#, "send since to go on from a position, or last"),
        (r#"{"type":"publish","channel":"a"}"#, "field content is missing"),
        (r#"{"type":"publish","channel":"a","content":}"#, "not a message"),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn whatever_is_no_position_is_an_empty_one() {
    let (longest, too_long) = ("x".repeat(POSITION_BYTES_MAX), "x".repeat(POSITION_BYTES_MAX + 1));
    let escaped = r"\u0078".repeat(POSITION_BYTES_MAX);
    for (json, text) in [
        (r#""""#.to_owned(), ""),
        ("null".to_owned(), ""),
        ("5".to_owned(), ""),
        (r#"{"a":["b"]}"#.to_owned(), ""),
        (r#""\ud800""#.to_owned(), ""),
        (r#""\n{\"}""#.to_owned(), "\n{\"}"),
        (format!(r#""{longest}""#), &longest),
        (format!(r#""{escaped}""#), &longest),
        (format!(r#""{too_long}""#), ""),
        (format!(r#""{escaped}\u0078""#), ""),
        (format!(r#""{}""#, "ä".repeat(POSITION_BYTES_MAX / 2 + 1)), ""),
        (format!(r#""{}""#, "x".repeat(100_000)), ""),
    ] {
        let message = format!(r#"{{"type":"subscribe","channel":"a","since":{json}}}"#);
        assert_eq!(parse(&message), Ok(subscribe("a", position(text))), "{message}");
    }
}

#[test]
fn whatever_is_no_whole_number_is_refused() {
    for last in
        ["-1", "-0", "1.0", "1e2", "4294967296", "99999999999999999999", "1e999", "\"1\"", "null", "true", "[1]", "{}"]
    {
        let message = format!(r#"{{"type":"subscribe","channel":"a","last":{last}}}"#);
        let error = parse(&message).expect_err(&message);
        assert!(error.reason.contains("not a whole number from 0 to 4294967295"), "{message}: {error}");
        assert_eq!((error.channel.as_deref(), error.limit), (Some("a"), None), "{message}");
    }
}

#[test]
fn limits_are_told_apart_from_other_mistakes() {
    let limits = Limits { max_channel_bytes: 5, max_json_depth: 3, ..Limits::default() };
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for (text, limit) in [
        (r#"{"type":"subscribe","channel":"abcde"}"#.to_owned(), None),
        (format!(r#"{{"type":"authorize","authorization":"{}"}}"#, "x".repeat(65536)), None),
        (format!(r#"{{"type":"authorize","authorization":"{}"}}"#, "x".repeat(65537)), Some(Refusal::MaxMessageBytes)),
        (r#"{"type":"subscribe","channel":"abcdef"}"#.to_owned(), Some(Refusal::MaxChannelBytes)),
        (r#"{"type":"subscribe","channel":"a\u0001"}"#.to_owned(), Some(Refusal::MaxChannelBytes)),
        (format!(r#"{{"type":"publish","channel":"a","content":{}}}"#, deep(3)), None),
        (format!(r#"{{"type":"publish","channel":"a","content":{}}}"#, deep(4)), Some(Refusal::MaxJsonDepth)),
        (format!(r#"{{"type":"subscribe","channel":"a","x":{}}}"#, deep(32)), None),
        (format!(r#"{{"type":"subscribe","channel":"a","x":{}}}"#, deep(33)), Some(Refusal::MaxJsonDepth)),
        (format!(r#"{{"type":"subscribe","channel":"a","authorization":{}}}"#, deep(33)), Some(Refusal::MaxJsonDepth)),
    ] {
        let found = super::parse(&text, &limits);
        assert_eq!(found.as_ref().err().and_then(|error| error.limit), limit, "{text}: {found:?}");
        assert_eq!(found.is_ok(), limit.is_none(), "{text}: {found:?}");
    }
    assert_eq!(parse(r#"{"type":"subscribe","channel":""}"#).unwrap_err().limit, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn any_text_is_refused(text in "[^{]\\PC{0,80}") {
        prop_assume!(!text.trim_start().starts_with('{'));
        prop_assert!(parse(&text).is_err(), "{text}");
    }

    #[test]
    fn nearly_messages_are_read_or_refused(text in r#"\{("(type|channel|content|since|last)":("(publish|subscribe|[a\\]{0,3})"|[0-9\[\]{},.]{0,4}),?){0,4}\}"#) {
        if let Ok(Request::Subscribe { channel: name, .. } | Request::Publish { channel: name, .. }) = parse(&text) {
            prop_assert_eq!(channel::check_channel(&name), Ok(()));
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn publications_read_back(channel in "[^\\p{Cc}]{1,40}", content in "\\PC{0,60}", key in "[a-z]{1,12}") {
        let content = json!({ key: content });
        let text = json!({"type": "publish", "channel": channel, "content": content}).to_string();
        match parse(&text) {
            Ok(Request::Publish { channel: found, content: raw }) => {
                prop_assert_eq!(&*found, channel.as_str());
                prop_assert_eq!(serde_json::from_str::<Value>(raw).expect("JSON"), content);
            }
            other => prop_assert!(false, "{text} became {other:?}"),
        }
    }

    #[test]
    fn subscriptions_read_back(
        channel in "[^\\p{Cc}]{1,40}",
        since in prop_oneof!["[A-Za-z0-9_.*-]{0,60}", "\\PC{0,60}", "\\PC{400,600}"],
        last in any::<u32>(),
    ) {
        let text = json!({"type": "subscribe", "channel": channel, "since": since}).to_string();
        let position = if since.len() > POSITION_BYTES_MAX { "" } else { &since };
        let expected = Request::Subscribe { channel: channel.as_str().into(), since: Since::Position(position.into()) };
        prop_assert_eq!(parse(&text), Ok(expected));
        let text = json!({"type": "subscribe", "channel": channel, "last": last}).to_string();
        prop_assert_eq!(parse(&text), Ok(Request::Subscribe { channel: channel.as_str().into(), since: Since::Last(last) }));
    }
}
