//! A mapping while it is read: the keys that stand in it so far, and how each was written.
//!
//! **Invariant:** of keys that are none of the relay's own no message shows the text, which may be a password: only their
//! positions, and the tags that stand for them.

use super::keys::TOP;
use super::outside::Tag;
use super::yaml::Node;
use serde_json::{Map, Value};

/// What stands in a mapping so far.
#[derive(Default)]
pub(super) struct Mapping {
    values: Map<String, Value>,
    /// Of each key, in their order: the tag that stands for it, if one does.
    tags: Vec<Option<String>>,
}

/// A key that may be put into it.
pub(super) struct FreeKey {
    pub(super) text: String,
    tag: Option<String>,
}

impl Mapping {
    /// The key with this text, for which a tag with `written` behind it stands, if one does.
    ///
    /// # Errors
    /// There is one with this text.
    pub(super) fn free<E: serde::de::Error>(
        &self,
        node: Node<'_>,
        text: String,
        tag: Option<(&str, &str)>,
    ) -> Result<FreeKey, E> {
        // What stands behind `!text` is the key itself.
        let tag =
            tag.filter(|(name, _)| *name != Tag::Text.name()).map(|(name, written)| format!("`!{name} {written}`"));
        // Only who fails looks through all of them: a mapping of passwords may have thousands.
        if !self.values.contains_key(&text) {
            return Ok(FreeKey { text, tag });
        }
        let first = self.values.keys().position(|key| *key == text).unwrap_or_default();
        if node.place.is_top() {
            // A key that is none of the relay's own may be a password whose line is not indented.
            let key = if TOP.contains(&text.as_str()) { format!("the key `{text}`") } else { "a key".to_owned() };
            return node.fail(format_args!("{key} stands there twice; only one of the two could count"));
        }
        let named = |at: usize, tag: Option<&String>| match tag {
            Some(tag) => format!("key {} ({tag})", at + 1),
            None => format!("key {}", at + 1),
        };
        node.fail(format_args!(
            "a key below it stands there twice: {} and {} of the mapping are the same text; only one of the two could count: \
             change one, or write a list of mappings with one key each, if the option takes that",
            named(first, self.tags.get(first).and_then(Option::as_ref)),
            named(self.tags.len(), tag.as_ref()),
        ))
    }

    pub(super) fn insert(&mut self, key: FreeKey, value: Value) {
        self.values.insert(key.text, value);
        self.tags.push(key.tag);
    }

    /// What it has become.
    pub(super) fn done(self) -> Map<String, Value> {
        self.values
    }
}
