//! Times and sizes as people write them: `5s`, `500ms`, `64 KiB`.
//!
//! Plugins have the same times from what their authors build against (`pusu_plugin_api::options::Time`). The daemon does
//! not depend on that: it goes its own ways, and a test here holds the two equal.

use serde_json::Value;
use std::time::Duration;

/// What [`duration`] accepts, for messages.
pub(super) const DURATION: &str = "a time from 1ms to 1day: seconds as a number, or text such as `500ms` or `5s`";
/// What [`life`] accepts, for messages.
pub(super) const LIFE: &str =
    "0 for as long as the authenticator says, or a time from 1s to 365days: seconds as a number, or text such as `12h`";
/// What [`create_time`] accepts, for messages.
pub(super) const CREATE_TIME: &str = "a time from 1s to 10min: seconds as a number, or text such as `30s`";
/// What [`duration_or_zero`] accepts, for messages.
pub(super) const DURATION_OR_ZERO: &str = "0, or a time from 1ms to 1day: seconds as a number, or text such as `500ms`";
/// What [`bytes`] accepts, for messages.
pub(super) const BYTES: &str = "a size from 1 B to 1 GiB: bytes as a whole number, or text such as `64 KiB` or `1 MiB`";

/// What [`many_bytes`] accepts, for messages.
pub(super) const MANY_BYTES: &str =
    "a size from 1 B to 1024 GiB: bytes as a whole number, or text such as `256 MiB` or `4 GiB`";

/// What [`address_space`] accepts, for messages.
pub(super) const ADDRESS_SPACE: &str =
    "0 for no limit, or a size from 64 MiB to 1024 GiB: bytes as a whole number, or text such as `16 GiB`";

/// What [`interval`] accepts, for messages.
pub(super) const INTERVAL: &str = "0 for never, or a time from 1s to 1day: seconds as a number, or text such as `25s`";
/// What [`count`] accepts from 0 to [`COUNT_MAX`], for messages.
pub(super) const COUNT_OR_NONE: &str = "a whole number from 0 (no limit) to 1000000";

/// The largest number of things that has no bound of its own.
pub(super) const COUNT_MAX: usize = 1_000_000;
const DURATION_MIN: Duration = Duration::from_millis(1);
const LIFE_MIN: Duration = Duration::from_secs(1);
const LIFE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const CREATE_TIME_MIN: Duration = Duration::from_secs(1);
const CREATE_TIME_MAX: Duration = Duration::from_secs(600);
const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const BYTES_MAX: u64 = 1 << 30;
const MANY_BYTES_MAX: u64 = 1 << 40;
/// What a process needs to load a library and to have a few threads.
const ADDRESS_SPACE_MIN: u64 = 64 << 20;
/// From the largest to the smallest: [`format_bytes`] takes the first that divides.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Seconds as a number, or text with units; `None` if it is neither or out of bounds.
pub(super) fn duration(value: &Value) -> Option<Duration> {
    any_duration(value).filter(|duration| (DURATION_MIN..=DURATION_MAX).contains(duration))
}

fn any_duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        Value::String(text) => humantime::parse_duration(text).ok(),
        _ => None,
    }
}

/// How long a plugin may take to make an instance.
pub(super) fn create_time(value: &Value) -> Option<Duration> {
    duration(value).filter(|time| (CREATE_TIME_MIN..=CREATE_TIME_MAX).contains(time))
}

/// How long an authorization may last; no time at all: as long as the authenticator says.
pub(super) fn life(value: &Value) -> Option<Duration> {
    if value.as_u64() == Some(0) {
        return Some(Duration::ZERO);
    }
    let life = any_duration(value)?;
    (LIFE_MIN..=LIFE_MAX).contains(&life).then_some(life)
}

/// As [`duration`], or no time at all.
pub(super) fn duration_or_zero(value: &Value) -> Option<Duration> {
    if value.as_u64() == Some(0) { Some(Duration::ZERO) } else { duration(value) }
}

/// As [`duration`], but not below a second; or no time at all.
pub(super) fn interval(value: &Value) -> Option<Duration> {
    duration_or_zero(value).filter(|interval| interval.is_zero() || interval.as_secs() >= 1)
}

/// A number of things; `None` if it is none or out of bounds.
pub(super) fn count<T: TryFrom<usize>>(min: usize, max: usize) -> impl Fn(&Value) -> Option<T> {
    move |value| {
        let count = usize::try_from(value.as_u64()?).ok()?;
        (min..=max).contains(&count).then(|| T::try_from(count).ok())?
    }
}

/// Bytes as a whole number, or text with a binary unit; `None` if it is neither or out of bounds.
///
/// `KB` and `MB` are refused: to some they are powers of ten, to others powers of two.
pub(super) fn bytes(value: &Value) -> Option<usize> {
    bytes_to(value, BYTES_MAX)
}

/// As [`bytes`], for what is a sum over many clients.
pub(super) fn many_bytes(value: &Value) -> Option<usize> {
    bytes_to(value, MANY_BYTES_MAX)
}

/// The address space of a process, in bytes, or 0; `None` if it is neither or out of bounds.
pub(super) fn address_space(value: &Value) -> Option<u64> {
    if value.as_u64() == Some(0) {
        return Some(0);
    }
    parse_bytes(value).filter(|bytes| (ADDRESS_SPACE_MIN..=MANY_BYTES_MAX).contains(bytes))
}

fn bytes_to(value: &Value, max: u64) -> Option<usize> {
    parse_bytes(value).filter(|bytes| (1..=max).contains(bytes))?.try_into().ok()
}

fn parse_bytes(value: &Value) -> Option<u64> {
    let bytes = match value {
        Value::Number(bytes) => bytes.as_u64()?,
        Value::String(text) => {
            let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
            let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
            number.parse::<u64>().ok()?.checked_mul(*factor)?
        }
        _ => return None,
    };
    Some(bytes)
}

/// A size as the settings take it, in the largest unit that needs no fraction.
pub fn format_bytes(bytes: impl TryInto<u64>) -> String {
    let bytes: u64 = bytes.try_into().unwrap_or(u64::MAX);
    for (name, factor) in UNITS {
        if bytes.is_multiple_of(factor) && bytes > 0 {
            return format!("{} {name}", bytes / factor);
        }
    }
    format!("{bytes} B")
}

/// A time as the settings take it.
pub fn format_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times() {
        for (value, expected) in [
            (json!(5), Some(5_000)),
            (json!(0.25), Some(250)),
            (json!("500ms"), Some(500)),
            (json!("1m 30s"), Some(90_000)),
            (json!("1day"), Some(86_400_000)),
            (json!("2days"), None),
            (json!(0), None),
            (json!(-1), None),
            (json!(1e300), None),
            (json!("5"), None),
            (json!("soon"), None),
            (json!(true), None),
        ] {
            assert_eq!(duration(&value), expected.map(Duration::from_millis), "{value}");
        }
    }

    #[test]
    fn options_of_plugins_have_the_same_times_and_words() {
        use pusu_plugin_api::options::{Time, from_json};
        use std::collections::BTreeMap;

        let option = |value: &Value| from_json::<BTreeMap<String, Time>>(json!({"t": value}).to_string().as_bytes());
        for value in [
            json!(5),
            json!(0.25),
            json!(1.5e3),
            json!("500ms"),
            json!("10m"),
            json!("1m 30s"),
            json!("1day"),
            json!("2 hours"),
        ] {
            assert_eq!(duration(&value), Some(option(&value).unwrap()["t"].0), "{value}");
        }
        let (_, forms) = DURATION.split_once(": ").expect("bounds, then the forms");
        for value in
            [json!(-1), json!(-0.5), json!(1e300), json!("5"), json!("soon"), json!(""), json!(true), json!([])]
        {
            assert_eq!(duration(&value), None, "{value}");
            let error = option(&value).expect_err("no time").to_string();
            assert!(error.contains(&format!("expected a time: {forms}, found ")), "{value}: {error}");
        }
    }

    #[test]
    fn no_time_at_all_is_allowed_where_it_means_something() {
        assert_eq!(duration_or_zero(&json!(0)), Some(Duration::ZERO));
        assert_eq!(duration_or_zero(&json!("2s")), Some(Duration::from_secs(2)));
        assert_eq!(duration_or_zero(&json!(-1)), None);
    }

    #[test]
    fn sizes() {
        for (value, expected) in [
            (json!(65536), Some(65536)),
            (json!("64 KiB"), Some(65536)),
            (json!("64KiB"), Some(65536)),
            (json!("1 MiB"), Some(1 << 20)),
            (json!("1 GiB"), Some(1 << 30)),
            (json!("7 B"), Some(7)),
            (json!("2 GiB"), None),
            (json!("99999999999 GiB"), None),
            (json!("1 MB"), None),
            (json!("1.5 MiB"), None),
            (json!("-1 B"), None),
            (json!("12"), None),
            (json!(0), None),
            (json!(1.5), None),
            (json!([]), None),
        ] {
            assert_eq!(bytes(&value), expected, "{value}");
        }
        assert_eq!(many_bytes(&json!("4 GiB")), usize::try_from(4u64 << 30).ok());
        assert_eq!(many_bytes(&json!("1025 GiB")), None);
        for (value, expected) in [
            (json!(0), Some(0)),
            (json!("6 GiB"), Some(6 << 30)),
            (json!("64 MiB"), Some(64 << 20)),
            (json!("1 MiB"), None),
        ] {
            assert_eq!(address_space(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for size in [1, 1000, 1024, 8 * 1024, 1536, 1 << 20, 1 << 30] {
            assert_eq!(bytes(&json!(format_bytes(size))), Some(size), "{}", format_bytes(size));
        }
        for time in [1, 500, 5_000, 90_000].map(Duration::from_millis) {
            assert_eq!(duration(&json!(format_duration(time))), Some(time));
        }
    }
}
