//! The messages that clients send: functions from text to [`Request`]. docs/protocol/client.md is the norm.
//!
//! **Invariant:** parsing allocates nothing for a message without escapes: names and content are borrowed, and the
//! content stays the JSON text that the source sent.

use crate::protocol::channel::{self, BadChannel};
use crate::protocol::limits::{AUTHORIZATION_BYTES_MAX, JSON_DEPTH_MAX, Limits, POSITION_BYTES_MAX};
use crate::protocol::nesting;
use crate::protocol::refusal::Refusal;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// What a client asks.
#[derive(Debug, PartialEq)]
pub enum Request<'a> {
    /// Who I am; a missing field is the empty string.
    Authorize(Cow<'a, str>),
    /// Send me what is published on the channel.
    Subscribe {
        /// The channel's name, checked.
        channel: Cow<'a, str>,
        /// From when on.
        since: Since<'a>,
    },
    /// Send me no more of it.
    Unsubscribe(Cow<'a, str>),
    /// Send this to all listeners of the channel.
    Publish {
        /// The channel's name, checked.
        channel: Cow<'a, str>,
        /// JSON text.
        content: &'a str,
    },
}

/// From when on a listener wants what is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since<'a> {
    /// From now on.
    Now,
    /// From behind this position on: any text of the client's. Empty where it sent something else, or more than
    /// [`POSITION_BYTES_MAX`], which is no position either.
    Position(Cow<'a, str>),
    /// From now on, and so many of the newest.
    Last(u32),
}

/// A message that is none of the protocol's, and why.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// What is wrong with it, for the client.
    pub reason: Cow<'static, str>,
    /// The channel it was about, where that could be read.
    pub channel: Option<Box<str>>,
    /// The limit that it exceeds, if that is what is wrong.
    pub limit: Option<Refusal>,
}

impl Malformed {
    pub(super) fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), channel: None, limit: None }
    }
}

/// Reads one message.
///
/// # Errors
/// Not JSON, not an object, a known field twice, an unknown type, a missing field or one of the wrong type, or a
/// channel name that breaks the rules of [`channel::check_channel`]; or a channel's name or nesting past `limits`.
pub fn parse<'a>(text: &'a str, limits: &Limits) -> Result<Request<'a>, Malformed> {
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| match error.is_data() {
        // The parser would quote what it found, which may be an authorization.
        true if !text.trim_start().starts_with('{') => Malformed::new("not a message: not an object"),
        _ => Malformed::new(format!("not a message: {error}")),
    })?;
    if fields.is_too_deep || fields.content.is_some_and(|raw| nesting::is_deeper(raw.get(), limits.max_json_depth)) {
        let reason = "not a message: nested too deeply".into();
        return Err(Malformed { reason, channel: None, limit: Some(Refusal::MaxJsonDepth) });
    }
    let kind = string_field("type", fields.kind)?;
    match &*kind {
        "authorize" => match fields.authorization {
            None => Ok(Request::Authorize(Cow::Borrowed(""))),
            given => match string_field("authorization", given)? {
                text if text.len() > AUTHORIZATION_BYTES_MAX => Err(Malformed {
                    limit: Some(Refusal::MaxMessageBytes),
                    ..Malformed::new(format!("the authorization is longer than {AUTHORIZATION_BYTES_MAX} bytes"))
                }),
                text => Ok(Request::Authorize(text)),
            },
        },
        "subscribe" => {
            let channel = channel_field(fields.channel, limits)?;
            match since(fields.since, fields.last) {
                Ok(since) => Ok(Request::Subscribe { channel, since }),
                Err(reason) => Err(Malformed { channel: Some((*channel).into()), ..Malformed::new(reason) }),
            }
        }
        "unsubscribe" => channel_field(fields.channel, limits).map(Request::Unsubscribe),
        "publish" => {
            let channel = channel_field(fields.channel, limits)?;
            match fields.content {
                Some(content) => Ok(Request::Publish { channel, content: content.get() }),
                None => {
                    Err(Malformed { channel: Some((*channel).into()), ..Malformed::new("field content is missing") })
                }
            }
        }
        _ => Err(Malformed::new("unknown type; known are authorize, subscribe, unsubscribe and publish")),
    }
}

/// Reads one message out of a binary frame, which has to hold the same JSON.
///
/// # Errors
/// As [`parse`], and for bytes that are not UTF-8.
pub fn parse_binary<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Request<'a>, Malformed> {
    parse(std::str::from_utf8(bytes).map_err(|_| Malformed::new("not a message: not UTF-8"))?, limits)
}

/// The channel's name in this field, checked.
pub(super) fn channel_field<'a>(raw: Option<&'a RawValue>, limits: &Limits) -> Result<Cow<'a, str>, Malformed> {
    let name = string_field("channel", raw)?;
    check_channel_name(&name, limits).map(|()| name)
}

/// Whether `name` may be a channel's, within `limits`.
///
/// # Errors
/// It may not: why.
pub fn check_channel_name(name: &str, limits: &Limits) -> Result<(), Malformed> {
    match channel::check_channel(name) {
        Ok(()) if name.len() <= limits.max_channel_bytes => Ok(()),
        Ok(()) => Err(Malformed {
            limit: Some(Refusal::MaxChannelBytes),
            ..Malformed::new(format!("the channel's name is longer than {} bytes", limits.max_channel_bytes))
        }),
        Err(error) => {
            let limit = (error != BadChannel::Empty).then_some(Refusal::MaxChannelBytes);
            Err(Malformed { limit, ..Malformed::new(error.to_string()) })
        }
    }
}

/// What a subscription says about when it begins, or why that cannot be.
fn since<'a>(since: Option<&'a RawValue>, last: Option<&'a RawValue>) -> Result<Since<'a>, &'static str> {
    match (since, last) {
        (None, None) => Ok(Since::Now),
        (Some(position), None) => Ok(Since::Position(position_in(position))),
        (None, Some(last)) => last.get().parse().map(Since::Last).map_err(|_| {
            "field last is not a whole number from 0 to 4294967295: send how many of the newest messages should come first"
        }),
        (Some(_), Some(_)) => {
            Err("fields since and last are both there: send since to go on from a position, or last for the newest")
        }
    }
}

/// The text in this field, as far as it can be a position.
fn position_in(raw: &RawValue) -> Cow<'_, str> {
    // Each byte of a text takes at most six: `\u0041`. What is longer is not looked at.
    let text = if raw.get().len() <= 2 + 6 * POSITION_BYTES_MAX { string_field("since", Some(raw)).ok() } else { None };
    text.filter(|text| text.len() <= POSITION_BYTES_MAX).unwrap_or_default()
}

fn string_field<'a>(name: &'static str, raw: Option<&'a RawValue>) -> Result<Cow<'a, str>, Malformed> {
    let raw = raw.ok_or_else(|| Malformed::new(format!("field {name} is missing")))?.get();
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        // The parser has made sure that it is a whole JSON string; without an escape that is its own text.
        Some(text) if !text.contains('\\') => Ok(Cow::Borrowed(text)),
        Some(_) => serde_json::from_str(raw)
            .map(Cow::Owned)
            .map_err(|_| Malformed::new(format!("field {name} has an escape that is no character"))),
        None => Err(Malformed::new(format!("field {name} is not a string"))),
    }
}

/// The fields that any message may have. Their types are judged only where the message's type uses them.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<&'a RawValue>,
    channel: Option<&'a RawValue>,
    content: Option<&'a RawValue>,
    authorization: Option<&'a RawValue>,
    since: Option<&'a RawValue>,
    last: Option<&'a RawValue>,
    /// One of the other fields, or one of these but `content`, is nested more deeply than any message needs.
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
                while let Some(key) = map.next_key::<Key>()? {
                    let (field, name) = match key {
                        Key::Type => (&mut fields.kind, "type"),
                        Key::Channel => (&mut fields.channel, "channel"),
                        Key::Content => (&mut fields.content, "content"),
                        Key::Authorization => (&mut fields.authorization, "authorization"),
                        Key::Since => (&mut fields.since, "since"),
                        Key::Last => (&mut fields.last, "last"),
                        Key::Other => {
                            let raw: &RawValue = map.next_value()?;
                            fields.is_too_deep |= nesting::is_deeper(raw.get(), JSON_DEPTH_MAX);
                            continue;
                        }
                    };
                    let raw: &RawValue = map.next_value()?;
                    if field.replace(raw).is_some() {
                        return Err(A::Error::duplicate_field(name));
                    }
                    fields.is_too_deep |= name != "content" && nesting::is_deeper(raw.get(), JSON_DEPTH_MAX);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// The name of a field.
pub(super) enum Key {
    Type,
    Channel,
    Content,
    Authorization,
    Since,
    Last,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }
            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "type" => Key::Type,
                    "channel" => Key::Channel,
                    "content" => Key::Content,
                    "authorization" => Key::Authorization,
                    "since" => Key::Since,
                    "last" => Key::Last,
                    _ => Key::Other,
                })
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests;
