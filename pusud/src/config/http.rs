//! The section `http`: what the relay serves over HTTP beside WebSocket.

use super::section::Section;
use super::values::BOOLEAN;
use serde_json::Value;
use std::fmt;

/// What is served over HTTP beside WebSocket. `/` and `/healthz` always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpConfig {
    /// Publishing: `/publish`, and the paths below it.
    pub publish: bool,
    /// Server-Sent Events: `/events`.
    pub events: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { publish: true, events: true }
    }
}

/// The words of `pusud check`.
impl fmt::Display for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.publish, self.events) {
            (true, true) => "publish, events",
            (true, false) => "publish (`events` is off)",
            (false, true) => "events (`publish` is off)",
            (false, false) => "neither publish nor events",
        })
    }
}

/// The section, which may be empty: all lines below the key may be commented out.
pub(super) fn http(top: &mut Section, key: &str) -> anyhow::Result<Option<HttpConfig>> {
    let Some(mut section) = top.take_section(key)? else { return Ok(None) };
    let default = HttpConfig::default();
    let mut is_on =
        |key, default| Ok::<_, anyhow::Error>(section.take(key, BOOLEAN, Value::as_bool)?.unwrap_or(default));
    let read = HttpConfig { publish: is_on("publish", default.publish)?, events: is_on("events", default.events)? };
    section.end(&["publish", "events"])?;
    Ok(Some(read))
}
