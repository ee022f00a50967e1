//! Names that the operator gives to passwords: whom a client is known as that knows one.
//!
//! **Invariant:** no name is one of those that clients without a name of their own have, so that each means one thing.
//! **Invariant:** no message shows a name: it may be a password in the wrong line.

use crate::list::{FILE, OPTION};
use pusu_plugin_api::serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;

/// Whom a client is known as that knows no password, where everybody may read.
pub(crate) const ANYONE: &str = "anyone";
/// Longest name, in bytes.
const BYTES_MAX: usize = 128;

/// A name: 1 to 128 bytes of text without control characters, or blanks at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// # Errors
    /// What is wrong, without the text.
    fn new(text: String) -> Result<Self, String> {
        let wrong = |found: &str| {
            Err(format!(
                "expected a name of 1 to {BYTES_MAX} bytes, without control characters and without blanks at its ends, \
                 found {found}"
            ))
        };
        if text.is_empty() {
            return wrong("an empty one");
        }
        if text.len() > BYTES_MAX {
            return wrong("a longer one");
        }
        if text.contains(is_unseen) {
            return wrong("one with a control character, or another that cannot be seen");
        }
        if text.trim() != text {
            return wrong("one with a blank at its end");
        }
        if is_given_to_the_nameless(&text) {
            return Err(format!(
                "expected a name of its own, found one that is given where there is none (`{ANYONE}`, `{} 1`, `{} 1`)",
                OPTION.subject, FILE.subject
            ));
        }
        Ok(Self(text))
    }
}

/// Whether nobody who reads it would notice that it is there: somebody who has to be thrown out would not be found by name.
fn is_unseen(character: char) -> bool {
    let directs_others = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
    let joins_others =
        matches!(character, '\u{ad}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}');
    character.is_control()
        || directs_others
        || joins_others
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_given_to_the_nameless(text: &str) -> bool {
    let is_position = |behind: &str| behind.starts_with(|first: char| first.is_ascii_digit());
    let is_like =
        |subject: &str| text.strip_prefix(subject).and_then(|text| text.strip_prefix(' ')).is_some_and(is_position);
    text == ANYONE || [OPTION, FILE].iter().any(|source| is_like(source.subject))
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name, as text (one that looks like a number is written in quotes)")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Name, E> {
        Name::new(text.to_owned()).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_that_can_be_seen() {
        for good in ["a", "alice", "Alice B. ☃", "password", "password of alice", "password3", "anyone else"] {
            assert_eq!(Name::new(good.into()).unwrap().as_str(), good);
        }
        assert!(Name::new("x".repeat(128)).is_ok());
        for (bad, found) in [
            (String::new(), "found an empty one"),
            ("x".repeat(129), "found a longer one"),
            ("hunter2\n".into(), "control character"),
            ("hunter2\u{7f}x".into(), "control character"),
            ("hunter2\u{202e}x".into(), "cannot be seen"),
            ("\u{feff}hunter2".into(), "cannot be seen"),
            (" hunter2".into(), "a blank at its end"),
            ("hunter2\u{a0}".into(), "a blank at its end"),
            ("anyone".into(), "given where there is none"),
            ("password 3".into(), "given where there is none"),
            ("file password 3 of entry 2".into(), "given where there is none"),
        ] {
            let error = Name::new(bad.clone()).unwrap_err();
            assert!(error.contains(found) && !error.contains("hunter2"), "{bad:?}: {error}");
        }
    }
}
