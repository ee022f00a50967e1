//! The bodies of requests that publish: several publications with their channels, or one content. Functions from text to
//! values; docs/protocol/client.md is the norm.
//!
//! **Invariant:** a content stays the JSON text that was sent, without the blanks around it; no error has a part of a body.

use crate::protocol::limits::{JSON_DEPTH_MAX, Limits};
use crate::protocol::message::{Key, Malformed, channel_field};
use crate::protocol::nesting;
use crate::protocol::refusal::Refusal;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The blanks of JSON.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Most publications in one body: what is kept of each is more than the shortest takes in the body.
const ITEMS_MAX: usize = 10_000;

/// One publication of several.
#[derive(Debug, PartialEq)]
pub struct Item<'a> {
    /// The channel's name, checked.
    pub channel: Cow<'a, str>,
    /// JSON text.
    pub content: &'a str,
}

/// How the items of a body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemsForm {
    /// As one JSON array.
    Array,
    /// As one JSON value on each line; lines with nothing but blanks are skipped.
    Lines,
}

/// Why a body has no items.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemsError {
    /// It is not JSON: why, and at which line and byte of it.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// It is JSON, and should be an array.
    #[error("the body is not an array")]
    NotAnArray,
    /// There are too many.
    #[error("the body has more than {ITEMS_MAX} items")]
    TooMany,
}

/// Why a body is no content.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It is not JSON: why, and at which line and byte of it.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// Nested more deeply than `max_json_depth`.
    #[error("the content is nested too deeply")]
    TooDeep,
}

/// Reads all items of a body, in their order. Fields other than `channel` and `content` are ignored.
///
/// # Errors
/// The body is not JSON, or not of this form. Each item has its own: it is not an object, has one of these fields twice or
/// not at all, has a channel's name that breaks the rules, or is past `limits`; it names the channel where that is good.
pub fn parse_items<'a>(
    body: &'a str,
    form: ItemsForm,
    limits: &Limits,
) -> Result<Vec<Result<Item<'a>, Malformed>>, ItemsError> {
    match form {
        ItemsForm::Array => array(body, limits),
        ItemsForm::Lines => lines(body, limits),
    }
}

/// Reads a body that is one JSON value, and returns its text without the blanks around it.
///
/// # Errors
/// The body is not JSON, or is nested more deeply than `limits` allow.
pub fn parse_content<'a>(body: &'a str, limits: &Limits) -> Result<&'a str, ContentError> {
    let content = value(body, 1).map_err(ContentError::NotJson)?;
    if nesting::is_deeper(content, limits.max_json_depth) { Err(ContentError::TooDeep) } else { Ok(content) }
}

/// The one JSON value that `text` is, or why it is none; its first line has this number.
fn value(text: &str, line: usize) -> Result<&str, String> {
    serde_json::from_str(text).map(RawValue::get).map_err(|error| in_words(&error, line))
}

/// The parser's words about text that is no JSON, which quote nothing of it.
fn in_words(error: &serde_json::Error, first_line: usize) -> String {
    let (line, column) = (error.line(), error.column());
    let words = error.to_string();
    let what = words.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&words);
    format!("{what} at line {} column {column}", first_line + line.saturating_sub(1))
}

fn lines<'a>(body: &'a str, limits: &Limits) -> Result<Vec<Result<Item<'a>, Malformed>>, ItemsError> {
    let lines = body.split('\n').zip(1..).filter(|(line, _)| !line.trim_matches(BLANKS).is_empty());
    let mut items = Vec::new();
    for (line, number) in lines {
        if items.len() >= ITEMS_MAX {
            return Err(ItemsError::TooMany);
        }
        items.push(item(value(line, number).map_err(ItemsError::NotJson)?, limits));
    }
    Ok(items)
}

fn array<'a>(body: &'a str, limits: &Limits) -> Result<Vec<Result<Item<'a>, Malformed>>, ItemsError> {
    struct ItemsVisitor<'l>(&'l Limits);
    impl<'de> Visitor<'de> for ItemsVisitor<'_> {
        /// `None`: there are too many.
        type Value = Option<Vec<Result<Item<'de>, Malformed>>>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
            let (mut items, mut count) = (Vec::new(), 0);
            while let Some(raw) = array.next_element::<&RawValue>()? {
                count += 1;
                if count <= ITEMS_MAX {
                    items.push(item(raw.get(), self.0));
                }
            }
            Ok((count <= ITEMS_MAX).then_some(items))
        }
    }
    // The parser would quote what it finds in the place of an array.
    if !body.trim_start_matches(BLANKS).starts_with('[') {
        return Err(value(body, 1).map_or_else(ItemsError::NotJson, |_| ItemsError::NotAnArray));
    }
    let mut parser = serde_json::Deserializer::from_str(body);
    let items = parser.deserialize_seq(ItemsVisitor(limits)).and_then(|items| parser.end().map(|()| items));
    items.map_err(|error| ItemsError::NotJson(in_words(&error, 1)))?.ok_or(ItemsError::TooMany)
}

/// Reads one item of text that is JSON.
fn item<'a>(text: &'a str, limits: &Limits) -> Result<Item<'a>, Malformed> {
    if !text.starts_with('{') {
        return Err(Malformed::new("the item is not an object"));
    }
    // It is JSON and an object: nothing else can be wrong with it.
    let fields: Fields<'_> =
        serde_json::from_str(text).map_err(|_| Malformed::new("a field's name has an escape that is no character"))?;
    if let Some(name) = fields.twice {
        return Err(Malformed::new(format!("field {name} is there twice")));
    }
    let too_deep =
        || Malformed { limit: Some(Refusal::MaxJsonDepth), ..Malformed::new("the item is nested too deeply") };
    if fields.is_too_deep {
        return Err(too_deep());
    }
    let channel = channel_field(fields.channel, limits)?;
    let of_channel = |malformed| Malformed { channel: Some((*channel).into()), ..malformed };
    match fields.content.map(RawValue::get) {
        None => Err(of_channel(Malformed::new("field content is missing"))),
        Some(content) if nesting::is_deeper(content, limits.max_json_depth) => Err(of_channel(too_deep())),
        Some(content) => Ok(Item { channel, content }),
    }
}

/// The fields that an item may have.
#[derive(Default)]
struct Fields<'a> {
    channel: Option<&'a RawValue>,
    content: Option<&'a RawValue>,
    /// A field that is there more than once.
    twice: Option<&'static str>,
    /// Something other than the content is nested more deeply than any item needs.
    is_too_deep: bool,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some((key, raw)) = map.next_entry::<Key, &RawValue>()? {
                    let (field, name) = match key {
                        Key::Channel => (&mut fields.channel, "channel"),
                        Key::Content => (&mut fields.content, "content"),
                        _ => {
                            fields.is_too_deep |= nesting::is_deeper(raw.get(), JSON_DEPTH_MAX);
                            continue;
                        }
                    };
                    if field.replace(raw).is_some() {
                        fields.twice = Some(name);
                    }
                    fields.is_too_deep |= name == "channel" && nesting::is_deeper(raw.get(), JSON_DEPTH_MAX);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests;
