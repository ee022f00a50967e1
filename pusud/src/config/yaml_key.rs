//! The key of a mapping, read as the text that was written, or as the text that its tag stands for.
//!
//! **Invariant:** a tag on a key is never passed over: `!env NAME` read as `NAME` would be a password that everybody can
//! guess.

use super::yaml::Node;
use super::yaml_mapping::{FreeKey, Mapping};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// YAML 1.1 puts the entries of another mapping in its place; YAML 1.2 knows no such thing. Taken for a name it would be a
/// password that everybody can guess.
const MERGE_KEY: &str = "<<";

/// Reads one key of a mapping.
pub(super) struct Key<'a> {
    pub(super) node: Node<'a>,
    /// What stands in the mapping before it.
    pub(super) taken: &'a Mapping,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = FreeKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FreeKey, D::Error> {
        let node = self.node;
        // As a variant of an enum: this alone hands over both the tag and the text as it was written.
        deserializer
            .deserialize_enum("", &[], self)
            .inspect_err(|_| node.explain("a key must be text or a number, not a list or a mapping"))
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = FreeKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<FreeKey, A::Error> {
        // The text, or the name of its tag: then, and only then, there is a content.
        let (name, content) = data.variant::<String>()?;
        let has_content = Cell::new(false);
        match content.newtype_variant_seed(Content { key: &self, tag: &name, is_there: &has_content }) {
            Err(error) if has_content.get() => Err(error),
            Err(_) => self.taken.free(self.node, self.written(&name)?, None),
            Ok(key) => Ok(key),
        }
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
    key: &'a Key<'a>,
    tag: &'a str,
    is_there: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = FreeKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FreeKey, D::Error> {
        self.is_there.set(true);
        let node = self.key.node;
        deserializer.deserialize_str(self).inspect_err(|_| node.explain_no_text())
    }
}

impl<'de> Visitor<'de> for Content<'_> {
    type Value = FreeKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: serde::de::Error>(self, written: &str) -> Result<FreeKey, E> {
        let Key { node, taken } = *self.key;
        if !node.place.takes_tagged_keys() {
            return node.fail("a tag before a key that is a name of the settings: write the name itself");
        }
        taken.free(node, node.tagged(self.tag, written)?, Some((self.tag, written)))
    }
}
