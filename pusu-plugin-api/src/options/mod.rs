//! From the options as JSON to the author's type, with errors an operator can act upon.
//!
//! **Invariant:** no error contains a value or a key that is data. Options hold passwords and keys; serde_json's own
//! errors quote what they found (`invalid type: string "hunter2"`), so they must not be shown.

mod deserializer;
mod error;
mod node;

use error::OptionsError;
use node::Node;
use serde::de::DeserializeOwned;

/// Reads the options, one JSON object.
///
/// # Errors
/// A text that names the option, what was expected and the type that was found.
pub(crate) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, OptionsError> {
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
        assert!(error(r#"{"secret":[]}"#).starts_with("there is no option `secret`; there are `secrets`, `by_name`"));
        assert!(error(r#"{"ratio":1,"ratio":2}"#).contains("`ratio` stands there twice"));
        assert!(error("{").starts_with("the options are not JSON"));
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
