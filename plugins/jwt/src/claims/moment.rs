//! A `NumericDate` (RFC 7519, section 2): seconds since 1970, and not milliseconds, as some issuers write.

use pusu_plugin_api::serde::{self, Deserialize};

/// The last second of the year 9999. A later time is one in milliseconds.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// A time as it was written.
#[derive(Deserialize)]
#[serde(crate = "serde", transparent)]
pub(crate) struct Moment(f64);

impl Moment {
    /// In milliseconds since 1970.
    ///
    /// # Errors
    /// It is none; what was expected.
    pub(crate) fn unix_ms(&self) -> Result<i64, &'static str> {
        let Self(seconds) = *self;
        if (-SECONDS_MAX..=SECONDS_MAX).contains(&seconds) {
            // In range; a number with a fraction is a little off what was written.
            Ok((seconds * 1000.0).round() as i64)
        } else if (-SECONDS_MAX..=SECONDS_MAX).contains(&(seconds / 1000.0)) {
            Err("a time in seconds since 1970, found one in milliseconds")
        } else {
            Err("a time in seconds since 1970, found one beyond the year 9999")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_times_and_milliseconds_are_not() {
        assert_eq!(Moment(1_700_000_000.25).unix_ms(), Ok(1_700_000_000_250));
        assert_eq!(Moment(-1.0).unix_ms(), Ok(-1000));
        assert!(
            Moment(1_700_000_000_000.0).unix_ms().unwrap_err().contains("in seconds since 1970, found one in milli")
        );
        assert!(Moment(1e18).unix_ms().unwrap_err().contains("beyond the year 9999"));
        assert!(Moment(f64::NAN).unix_ms().is_err());
    }
}
