//! From YAML text to JSON values, losslessly or not at all.
//!
//! Keys keep the text that was written (`12345`, `007`, `0x10`, `1.10` are passwords as good as any), and whatever JSON
//! cannot hold is an error rather than something near it. Of the settings it knows which keys hold options, where tags
//! stand for texts from outside.
//! **Invariant:** no message holds a value, nor a key below that of an option: both may be passwords.

use super::outside::{KNOWN_TAGS, Reading, Tag, has_placeholder, quoted_tag};
use super::place::{Place, Taken};
use super::yaml_key::Key;
use super::yaml_mapping::Mapping;
use super::yaml_tags;
use anyhow::{anyhow, bail};
use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde_json::{Map, Number, Value};
use std::cell::RefCell;
use std::fmt;

/// Reads a document whose top is a mapping, at `place`; an empty document is an empty mapping.
///
/// # Errors
/// One message with the line where the parser has it: not YAML, doubled keys, values JSON cannot hold, another top, texts
/// that are not to be had.
pub(super) fn parse(text: &str, place: Place<'_>, reading: &Reading<'_>) -> anyhow::Result<Map<String, Value>> {
    // The first pass looks at no value, so that what the parser says about syntax can be shown as it is. In the second
    // pass the parser's own messages could quote a value, so only those recorded in `problem` are shown.
    if let Err(error) = serde_yaml::from_str::<IgnoredAny>(text) {
        bail!("{}", syntax_message(text, &error));
    }
    yaml_tags::check(text, place, reading)?;
    let problem = RefCell::new(None);
    let node = Node { problem: &problem, reading, place };
    match node.deserialize(serde_yaml::Deserializer::from_str(text)) {
        Ok(Value::Object(settings)) => Ok(settings),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => bail!("expected lines of the form `key: value`, found {}", kind(&other)),
        Err(error) => {
            let message = problem.take().unwrap_or_else(|| {
                "a value cannot be read: nested too deeply, aliases that expand to too much, or a tag that does not fit it"
                    .to_owned()
            });
            Err(match error.location() {
                Some(at) => anyhow!("line {}: {message}", at.line()),
                None => anyhow!(message),
            })
        }
    }
}

/// What a value is, without its content.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing (an empty value)",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn syntax_message(text: &str, error: &serde_yaml::Error) -> String {
    let line = error.location().and_then(|at| text.lines().nth(at.line() - 1));
    let tab = line.is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'));
    let hint = if tab { " (YAML is indented with spaces; this line begins with a tab)" } else { "" };
    format!("not valid YAML: {error}{hint}")
}

/// Makes a JSON value out of whatever comes.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    problem: &'a RefCell<Option<String>>,
    reading: &'a Reading<'a>,
    pub(super) place: Place<'a>,
}

impl Node<'_> {
    /// Records what is wrong, and makes the parser stop and add the line to an error of its own.
    pub(super) fn fail<T, E: serde::de::Error>(self, what: impl fmt::Display) -> Result<T, E> {
        self.explain(what);
        Err(E::custom(""))
    }

    /// Records what is wrong where the parser has an error that knows the line; what was recorded before is nearer to it.
    pub(super) fn explain(self, what: impl fmt::Display) {
        self.problem.borrow_mut().get_or_insert_with(|| match self.place.to_string() {
            place if place.is_empty() => what.to_string(),
            place => format!("`{place}`: {what}"),
        });
    }

    /// Records that what stands behind a tag is no text.
    pub(super) fn explain_no_text(self) {
        self.explain(format_args!(
            "a tag stands before a mapping or a list: it goes before each text that it shall stand for ({KNOWN_TAGS})"
        ));
    }

    /// A text that stands there without a tag.
    pub(super) fn plain<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        if has_placeholder(text) {
            // The name is not shown: where this is a password, it is a part of that.
            return self.fail(format_args!(
                "`${{…}}` is replaced by nothing here: {}{}",
                match self.place.takes() {
                    Taken::All => "write `!env NAME` in its place for a variable, or `!file PATH` for a file",
                    Taken::Variables => "write `!env NAME` in its place for a variable",
                    Taken::Nothing => "write the value itself",
                },
                if self.place.takes_any_text() {
                    ", and where the text is meant as it stands, `!text` goes before it, as in `!text \"…\"`"
                } else {
                    ""
                }
            ));
        }
        if let Some(tag) = quoted_tag(text) {
            // What follows on it is not shown: it may be a password.
            let name = tag.name();
            return self.fail(format_args!(
                "a text in quotes that begins with `!{name} `: write the tag without quotes, as in `!{name} …`; if the text \
                 itself is meant, write `!text \"!{name} …\"`"
            ));
        }
        Ok(text.to_owned())
    }

    /// The text that a tag with this name and `written` behind it stands for.
    pub(super) fn tagged<E: serde::de::Error>(self, name: &str, written: &str) -> Result<String, E> {
        let Some(tag) = Tag::of(name) else {
            // Which one is not shown: a password may begin with `!`.
            return self.fail(format_args!(
                "a YAML tag (`!name`) that means nothing here: {KNOWN_TAGS}, all in small letters; a text that begins with \
                 `!` is written in quotes"
            ));
        };
        match (tag, self.place.takes()) {
            (Tag::Text, _) | (_, Taken::All) | (Tag::Env, Taken::Variables) => {}
            _ => {
                return self.fail(format_args!(
                    "`!{}` stands for an option of the authenticator or for `nats.password` and `nats.token`{}; here the value itself is written{}",
                    tag.name(),
                    if tag == Tag::Env { ", for names and addresses" } else { "" },
                    if tag == Tag::Env { "" } else { " (keys with `file` in their names name a file without a tag)" },
                ));
            }
        }
        match self.reading.text(tag, written, &self.place.to_string()) {
            Ok(text) => Ok(text.as_str().to_owned()),
            Err(what) => self.fail(what),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.reading.leaves_options_out() && self.place.may_be_outside() {
            return IgnoredAny::deserialize(deserializer).map(|_| Value::Object(Map::new()));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u128<E: serde::de::Error>(self, _value: u128) -> Result<Value, E> {
        self.fail("a number is too large; if it is meant as text, write it in quotes")
    }

    fn visit_i128<E: serde::de::Error>(self, _value: i128) -> Result<Value, E> {
        self.fail("a number is too small; if it is meant as text, write it in quotes")
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) => Ok(Value::Number(number)),
            None => self.fail("`.nan` and `.inf` are no values here; if it is meant as text, write it in quotes"),
        }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.plain(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Node { place: self.place.entry(values.len()), ..self })? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Value, A::Error> {
        let mut read = Mapping::default();
        while let Some(key) = mapping.next_key_seed(Key { node: self, taken: &read })? {
            let value = mapping.next_value_seed(Node { place: self.place.below(&key.text), ..self })?;
            read.insert(key, value);
        }
        Ok(Value::Object(read.done()))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (name, content) = data.variant::<String>()?;
        content.newtype_variant_seed(Tagged { node: self, name: &name }).map(Value::String)
    }
}

/// Reads the text behind the tag of a value.
struct Tagged<'a> {
    node: Node<'a>,
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for Tagged<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let node = self.node;
        deserializer.deserialize_str(self).inspect_err(|_| node.explain_no_text())
    }
}

impl<'de> Visitor<'de> for Tagged<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: serde::de::Error>(self, written: &str) -> Result<String, E> {
        self.node.tagged(self.name, written)
    }
}

#[cfg(test)]
mod tests;
