//! Media types: of a body (`Content-Type`), and those that a client takes (`Accept`), by RFC 9110, sections 8.3.1 and 12.5.1.

use super::token::is_token;
use std::borrow::Cow;

/// The kinds of content that the relay tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`, or another type that is written in JSON (`application/…+json`).
    Json,
    /// A JSON value on each line: `application/x-ndjson` or `application/jsonl`.
    NdJson,
    /// `text/plain`.
    Text,
    /// Anything else: another charset than UTF-8 too, and what is not well-formed.
    Other,
}

impl MediaType {
    /// The kind that the value of a header `Content-Type` names.
    pub fn of(content_type: &[u8]) -> Self {
        let Some(typed) = std::str::from_utf8(content_type).ok().and_then(Typed::parse) else {
            return Self::Other;
        };
        let is_utf8 = |value: &str| ["utf-8", "us-ascii"].iter().any(|charset| value.eq_ignore_ascii_case(charset));
        if typed.parameters.iter().any(|(name, value)| name.eq_ignore_ascii_case("charset") && !is_utf8(value)) {
            return Self::Other;
        }
        match (&*typed.kind.to_ascii_lowercase(), &*typed.subtype.to_ascii_lowercase()) {
            ("application", "json") => Self::Json,
            ("application", subtype) if subtype.len() > 5 && subtype.ends_with("+json") => Self::Json,
            ("application", "x-ndjson" | "jsonl") => Self::NdJson,
            ("text", "plain") => Self::Text,
            _ => Self::Other,
        }
    }
}

/// Whether whoever sends this header `Accept` takes `text/event-stream`: the most specific range that names it decides, and
/// weighs more than 0. A header without a range takes everything. A range that is not well-formed is none, and its
/// parameters do not matter.
pub fn accepts_event_stream(accept: &[u8]) -> bool {
    let text = String::from_utf8_lossy(accept);
    let (mut is_empty, mut best) = (true, None);
    for element in split(&text, ',') {
        is_empty = false;
        // Of two that are as specific, the one that takes it counts.
        best = best.max(Typed::parse(element).and_then(|range| Some((specificity(&range)?, range.takes()?))));
    }
    is_empty || best.is_some_and(|(_, takes)| takes)
}

/// How exactly a range names `text/event-stream`, if it does.
fn specificity(range: &Typed<'_>) -> Option<u8> {
    let is_text = range.kind.eq_ignore_ascii_case("text");
    match range.subtype {
        "*" if range.kind == "*" => Some(0),
        "*" => is_text.then_some(1),
        subtype => (is_text && subtype.eq_ignore_ascii_case("event-stream")).then_some(2),
    }
}

/// A media type or a range of them, with its parameters.
struct Typed<'a> {
    kind: &'a str,
    subtype: &'a str,
    parameters: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Typed<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (typed, rest) = text.split_once(';').unwrap_or((text, ""));
        let (kind, subtype) = typed.trim_matches(BLANKS).split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let parameters = split(rest, ';').map(parameter).collect::<Option<_>>()?;
        Some(Self { kind, subtype, parameters })
    }

    /// Whether its weight is more than 0; `None` for a weight that is no number. Some clients write `q=.2`.
    fn takes(&self) -> Option<bool> {
        let Some((_, weight)) = self.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("q")) else {
            return Some(true);
        };
        let is_number = weight.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        (is_number && !weight.is_empty()).then(|| weight.bytes().any(|byte| matches!(byte, b'1'..=b'9')))
    }
}

/// The blanks that may stand around a part.
const BLANKS: [char; 2] = [' ', '\t'];

/// The parts between separators that stand in no quotes, without those that are empty.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(move |char| {
        let is_plain = !std::mem::take(&mut is_escaped);
        match char {
            '\\' => is_escaped = is_quoted && is_plain,
            '"' => is_quoted ^= is_plain,
            _ => {}
        }
        char == separator && !is_quoted
    });
    parts.map(|part| part.trim_matches(BLANKS)).filter(|part| !part.is_empty())
}

/// `name=value`, where the value is a token or quoted.
fn parameter(text: &str) -> Option<(&str, Cow<'_, str>)> {
    let (name, value) = text.split_once('=').filter(|(name, _)| is_token(name))?;
    match value.strip_prefix('"') {
        None => is_token(value).then_some((name, Cow::Borrowed(value))),
        Some(quoted) => Some((name, Cow::Owned(unquote(quoted)?))),
    }
}

/// The text behind an opening quote, which ends with the closing one.
fn unquote(quoted: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return chars.as_str().is_empty().then_some(text),
            '\\' => text.push(chars.next()?),
            char => text.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn content_types() {
        use MediaType::{Json, NdJson, Other, Text};
        for (value, expected) in [
            ("application/json", Json),
            (" Application/JSON ;charset=utf-8", Json),
            ("application/json; charset=\"UTF-8\";", Json),
            ("application/json;;a=b; charset=us-ascii", Json),
            ("application/json; a=\"; charset=latin1\"", Json),
            ("application/json; a=\"\\\"; charset=latin1\"", Json),
            ("application/json; charset=\"\\utf-8\"", Json),
            ("application/ld+json", Json),
            ("application/problem+JSON; x=\"a,b\"", Json),
            ("application/x-ndjson", NdJson),
            ("application/JSONL; charset=utf-8", NdJson),
            ("text/plain", Text),
            ("text/plain; charset=US-ASCII; format=flowed", Text),
            ("text/plain; charset=iso-8859-1", Other),
            ("application/json; charset=utf-16", Other),
            ("application/json; charset=utf-8; charset=utf-16", Other),
            ("application/json; CharSet=\"latin1\"", Other),
            ("application/json; charset=", Other),
            ("application/json; charset=\"utf-8", Other),
            ("application/json; charset=\"utf-8\"x", Other),
            ("application/json; charset", Other),
            ("application/json; charset =utf-8", Other),
            ("application/json, text/plain", Other),
            ("application/json x", Other),
            ("application/+json", Other),
            ("application/json+", Other),
            ("text/json", Other),
            ("text/html", Other),
            ("application/x-www-form-urlencoded", Other),
            ("application", Other),
            ("application/", Other),
            ("/json", Other),
            ("", Other),
        ] {
            assert_eq!(MediaType::of(value.as_bytes()), expected, "{value}");
        }
        assert_eq!(MediaType::of(b"text/plain; a=\"\xff\""), Other);
    }

    #[test]
    fn accepted_types() {
        for (value, expected) in [
            ("", true),
            (" , ", true),
            ("text/event-stream", true),
            ("Text/Event-Stream; charset=utf-8", true),
            ("text/*", true),
            ("*/*", true),
            ("text/html, */*;q=0.1", true),
            ("text/html, image/gif, *; q=.2, */*; q=.2", true),
            ("*/*;q=0, text/event-stream", true),
            ("text/*;q=0, text/event-stream;q=0.001", true),
            ("*/*;q=0,text/*", true),
            ("text/event-stream;q=0, text/event-stream", true),
            ("text/html;a=\",text/event-stream;q=0,\", */*", true),
            ("text/html", false),
            ("application/json, text/plain", false),
            ("text/event-stream;q=0", false),
            ("text/event-stream; Q=0.000, */*", false),
            ("text/*;q=0, */*", false),
            ("text/event-stream;a=b;q=0.0, text/*, */*;q=1", false),
            ("*/*;q=0", false),
            ("*/event-stream", false),
            ("text/event-streams", false),
            ("text/event-stream;q=a", false),
            ("text/event-stream;q=", false),
            ("text/html;a=\",*/*", false),
            ("event-stream", false),
        ] {
            assert_eq!(accepts_event_stream(value.as_bytes()), expected, "{value}");
        }
        assert!(accepts_event_stream(b"\xff/\xff, */*"));
    }

    proptest! {
        #[test]
        fn quoted_values_are_read_whole(value in "[ -~\u{e4}]{0,12}", type_of in "application/json|text/plain") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let plain = MediaType::of(type_of.as_bytes());
            let header = format!("{type_of};a=\"{quoted}\"");
            prop_assert_eq!(MediaType::of(header.as_bytes()), plain, "{}", header);
            let is_other = MediaType::of(format!("{header} ; charset=\"x{quoted}\"").as_bytes());
            prop_assert_eq!(is_other, MediaType::Other);
            let accept = format!("text/html;a=\"{quoted}\",text/event-stream");
            prop_assert!(accepts_event_stream(accept.as_bytes()), "{}", accept);
        }
    }
}
