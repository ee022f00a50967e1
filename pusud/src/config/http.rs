//! HTTP in the settings: the section `http`, what the relay serves beside WebSocket, and `authenticator_sees`, the headers
//! of requests that authenticators are shown.

use super::section::Section;
use super::values::{BOOLEAN, found};
use crate::http::HeaderNames;
use anyhow::bail;
use serde_json::Value;
use std::fmt;

/// The keys of the section.
const KEYS: &[&str] = &["publish", "events", "history"];

/// What is served over HTTP beside WebSocket. `/` and `/healthz` always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpConfig {
    /// Publishing: `/publish`, and the paths below it.
    pub publish: bool,
    /// Server-Sent Events: `/events`.
    pub events: bool,
    /// What channels with history have: the paths below `/history`.
    pub history: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { publish: true, events: true, history: true }
    }
}

/// The words of `pusud check`.
impl fmt::Display for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [("publish", self.publish), ("events", self.events), ("history", self.history)];
        let of = |is_on| all.iter().filter(|one| one.1 == is_on).map(|one| one.0).collect::<Vec<_>>();
        match (&*of(true), &*of(false)) {
            (on, []) => f.write_str(&on.join(", ")),
            ([], off) => write!(f, "none of {}", off.join(", ")),
            (on, [off]) => write!(f, "{} (`{off}` is off)", on.join(", ")),
            (on, off) => write!(f, "{} (`{}` are off)", on.join(", "), off.join("` and `")),
        }
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
    let Some(mut section) = top.take_section(key, KEYS)? else { return Ok(None) };
    let default = HttpConfig::default();
    let mut is_on =
        |key, default| Ok::<_, anyhow::Error>(section.take(key, BOOLEAN, Value::as_bool)?.unwrap_or(default));
    Ok(Some(HttpConfig {
        publish: is_on("publish", default.publish)?,
        events: is_on("events", default.events)?,
        history: is_on("history", default.history)?,
    }))
}
