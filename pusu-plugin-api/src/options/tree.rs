//! Values in another document than the options, such as a file that they name, with the same errors.

use super::node::Node;
use crate::error::CreateError;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};

/// A value of any type out of any format that serde knows, to be read as the options are: the order of a mapping stays, and
/// errors name places in it, and never a value.
///
/// ```
/// use pusu_plugin_api::options::Tree;
///
/// let tree: Tree = serde_json::from_str(r#"{"a": [1], "hunter2": ["hunter2"]}"#)?;
/// let error = tree.read::<std::collections::BTreeMap<String, Vec<u8>>>().unwrap_err();
/// assert_eq!(error.text(), "entry 2, item 1: expected a whole number in range, not negative, found a string");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The errors of the format's own reader may quote what they found, so show their line alone.
pub struct Tree(Node);

impl Tree {
    /// Whether the document is empty.
    pub fn is_nothing(&self) -> bool {
        matches!(self.0, Node::Null)
    }

    /// Reads the whole as the author's type.
    ///
    /// # Errors
    /// [`CreateError::config`] with a text that begins with the place in the document, says what was expected there and
    /// which type was found.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, CreateError> {
        T::deserialize(self.0).map_err(CreateError::config)
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node::deserialize(deserializer).map(Self)
    }
}
