//! The key of a mapping, read as the text that was written, or as the text that its tag stands for.
//!
//! **Invariant:** a tag on a key is never passed over: `!env NAME` read as `NAME` would be a password that everybody can
//! guess.

use super::keys::TOP;
use super::yaml::{Node, Tagged};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::fmt;

/// YAML 1.1 puts the entries of another mapping in its place; YAML 1.2 knows no such thing. Taken for a name it would be a
/// password that everybody can guess.
const MERGE_KEY: &str = "<<";

/// Reads one key of a mapping.
pub(super) struct Key<'a> {
    pub(super) node: Node<'a>,
    /// What stands in the mapping before it.
    pub(super) taken: &'a Map<String, Value>,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let node = self.node;
        // As a variant of an enum: this alone hands over both the tag and the text as it was written.
        deserializer
            .deserialize_enum("", &[], self)
            .inspect_err(|_| node.explain("a key must be text or a number, not a list or a mapping"))
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<String, A::Error> {
        // The text, or the name of its tag: then, and only then, there is a content.
        let (name, content) = data.variant::<String>()?;
        let has_content = Cell::new(false);
        let tagged = Tagged { node: self.node, name: &name, taken: Some(self.taken) };
        match content.newtype_variant_seed(Content { tagged, is_there: &has_content }) {
            Err(error) if has_content.get() => Err(error),
            Err(_) => free(self.node, self.taken, self.written(&name)?),
            Ok(key) => Ok(key),
        }
    }
}

/// The key, if it does not stand in the mapping already.
pub(super) fn free<E: serde::de::Error>(node: Node<'_>, taken: &Map<String, Value>, key: String) -> Result<String, E> {
    // A key that is none of the relay's own may be a password whose line is not indented.
    match (taken.contains_key(&key), node.place.is_top()) {
        (false, _) => Ok(key),
        (true, true) if TOP.contains(&key.as_str()) => {
            node.fail(format_args!("the key `{key}` stands there twice; only one of the two could count"))
        }
        (true, true) => node.fail("a key stands there twice; only one of the two could count"),
        (true, false) => node.fail("a key below it stands there twice; only one of the two could count"),
    }
}

impl Key<'_> {
    fn written<E: serde::de::Error>(&self, key: &str) -> Result<String, E> {
        if key == MERGE_KEY {
            return self.node.fail(
                "`<<` (a merge key, of YAML 1.1) is not supported: write the lines out that it stands for, or give an \
                 alias for a whole value, as in `key: *name`",
            );
        }
        self.node.plain(key)
    }
}

/// Reads the text behind the tag of a key, and says that there is one.
struct Content<'a> {
    tagged: Tagged<'a>,
    is_there: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        self.is_there.set(true);
        self.tagged.deserialize(deserializer)
    }
}
