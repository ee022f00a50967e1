//! Times in the options, as the relay's own settings have them.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;
use std::time::Duration;

/// A span of time: seconds as a number (`5`, `0.5`), or text with units (`500ms`, `10m`, `1m 30s`), in exactly the forms
/// that the relay's own settings take. It is shown as such a text.
///
/// Any length is read; what makes sense for an option is for [`Place::in_range`](super::Place::in_range) to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl From<Time> for Duration {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Time;

    /// The words of the relay about its own settings.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time: seconds as a number, or text such as `500ms` or `5s`")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Time, E> {
        Ok(Time(Duration::from_secs(seconds)))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Time, E> {
        u64::try_from(seconds)
            .map(|seconds| Time(Duration::from_secs(seconds)))
            .map_err(|_| E::invalid_value(Unexpected::Signed(seconds), &self))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Time, E> {
        Duration::try_from_secs_f64(seconds).map(Time).map_err(|_| E::invalid_value(Unexpected::Float(seconds), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
        humantime::parse_duration(text).map(Time).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::from_json;

    #[derive(Debug, serde::Deserialize)]
    struct Options {
        wait: Option<Time>,
    }

    fn read(value: &str) -> Result<Option<Time>, String> {
        let json = format!(r#"{{"wait":{value}}}"#);
        from_json::<Options>(json.as_bytes()).map(|options| options.wait).map_err(|error| error.to_string())
    }

    #[test]
    fn times_are_numbers_of_seconds_or_texts_with_units() {
        for (value, milliseconds) in [
            ("5", 5_000),
            ("0", 0),
            ("5.0", 5_000),
            ("0.25", 250),
            (r#""5s""#, 5_000),
            (r#""10m""#, 600_000),
            (r#""500ms""#, 500),
            (r#""1m 30s""#, 90_000),
            (r#""1day""#, 86_400_000),
        ] {
            assert_eq!(read(value), Ok(Some(Time(Duration::from_millis(milliseconds)))), "{value}");
        }
        assert_eq!(read("null"), Ok(None));
    }

    #[test]
    fn what_is_no_time_is_named_by_its_type_alone() {
        let expected = "option `wait`: expected a time: seconds as a number, or text such as `500ms` or `5s`";
        for (value, found) in [
            ("-1", "another number"),
            ("-0.5", "another number"),
            ("1e300", "another number"),
            (r#""hunter2""#, "another string"),
            (r#""5""#, "another string"),
            (r#""""#, "another string"),
            ("true", "a boolean"),
            ("[5]", "a list"),
            ("{}", "a mapping"),
        ] {
            assert_eq!(read(value), Err(format!("{expected}, found {found}")), "{value}");
        }
    }

    #[test]
    fn a_time_is_shown_as_it_may_be_written() {
        for (milliseconds, text) in [(500, "500ms"), (90_000, "1m 30s"), (0, "0s")] {
            let time = Time(Duration::from_millis(milliseconds));
            assert_eq!(time.to_string(), text);
            assert_eq!(read(&format!("{text:?}")), Ok(Some(time)));
        }
    }
}
