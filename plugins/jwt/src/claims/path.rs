//! Places of claims in a token: a name, or a way through objects, such as `resource_access.pusu`.

use crate::members::Members;
use pusu_plugin_api::serde::Deserialize;
use pusu_plugin_api::serde::de::value::SeqAccessDeserializer;
use pusu_plugin_api::serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Most steps.
const STEPS_MAX: usize = 8;
/// Claims that never have members (RFC 7519, section 4.1).
const PLAIN: [(&str, Plain); 7] = [
    ("iss", Plain::Text),
    ("sub", Plain::Text),
    ("aud", Plain::Audience),
    ("exp", Plain::Moment),
    ("nbf", Plain::Moment),
    ("iat", Plain::Moment),
    ("jti", Plain::Text),
];

/// What a registered claim is; a token in which it is something else is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    Text,
    /// A text or a list of texts.
    Audience,
    /// A number of seconds since 1970.
    Moment,
}

/// Where a claim stands, as the operator says it. Nothing in a token changes how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimPath {
    shown: String,
    steps: Vec<String>,
}

/// The claim is in no object that could have it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl ClaimPath {
    /// A claim of this name.
    pub(crate) fn name(name: &str) -> Self {
        Self { shown: name.to_owned(), steps: vec![name.to_owned()] }
    }

    /// Reads a text: one with `:` or `/` in it is a name (`https://example.com/pusu`), any other a name or names with dots
    /// between.
    ///
    /// # Errors
    /// No claim can stand there.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let steps = if text.contains([':', '/']) { vec![text] } else { text.split('.').collect() };
        Self::of(text, steps.into_iter().map(str::to_owned).collect())
    }

    fn of(shown: &str, steps: Vec<String>) -> Result<Self, String> {
        let plain = steps.first().filter(|first| steps.len() > 1 && plain(first).is_some());
        let fault = if steps.iter().any(String::is_empty) || steps.is_empty() {
            "expected the name of a claim, or names with dots between, found an empty one".to_owned()
        } else if steps.iter().flat_map(|step| step.chars()).any(char::is_control) {
            "expected the name of a claim, found a control character".to_owned()
        } else if steps.len() > STEPS_MAX {
            format!("expected at most {STEPS_MAX} names, found {}", steps.len())
        } else if let Some(plain) = plain {
            format!("`{plain}` is a text, a number or a list of texts, in which no claim can stand")
        } else {
            return Ok(Self { shown: shown.to_owned(), steps });
        };
        Err(fault)
    }

    /// The claim, if it is there. What lies on the way and is no object has none.
    ///
    /// # Errors
    /// What lies on the way is an object with a name twice.
    pub(crate) fn find<'a>(&self, claims: &Members<'a>) -> Result<Option<&'a RawValue>, Malformed> {
        let (first, rest) = self.steps.split_first().expect("there is at least one step");
        let mut found = claims.get(first);
        for step in rest {
            let Some(value) = found else { return Ok(None) };
            if !value.get().starts_with('{') {
                return Ok(None);
            }
            found = Members::parse(value.get().as_bytes()).map_err(|_| Malformed)?.get(step);
        }
        Ok(found)
    }

    /// What the claim is in every token, if it is a registered one.
    pub(crate) fn plain(&self) -> Option<Plain> {
        self.steps.first().filter(|_| self.steps.len() == 1).and_then(|name| plain(name))
    }

    /// Whether it stands in the object that `other` is.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.below(other).is_some()
    }

    /// The way to it through the object that `other` is, if it stands in that.
    pub(crate) fn below(&self, other: &Self) -> Option<&[String]> {
        self.steps.strip_prefix(other.steps.as_slice()).filter(|rest| !rest.is_empty())
    }

    /// The first step.
    pub(crate) fn first(&self) -> &str {
        &self.steps[0]
    }
}

fn plain(name: &str) -> Option<Plain> {
    PLAIN.iter().find(|(known, _)| *known == name).map(|(_, plain)| *plain)
}

/// As the operator has written it.
impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shown.escape_debug())
    }
}

impl<'de> Deserialize<'de> for ClaimPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PathVisitor)
    }
}

struct PathVisitor;

impl<'de> Visitor<'de> for PathVisitor {
    type Value = ClaimPath;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a claim, a path such as `resource_access.pusu`, or a list of names")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ClaimPath, E> {
        ClaimPath::parse(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<ClaimPath, A::Error> {
        let names = Vec::<String>::deserialize(SeqAccessDeserializer::new(names))?;
        ClaimPath::of(&names.join("."), names).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &ClaimPath, json: &str) -> Result<Option<String>, Malformed> {
        let members = Members::parse(json.as_bytes()).unwrap();
        path.find(&members).map(|value| value.map(|value| value.get().to_owned()))
    }

    #[test]
    fn names_and_paths_lead_to_claims() {
        let of = |text: &str| ClaimPath::parse(text).unwrap();
        let list = |names: &[&str]| ClaimPath::of("", names.iter().map(|&name| name.to_owned()).collect()).unwrap();
        for (path, json, expected) in [
            (of("scope"), r#"{"scope":"a b"}"#, Some(r#""a b""#)),
            (of("https://example.com/pusu"), r#"{"https://example.com/pusu":1}"#, Some("1")),
            (of("a.b.c"), r#"{"a":{"b":{"c":[1]}}}"#, Some("[1]")),
            (of("a.b"), r#"{"a":{"c":1}}"#, None),
            (of("a.b"), r#"{"a":"b"}"#, None),
            (of("a.b"), r#"{"a":["b"]}"#, None),
            (of("a.b"), r#"{"a.b":1}"#, None),
            (list(&["a.b", "c"]), r#"{"a.b":{"c":1}}"#, Some("1")),
            (of("a"), r#"{"b":1}"#, None),
        ] {
            assert_eq!(found(&path, json), Ok(expected.map(str::to_owned)), "{path} {json}");
        }
        assert_eq!(found(&of("a.b"), r#"{"a":{"b":1,"b":2}}"#), Err(Malformed));
    }

    #[test]
    fn what_no_claim_can_be_called_is_an_error() {
        for (text, wanted) in [
            ("", "an empty one"),
            ("a..b", "an empty one"),
            (".a", "an empty one"),
            ("a\n", "a control character"),
            ("sub.x", "`sub` is a text, a number or a list"),
            ("exp.x", "`exp` is"),
            ("a.b.c.d.e.f.g.h.i", "at most 8 names, found 9"),
        ] {
            let error = ClaimPath::parse(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
