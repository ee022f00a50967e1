//! From the options as JSON to the author's type, with errors an operator can act upon.
//!
//! The options of an [`Authenticator`](crate::Authenticator) are read without a call: give its type `Options` fields that
//! say what they take. What types cannot say is checked in `create`, with errors of a [`Place`], so that they read like
//! those of this crate.
//!
//! ```
//! use pusu_plugin_api::options::{self, Place, Time};
//! use pusu_plugin_api::serde::{self, Deserialize};
//! use pusu_plugin_api::{CreateError, Pattern};
//! use std::time::Duration;
//!
//! #[derive(Deserialize)]
//! #[serde(crate = "serde", deny_unknown_fields)]
//! struct Options {
//!     readable: Vec<Pattern>,
//!     timeout: Option<Time>,
//! }
//!
//! /// What `create` of the authenticator begins with.
//! fn checked(options: Options) -> Result<(Vec<Pattern>, Duration), CreateError> {
//!     if options.readable.is_empty() {
//!         return Err(Place::option("readable").error("expected at least one pattern, such as \"news.*\""));
//!     }
//!     let bounds = Time(Duration::from_millis(10))..=Time(Duration::from_secs(60));
//!     let timeout = Place::option("timeout").in_range(options.timeout.unwrap_or(Time(Duration::from_secs(2))), bounds)?;
//!     Ok((options.readable, timeout.into()))
//! }
//!
//! // In unit tests; the relay does the same.
//! let read = |json: &str| options::from_json(json.as_bytes()).and_then(checked);
//! assert_eq!(read(r#"{"readable": ["news.*"], "timeout": "500ms"}"#)?.1, Duration::from_millis(500));
//!
//! for (json, error) in [
//!     (r#"{"readable": "news.*"}"#, "option `readable`: expected a list, found a string"),
//!     (
//!         r#"{"readable": ["news.*", ""]}"#,
//!         "option `readable`, item 2: expected a pattern of 1 to 255 bytes without control characters, found an empty one",
//!     ),
//!     (
//!         r#"{"readable": ["news.*"], "timeuot": 5}"#,
//!         "there is no option `timeuot` (did you mean `timeout`?); there are `readable`, `timeout`",
//!     ),
//!     (
//!         r#"{"readable": ["news.*"], "timeout": "soon"}"#,
//!         "option `timeout`: expected a time: seconds as a number, or text such as `500ms` or `5s`, found another string",
//!     ),
//!     (r#"{"readable": ["news.*"], "timeout": "10m"}"#, "option `timeout`: expected 10ms to 1m, found 10m"),
//! ] {
//!     assert_eq!(read(json).unwrap_err().to_string(), error);
//! }
//! # Ok::<(), CreateError>(())
//! ```
//!
//! **Invariant:** no error contains a value or a key that is data. Options hold passwords and keys; serde_json's own
//! errors quote what they found (`invalid type: string "hunter2"`), so they must not be shown. What a [`Place`] is told
//! to say is the author's to keep free of secrets.

mod deserializer;
mod error;
mod node;
mod place;
mod time;
mod tree;

pub use place::Place;
pub use time::Time;
pub use tree::Tree;

use crate::error::CreateError;
use error::OptionsError;
use node::Node;
use serde::de::DeserializeOwned;

/// Reads the options, one JSON object, as the relay hands them over. Authors need it for unit tests alone.
///
/// # Errors
/// [`CreateError::config`] with a text that names the option, what was expected and the type that was found; for an
/// option that does not exist also the one that was meant, if one is like it.
pub fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, CreateError> {
    read(json).map_err(CreateError::config)
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, OptionsError> {
    let root: Node = serde_json::from_slice(json).map_err(|error| {
        // The place is safe to show, the text is not: it may quote what stands there.
        let place = format!("line {}, column {}", error.line(), error.column());
        OptionsError::new(format!("the options are not JSON as the relay should hand them over ({place})"))
    })?;
    match root {
        Node::Map(_) => T::deserialize(root),
        other => Err(OptionsError::new(format!("the options must be a mapping, but are {}", other.kind()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Options {
        secrets: Vec<String>,
        by_name: BTreeMap<String, u16>,
        limits: Limits,
        mode: Mode,
        ratio: f64,
        file: Option<String>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Limits {
        per_minute: u32,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        #[default]
        Strict,
        Loose,
    }

    fn error(json: &str) -> String {
        from_json::<Options>(json.as_bytes()).expect_err("these options are wrong").to_string()
    }

    #[test]
    fn good_options_are_read() {
        let json = r#"{"secrets":["a","b\u00e9"],"by_name":{"x":7},"limits":{"per_minute":5},"mode":"loose",
                       "ratio":2,"file":null}"#;
        let options: Options = from_json(json.as_bytes()).unwrap();
        assert_eq!(options.secrets, ["a", "bé"]);
        assert_eq!((options.by_name["x"], options.limits.per_minute), (7, 5));
        assert_eq!((options.mode, options.ratio, options.file), (Mode::Loose, 2.0, None));
        assert_eq!(from_json::<Options>(b"{}").unwrap(), Options::default());
    }

    #[test]
    fn errors_name_the_option_and_both_types() {
        assert_eq!(error(r#"{"secrets":"x"}"#), "option `secrets`: expected a list, found a string");
        assert_eq!(error(r#"{"secrets":["a",17]}"#), "option `secrets`, item 2: expected a string, found a number");
        assert_eq!(
            error(r#"{"limits":{"per_minute":true}}"#),
            "option `limits`, option `per_minute`: expected a whole number in range, not negative, found a boolean"
        );
        assert_eq!(
            error(r#"{"limits":{"per_minute":-1}}"#),
            "option `limits`, option `per_minute`: expected a whole number in range, not negative, found another number"
        );
        assert_eq!(error("[]"), "the options must be a mapping, but are a list");
        assert!(
            error(r#"{"limits":{"per_minute":1},"by-Name":{}}"#)
                .starts_with("there is no option `by-Name` (did you mean `by_name`?); there are `secrets`, `by_name`")
        );
        assert!(error(r#"{"xyzzy":1}"#).starts_with("there is no option `xyzzy`; there are `secrets`"));
        assert!(error(r#"{"ratio":1,"ratio":2}"#).contains("`ratio` stands there twice"));
        assert!(error("{").starts_with("the options are not JSON"));
        let none = from_json::<crate::NoOptions>(br#"{"secrets":[]}"#).unwrap_err();
        assert_eq!(none.to_string(), "there is no option `secrets`; there are none");
    }

    #[test]
    fn errors_never_contain_a_value_or_a_key_that_is_data() {
        for json in [
            r#"{"secrets":"hunter2"}"#,
            r#"{"secrets":{"hunter2":1}}"#,
            r#"{"by_name":{"hunter2":"hunter2"}}"#,
            r#"{"mode":"hunter2"}"#,
            r#"{"limits":{"per_minute":"hunter2"}}"#,
            r#"{"limits":"hunter2"}"#,
            r#"{"secrets":["hunter2"}"#,
            r#"["hunter2"]"#,
        ] {
            assert!(!error(json).contains("hunter2"), "{}", error(json));
        }
        assert_eq!(
            error(r#"{"by_name":{"a":1,"hunter2":"x"}}"#),
            "option `by_name`, entry 2: expected a whole number in range, not negative, found a string"
        );
        assert_eq!(error(r#"{"mode":"hunter2"}"#), "option `mode`: expected one of `strict`, `loose`");
    }
}
