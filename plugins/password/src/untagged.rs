//! A YAML document without tags: the parser passes over those of keys, and `!env NAME` would be the password `NAME`.
//!
//! Tags that are written `!!name` or `!<name>` it shows nowhere, so it is given them in a form that it shows, in a copy that
//! is for this alone. YAML's own, such as `!!str`, mean what they say and are taken.

use pusu_plugin_api::serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use std::fmt;
use zeroize::Zeroizing;

/// What is wrong where there is one.
pub(crate) const TAGGED: &str =
    "a YAML tag means nothing in this file: `!file`, `!env` and the others stand in the settings alone";

/// YAML's own tags, of its core schema, as the copy has them: with `!~` in place of `!!`, so that nothing moves. No operator
/// writes a tag like that.
const OWN: [&str; 7] = ["~str", "~int", "~float", "~bool", "~null", "~seq", "~map"];

/// Looks for tags in a text that is valid YAML.
///
/// # Errors
/// [`TAGGED`], or the parser's own error.
pub(crate) fn look(text: &str) -> Result<(), serde_yaml::Error> {
    // A directive can give any tag any name.
    if text.lines().any(|line| line.starts_with("%TAG")) {
        return Err(Error::custom(TAGGED));
    }
    // None of YAML's own is written the second way: such a tag has a name that is none, or a bracket that is not valid.
    let marked = Zeroizing::new(text.replace("!!", "!~"));
    let marked = Zeroizing::new(marked.replace("!<", "!="));
    if text.contains("!<") && serde_yaml::from_str::<IgnoredAny>(&marked).is_err() {
        return Err(Error::custom(TAGGED));
    }
    serde_yaml::from_str::<Untagged>(&marked).map(|_| ())
}

/// A document that has no tags but YAML's own. What else stands in it is not looked at.
struct Untagged;

impl<'de> Deserialize<'de> for Untagged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Document)
    }
}

struct Document;

impl<'de> Visitor<'de> for Document {
    type Value = Untagged;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Untagged, A::Error> {
        while let Some(()) = map.next_key_seed(Key)? {
            map.next_value::<Untagged>()?;
        }
        Ok(Untagged)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Untagged, A::Error> {
        while items.next_element::<Untagged>()?.is_some() {}
        Ok(Untagged)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Untagged, A::Error> {
        let (name, content) = data.variant::<String>()?;
        if OWN.contains(&name.as_str()) { content.newtype_variant() } else { Err(A::Error::custom(TAGGED)) }
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Untagged, E> {
        Ok(Untagged)
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Untagged, E> {
        Ok(Untagged)
    }

    fn visit_u64<E>(self, _value: u64) -> Result<Untagged, E> {
        Ok(Untagged)
    }

    fn visit_i128<E>(self, _value: i128) -> Result<Untagged, E> {
        Ok(Untagged)
    }

    fn visit_u128<E>(self, _value: u128) -> Result<Untagged, E> {
        Ok(Untagged)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Untagged, E> {
        Ok(Untagged)
    }

    fn visit_str<E>(self, _value: &str) -> Result<Untagged, E> {
        Ok(Untagged)
    }

    fn visit_unit<E>(self) -> Result<Untagged, E> {
        Ok(Untagged)
    }

    fn visit_none<E>(self) -> Result<Untagged, E> {
        Ok(Untagged)
    }
}

/// One key. As a variant of an enum: this alone hands over whether there is a tag.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_enum("", &[], self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        // The text itself, or the name of its tag: then, and only then, there is a content.
        let name = data.variant::<String>().map(|(name, content)| (Zeroizing::new(name), content));
        let (name, content) = name?;
        match content.newtype_variant::<IgnoredAny>() {
            Ok(_) if !OWN.contains(&name.as_str()) => Err(A::Error::custom(TAGGED)),
            _ => Ok(()),
        }
    }
}
