//! Patterns of channels, checked.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::str::FromStr;

/// A pattern of channels that could match one: the name of a channel, in which each `*` stands for any run of
/// characters, none included.
///
/// As a type of options (`Vec<Pattern>`) it finds a slip of the pen at start, and not when the first client is given a
/// permission that is good for nothing. [`Permission`](crate::Permission) takes it as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// Longest pattern, in bytes of UTF-8: no channel's name is longer.
    pub const BYTES_MAX: usize = 255;

    /// Whether `text` could match a channel's name and be written in a log: 1 to [`Pattern::BYTES_MAX`] bytes without
    /// control characters.
    pub fn is_valid(text: &str) -> bool {
        check(text).is_ok()
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no [`Pattern`]. Does not contain the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPattern(Fault);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong(usize),
    Control,
}

const EXPECTED: &str = "a pattern of 1 to 255 bytes without control characters";

fn check(text: &str) -> Result<(), NotAPattern> {
    match text.len() {
        0 => Err(NotAPattern(Fault::Empty)),
        bytes if bytes > Pattern::BYTES_MAX => Err(NotAPattern(Fault::TooLong(bytes))),
        _ if text.chars().any(char::is_control) => Err(NotAPattern(Fault::Control)),
        _ => Ok(()),
    }
}

impl fmt::Display for NotAPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {EXPECTED}, found ")?;
        match self.0 {
            Fault::Empty => f.write_str("an empty one"),
            Fault::TooLong(bytes) => write!(f, "{bytes} bytes"),
            Fault::Control => f.write_str("a control character"),
        }
    }
}

impl std::error::Error for NotAPattern {}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        check(text).map(|()| Self(text.to_owned()))
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl From<&Pattern> for String {
    fn from(pattern: &Pattern) -> Self {
        pattern.0.clone()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(PatternVisitor)
    }
}

struct PatternVisitor;

impl Visitor<'_> for PatternVisitor {
    type Value = Pattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Pattern, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Permission;
    use crate::options::from_json;

    #[derive(Debug, serde::Deserialize)]
    struct Options {
        readable: Vec<Pattern>,
    }

    fn error(item: &str) -> String {
        let json = serde_json::json!({"readable": ["news.*", item]}).to_string();
        from_json::<Options>(json.as_bytes()).expect_err("the second item is wrong").to_string()
    }

    #[test]
    fn patterns_of_options_go_into_permissions() {
        let longest = "ä".repeat(127) + "x";
        let json = serde_json::json!({"readable": ["news.*", "*", " ", longest]}).to_string();
        let options: Options = from_json(json.as_bytes()).unwrap();
        let permissions: Vec<Permission> = options.readable.iter().map(Permission::read).collect();
        assert_eq!(permissions, ["news.*", "*", " ", &longest].map(Permission::read));
        assert_eq!(options.readable[0].as_str(), "news.*");
    }

    #[test]
    fn what_matches_no_channel_is_an_error_without_the_pattern() {
        let expected =
            "option `readable`, item 2: expected a pattern of 1 to 255 bytes without control characters, found";
        assert_eq!(error(""), format!("{expected} an empty one"));
        assert_eq!(error(&"x".repeat(256)), format!("{expected} 256 bytes"));
        assert_eq!(error("secret\n"), format!("{expected} a control character"));
        assert_eq!(error("secret\u{85}"), format!("{expected} a control character"));
        assert!(EXPECTED.contains(&Pattern::BYTES_MAX.to_string()));
        assert!(Pattern::is_valid("a") && !Pattern::is_valid("") && !Pattern::is_valid("\0"));
        assert!(Pattern::is_valid(&"x".repeat(255)) && !Pattern::is_valid(&"x".repeat(256)));
        let number = from_json::<Options>(br#"{"readable":[7]}"#).unwrap_err().to_string();
        assert_eq!(
            number,
            "option `readable`, item 1: expected a pattern of 1 to 255 bytes without control characters, found a number"
        );
    }
}
