//! Limits in the settings, made from the table in `protocol/limits.rs`: the values that the operator wrote, the keys,
//! whether a change needs a restart, and how the limits are shown.
//!
//! A new limit changes nothing here.

use super::key_table::restart_for;
use super::kinds;
use super::section::Section;
use crate::protocol::{AllowedOrigin, CHANNEL_BYTES_MAX, CONTENT_DEPTH_MAX, Limits, SUBSCRIPTIONS_MAX, for_each_limit};
use std::time::Duration;

/// Makes what the settings have a line of for each limit.
macro_rules! settings_of_limits {
    ($(
        $(#[$doc:meta])*
        $name:ident: $type:ty = $default:expr, $kind:ident($($arg:expr),*), $when:ident
            $(, counter $counter:ident $refused:literal)?;
    )*) => {
        /// The keys below `limits`.
        pub const LIMITS: &[&str] = &[$(stringify!($name)),*];

        /// What was written below `limits`; `None` is a key that is not there.
        #[derive(Default)]
        pub(super) struct RawLimits {
            $(pub(super) $name: Option<$type>,)*
        }

        impl RawLimits {
            /// Takes the limits that are there out of `limits`.
            fn take_known(limits: &mut Section) -> anyhow::Result<Self> {
                Ok(Self { $($name: kinds::$kind($($arg),*).take(limits, stringify!($name))?,)* })
            }

            /// All of these, as if they had been written.
            pub(super) fn all_of(limits: &Limits) -> Self {
                Self { $($name: Some(limits.$name.clone()),)* }
            }

            /// What was written, and `default` for the rest.
            pub(super) fn or(self, default: Limits) -> Limits {
                Limits { $($name: self.$name.unwrap_or(default.$name),)* }
            }
        }

        /// Each limit with its value, as it would be written in the settings, or in a word where there is none.
        pub fn limit_rows(limits: &Limits) -> Vec<(&'static str, String)> {
            vec![$((stringify!($name), kinds::$kind($($arg),*).show(&limits.$name))),*]
        }

        /// The limits, as keys of the settings, each with whether the two differ in it and only a restart puts that into
        /// effect.
        pub(super) fn restart_limits(one: &Limits, other: &Limits) -> Vec<(&'static str, bool)> {
            vec![$((
                concat!("limits.", stringify!($name)),
                restart_for!($when, one.$name != other.$name),
            )),*]
        }
    };
}

for_each_limit!(settings_of_limits);

impl RawLimits {
    /// Takes `limits` out of the settings.
    ///
    /// # Errors
    /// Names the key, what was expected, and what was found.
    pub(super) fn take(top: &mut Section) -> anyhow::Result<Self> {
        let Some(mut limits) = top.take_section("limits", LIMITS)? else { return Ok(Self::default()) };
        Self::take_known(&mut limits)
    }
}
