//! Kinds of limits: what the settings take for one, and how `pusud check` shows it. The table in `protocol/limits.rs` names
//! one of these functions in each row.
//!
//! Units are read in `units`; this knows no limit by its name.

use super::section::Section;
use super::units::{self, format_bytes, format_duration};
use super::values::found;
use crate::protocol::AllowedOrigin;
use anyhow::bail;
use serde_json::Value;
use std::time::Duration;

/// From what YAML holds to what is meant, or what was found in its place.
type Read<T> = Box<dyn Fn(&Value) -> Result<T, String>>;

/// How values of one kind are written and shown.
pub(super) struct Kind<T> {
    /// What the settings take, for messages.
    expected: String,
    read: Read<T>,
    show: fn(&T) -> String,
}

impl<T> Kind<T> {
    fn new(expected: impl Into<String>, read: impl Fn(&Value) -> Option<T> + 'static, show: fn(&T) -> String) -> Self {
        let read = move |value: &Value| read(value).ok_or_else(|| found(value));
        Self { expected: expected.into(), read: Box::new(read), show }
    }

    /// Takes `key` out of a section of the settings; `None` if it is not there.
    ///
    /// # Errors
    /// Names the key, what was expected, and what was found.
    pub(super) fn take(&self, section: &mut Section, key: &str) -> anyhow::Result<Option<T>> {
        let Some(value) = section.values.remove(key) else { return Ok(None) };
        match (self.read)(&value) {
            Ok(value) => Ok(Some(value)),
            Err(found) => bail!("`{}{key}`: expected {}, found {found}", section.prefix, self.expected),
        }
    }

    /// The value in words for the operator.
    pub(super) fn show(&self, value: &T) -> String {
        (self.show)(value)
    }
}

/// A size.
pub(super) fn bytes() -> Kind<usize> {
    Kind::new(units::BYTES, units::bytes, |&bytes| format_bytes(bytes))
}

/// A size that is a sum over many clients.
pub(super) fn many_bytes() -> Kind<usize> {
    Kind::new(units::MANY_BYTES, units::many_bytes, |&bytes| format_bytes(bytes))
}

/// A time.
pub(super) fn duration() -> Kind<Duration> {
    Kind::new(units::DURATION, units::duration, |&duration| format_duration(duration))
}

/// A time, or 0 for at once.
pub(super) fn duration_or_zero() -> Kind<Duration> {
    Kind::new(units::DURATION_OR_ZERO, units::duration_or_zero, |&duration| format_duration(duration))
}

/// How often something happens: every second at the most, or 0 for never.
pub(super) fn interval() -> Kind<Duration> {
    Kind::new(units::INTERVAL, units::interval, |&interval| {
        if interval.is_zero() { "off".into() } else { format_duration(interval) }
    })
}

/// A number of things from `min` to `max`.
pub(super) fn count<T: TryFrom<usize> + ToString + 'static>(min: usize, max: usize) -> Kind<T> {
    Kind::new(format!("a whole number from {min} to {max}"), units::count(min, max), T::to_string)
}

/// A size so small that it is written without a unit, from `min` to `max` bytes.
pub(super) fn byte_count(min: usize, max: usize) -> Kind<usize> {
    Kind { show: |&bytes| format_bytes(bytes), ..count(min, max) }
}

/// A number of things, or 0 for no limit.
pub(super) fn count_or_none() -> Kind<usize> {
    Kind::new(units::COUNT_OR_NONE, units::count(0, units::COUNT_MAX), |&count| {
        if count == 0 { "no limit".into() } else { count.to_string() }
    })
}

/// A number of things in a second, or 0 for no limit.
pub(super) fn rate() -> Kind<u32> {
    let show = |&rate: &u32| if rate == 0 { "off".into() } else { format!("{rate}/s") };
    Kind { show, ..count(0, units::COUNT_MAX) }
}

/// A list of origins. It may be empty: all lines below the key may be commented out.
pub(super) fn origins() -> Kind<Vec<AllowedOrigin>> {
    let origin = |entry: &Value| {
        let found = || format!("{} in the list", found(entry));
        AllowedOrigin::parse(entry.as_str().ok_or_else(found)?).map_err(|why| format!("{}: {why}", found()))
    };
    Kind {
        expected: "a list of origins, such as https://example.com, https://example.com:8443 or https://*.example.com"
            .into(),
        read: Box::new(move |value| match value {
            Value::Null => Ok(Vec::new()),
            Value::Array(list) => list.iter().map(origin).collect(),
            other => Err(found(other)),
        }),
        show: |origins| match origins.as_slice() {
            [] => "any".into(),
            origins => origins.iter().map(AllowedOrigin::to_string).collect::<Vec<_>>().join(", "),
        },
    }
}
