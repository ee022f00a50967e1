//! Keys of a YAML document, none of which may have a tag: the parser passes it over, and `!env NAME` would be the password
//! `NAME`.

use pusu_plugin_api::serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use std::fmt;

/// What is wrong where there is one.
pub(crate) const TAGGED: &str =
    "a YAML tag means nothing in this file: `!file`, `!env` and the others stand in the settings alone";

/// A document whose keys have no tags. What else stands in it is not looked at.
pub(crate) struct Untagged;

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

    fn visit_enum<A: EnumAccess<'de>>(self, _data: A) -> Result<Untagged, A::Error> {
        Err(A::Error::custom(TAGGED))
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
        let (_, content) = data.variant::<IgnoredAny>()?;
        match content.newtype_variant::<IgnoredAny>() {
            Ok(_) => Err(A::Error::custom(TAGGED)),
            Err(_) => Ok(()),
        }
    }
}
