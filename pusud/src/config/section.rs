//! A mapping of the settings file, read key by key.

use super::keys::ORIGINAL_OPTIONS;
use super::values::found;
use super::yaml;
use anyhow::bail;
use serde_json::{Map, Value};

/// A mapping whose keys are taken out one by one; what is left over is unknown.
pub(super) struct Section {
    /// Stands before a key in messages.
    pub(super) prefix: &'static str,
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

    /// Options may be empty: all lines below the key may be commented out.
    pub(super) fn take_options(&mut self, key: &str) -> anyhow::Result<Map<String, Value>> {
        match self.values.remove(key) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(options)) => Ok(options),
            Some(other) => {
                bail!("`{key}`: expected indented lines of the form `option: value`, found {}", yaml::kind(&other))
            }
        }
    }

    pub(super) fn take_original_options(&mut self) -> Map<String, Value> {
        ORIGINAL_OPTIONS.iter().filter_map(|&key| Some((key.to_owned(), self.values.remove(key)?))).collect()
    }
}
