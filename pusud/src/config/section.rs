//! A mapping of the settings file, read key by key.

use super::keys::{self, ORIGINAL_OPTIONS};
use super::values::found;
use super::yaml;
use anyhow::bail;
use serde_json::{Map, Value};

/// A mapping whose keys, all of which are known, are taken out one by one.
pub(super) struct Section {
    /// Stands before a key in messages.
    pub(super) prefix: String,
    pub(super) values: Map<String, Value>,
}

impl Section {
    pub(super) fn take<T>(
        &mut self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> anyhow::Result<Option<T>> {
        let Some(value) = self.values.remove(key) else { return Ok(None) };
        match convert(&value) {
            Some(converted) => Ok(Some(converted)),
            None => bail!("`{}{key}`: expected {expected}, found {}", self.prefix, found(&value)),
        }
    }

    /// A section below this one with these `known` keys, if its key is there and not empty.
    pub(super) fn take_section(&mut self, key: &str, known: &[&'static str]) -> anyhow::Result<Option<Self>> {
        let name = format!("{}{key}", self.prefix);
        match self.values.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => Self::of(&name, value, known).map(Some),
        }
    }

    /// A section below this one whose key may not stand there without a value: it would mean the opposite.
    pub(super) fn take_filled_section(&mut self, key: &str, known: &[&'static str]) -> anyhow::Result<Option<Self>> {
        if self.values.get(key) == Some(&Value::Null) {
            bail!(
                "`{}{key}`: expected indented lines of the form `key: value`, found nothing (an empty value)",
                self.prefix
            );
        }
        self.take_section(key, known)
    }

    /// The section that `value` is, which is called `name` and has these `known` keys.
    pub(super) fn of(name: &str, value: Value, known: &[&'static str]) -> anyhow::Result<Self> {
        match value {
            Value::Object(values) => {
                keys::check(&values, name, known)?;
                Ok(Self { prefix: format!("{name}."), values })
            }
            other => bail!("`{name}`: expected indented lines of the form `key: value`, found {}", found(&other)),
        }
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Options may be empty: all lines below the key may be commented out.
    pub(super) fn take_options(&mut self, key: &str) -> anyhow::Result<Map<String, Value>> {
        match self.values.remove(key) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(options)) => Ok(options),
            Some(other) => {
                let (prefix, kind) = (&self.prefix, yaml::kind(&other));
                bail!("`{prefix}{key}`: expected indented lines of the form `option: value`, found {kind}")
            }
        }
    }

    pub(super) fn take_original_options(&mut self) -> Map<String, Value> {
        ORIGINAL_OPTIONS.iter().filter_map(|&key| Some((key.to_owned(), self.values.remove(key)?))).collect()
    }
}
