//! HTTP in the settings: the section `http`, what the relay serves beside WebSocket, and `authenticator_sees`, the headers
//! of requests that authenticators are shown.

use super::section::Section;
use super::values::{BOOLEAN, found};
use crate::http::HeaderNames;
use anyhow::bail;
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

/// The headers of requests that authenticators see. There may be none: all lines below the key may be commented out.
pub(super) fn authenticator_sees(top: &mut Section, key: &str) -> anyhow::Result<Option<HeaderNames>> {
    const EXPECTED: &str = "a list of names of request headers, such as [cookie, x-request-id]";
    let list = match top.values.remove(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) => list,
        Some(other) => bail!("`{key}`: expected {EXPECTED}, found {}", found(&other)),
    };
    let mut names = Vec::with_capacity(list.len());
    for entry in &list {
        match entry.as_str() {
            Some(name) => names.push(name),
            None => bail!("`{key}`: expected {EXPECTED}, found {} in the list", found(entry)),
        }
    }
    HeaderNames::parse(names).map(Some).map_err(|error| anyhow::anyhow!("`{key}`: {error}"))
}

/// The section, which may be empty: all lines below the key may be commented out.
pub(super) fn http(top: &mut Section, key: &str) -> anyhow::Result<Option<HttpConfig>> {
    let Some(mut section) = top.take_section(key, &["publish", "events"])? else { return Ok(None) };
    let default = HttpConfig::default();
    let mut is_on =
        |key, default| Ok::<_, anyhow::Error>(section.take(key, BOOLEAN, Value::as_bool)?.unwrap_or(default));
    Ok(Some(HttpConfig { publish: is_on("publish", default.publish)?, events: is_on("events", default.events)? }))
}
