//! The rest of an option of an authenticator that was wiped: its name, and whether another value is the same.

use serde_json::Value;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::OnceLock;

/// An option that was wiped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WipedOption {
    /// Its name.
    pub name: String,
    /// Whether it is one of the original's top-level keys.
    pub is_original: bool,
    /// Tells two values apart within this process, and says nothing about them to anybody without its key.
    pub digest: u64,
}

impl WipedOption {
    /// Of the option with this value.
    pub(super) fn new(name: &str, is_original: bool, value: &Value) -> Self {
        // Without a copy of the value as text.
        Self { name: name.to_owned(), is_original, digest: digest_of(value) }
    }
}

/// Tells two values apart within this process, and says nothing about them to anybody without its key.
pub(super) fn digest_of(value: impl Hash) -> u64 {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    KEY.get_or_init(RandomState::new).hash_one(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_told_apart_and_not_shown() {
        let of = |value: &Value| WipedOption::new("key", false, value);
        assert_eq!(of(&json!({"a": "hunter2"})), of(&json!({"a": "hunter2"})));
        assert_ne!(of(&json!("hunter2")).digest, of(&json!("hunter3")).digest);
        assert!(!format!("{:?}", of(&json!("hunter2"))).contains("hunter2"));
    }
}
