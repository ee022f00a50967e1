//! History in the settings: `history`, which channels have it and how much, and `history_bytes`, what it may take.

use super::section::Section;
use super::shown::{NONE, SettingRow};
use super::units::{format_bytes, format_duration, life, many_bytes};
use super::values::{found, name};
use super::{Config, raw::RawConfig};
use crate::history::{Rule, Settings};
use crate::protocol::{check_channel, pattern_matches};
use anyhow::{bail, ensure};
use serde_json::Value;
use std::time::Duration;

/// The keys of an entry of `history`.
const KEYS: &[&str] = &["channels", "size", "ttl", "for"];
/// More entries are a mistake.
const ENTRIES_MAX: usize = 100;
/// More patterns in all entries are a mistake: each new channel is compared with them.
const PATTERNS_MAX: usize = 1_000;
const SIZE_MAX: u32 = 1_000_000;
const TTL_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const BYTES_MIN: usize = 1 << 20;

/// What can be said of the memory, for messages.
pub(super) const HISTORY_BYTES: &str =
    "a size from 1 MiB to 1024 GiB: bytes as a whole number, or text such as `256 MiB` or `4 GiB`";
const LIST: &str = "a list of entries with `channels`, `size` and `ttl` each";
const CHANNELS: &str = "a list of patterns of channels, such as [auction.*]";
const SIZE: &str = "how many publications of one channel are kept, a whole number from 1 to 1000000";
const TTL: &str = "how long they are kept, a time from 1s to 30days: seconds as a number, or text such as `10min`";

pub(super) fn history_bytes(value: &Value) -> Option<usize> {
    many_bytes(value).filter(|&bytes| bytes >= BYTES_MIN)
}

/// The list may be empty: all lines below the key may be commented out.
pub(super) fn history(top: &mut Section, key: &str) -> anyhow::Result<Vec<Rule>> {
    let list = match top.values.remove(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => bail!("`{key}`: expected {LIST}, found {}", found(&other)),
    };
    ensure!(list.len() <= ENTRIES_MAX, "`{key}`: expected at most {ENTRIES_MAX} entries, found {}", list.len());
    let mut rules: Vec<Rule> = Vec::with_capacity(list.len());
    for (at, entry) in list.into_iter().enumerate() {
        let rule = rule(Section::of(&format!("{key}[{at}]"), entry, KEYS)?)?;
        check_beside(&rules, &rule, key)?;
        rules.push(rule);
    }
    let patterns: usize = rules.iter().map(|rule| rule.channels.len()).sum();
    ensure!(
        patterns <= PATTERNS_MAX,
        "`{key}`: expected at most {PATTERNS_MAX} patterns in all entries, found {patterns}; a `*` stands for many channels"
    );
    Ok(rules)
}

fn rule(mut section: Section) -> anyhow::Result<Rule> {
    let size = |value: &Value| u32::try_from(value.as_u64()?).ok().filter(|size| (1..=SIZE_MAX).contains(size));
    // No time at all is none here.
    let ttl = |value: &Value| life(value).filter(|ttl| !ttl.is_zero() && *ttl <= TTL_MAX);
    Ok(Rule {
        channels: channels(&mut section)?,
        size: required(&mut section, "size", SIZE, size)?,
        ttl: required(&mut section, "ttl", TTL, ttl)?,
        name: section.take("for", "a name of 1 to 255 bytes without control characters", name)?.map(Into::into),
    })
}

/// There is no default: history without bounds would be a surprise when the memory is full.
fn required<T>(
    section: &mut Section,
    key: &str,
    expected: &str,
    convert: impl FnOnce(&Value) -> Option<T>,
) -> anyhow::Result<T> {
    match section.take(key, expected, convert)? {
        Some(value) => Ok(value),
        None => bail!("`{}{key}` is missing: write {expected}", section.prefix),
    }
}

fn channels(section: &mut Section) -> anyhow::Result<Vec<Box<str>>> {
    let key = format!("{}channels", section.prefix);
    let list = match section.values.remove("channels") {
        None => bail!("`{key}` is missing: write {CHANNELS}; `\"*\"` stands for all"),
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(Value::Array(_) | Value::Null) => {
            bail!("`{key}`: expected {CHANNELS}, found nothing in it; remove the entry, or name its channels")
        }
        Some(other) => bail!("`{key}`: expected {CHANNELS}, found {}", found(&other)),
    };
    let mut patterns: Vec<Box<str>> = Vec::with_capacity(list.len());
    for entry in &list {
        // A pattern is as long as what it matches, and no name has more.
        let Some(pattern) = entry.as_str().filter(|pattern| check_channel(pattern).is_ok()) else {
            bail!(
                "`{key}`: expected {CHANNELS}, each of 1 to 255 bytes without control characters, found {} in the list",
                found(entry)
            )
        };
        ensure!(!patterns.iter().any(|other| **other == *pattern), "`{key}`: {pattern:?} stands there twice");
        patterns.push(pattern.into());
    }
    Ok(patterns)
}

/// Checks an entry against those that stand before it.
fn check_beside(before: &[Rule], rule: &Rule, key: &str) -> anyhow::Result<()> {
    let at = before.len();
    for (other_at, other) in before.iter().enumerate() {
        if let Some(name) = rule.name.as_ref().filter(|name| other.name.as_ref() == Some(name)) {
            bail!("`{key}[{at}].for`: `{key}[{other_at}]` has the name {name:?} too; each needs one of its own");
        }
        for pattern in &rule.channels {
            // Only a `*` matches a `*` of the other pattern, and then it matches whatever that one stands for.
            if let Some(wider) = other.channels.iter().find(|wider| pattern_matches(wider, pattern)) {
                bail!(
                    "`{key}[{at}].channels`: {pattern:?} has no effect: each such channel is one of {wider:?} in \
                     `{key}[{other_at}]`, and the first entry that matches holds; put this entry before that one, or \
                     remove the pattern"
                );
            }
        }
    }
    Ok(())
}

/// Checks that nothing stands there that would have no effect.
///
/// # Errors
/// Names the key that is missing, and the way out.
pub(super) fn check(raw: &RawConfig) -> anyhow::Result<()> {
    ensure!(
        raw.history_bytes.is_none() || !raw.history.is_empty(),
        "`history_bytes` has no effect without `history`: write {LIST} there as well, or remove `history_bytes`"
    );
    Ok(())
}

/// Fills in the default.
pub(super) fn resolve(rules: Vec<Rule>, bytes: Option<usize>) -> Settings {
    Settings { rules, bytes_max: bytes.unwrap_or(Settings::default().bytes_max) }
}

/// The keys, each with whether the two differ in it.
pub(super) fn changes(one: &Config, other: &Config) -> [(&'static str, bool); 2] {
    let (one, other) = (&one.history, &other.history);
    [("history", one.rules != other.rules), ("history_bytes", one.bytes_max != other.bytes_max)]
}

/// The rows for operators who look at a running relay, as the settings would write them.
pub(super) fn rows(settings: &Settings) -> Vec<SettingRow> {
    let row = |key: String, value: String| SettingRow { key, value, is_secret: false };
    let mut rows: Vec<SettingRow> =
        settings.rules.iter().enumerate().map(|(at, rule)| row(format!("history[{at}]"), shown(rule))).collect();
    if !settings.is_on() {
        rows.push(row("history".to_owned(), NONE.to_owned()));
    }
    rows.push(row("history_bytes".to_owned(), format_bytes(settings.bytes_max)));
    rows
}

fn shown(rule: &Rule) -> String {
    let name = rule.name.as_ref().map_or(String::new(), |name| format!(", for: {name}"));
    let (channels, ttl) = (rule.channels.join(", "), format_duration(rule.ttl));
    format!("{{channels: [{channels}], size: {}, ttl: {ttl}{name}}}", rule.size)
}
