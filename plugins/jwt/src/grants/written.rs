//! Rules as they stand in the settings, and the check that each can give something.

use super::condition::{Condition, Test};
use super::possibility::{self, Tokens};
use super::template;
use super::{KINDS, Rule};
use crate::claims::ClaimPath;
use pusu_plugin_api::options::Place;
use pusu_plugin_api::serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use pusu_plugin_api::serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{CreateError, Host, Pattern};
use serde_json::Value;
use std::fmt;

/// One rule as it was written.
#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
pub(crate) struct WrittenRule {
    when: Option<Several<WrittenCondition>>,
    read: Option<Vec<Pattern>>,
    write: Option<Vec<Pattern>>,
    dots: Option<bool>,
}

#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct WrittenCondition {
    claim: ClaimPath,
    equals: Option<Several<Scalar>>,
    contains: Option<Several<String>>,
    exists: Option<bool>,
}

impl WrittenRule {
    /// The rule that is meant. It can give something for some token.
    ///
    /// # Errors
    /// It never gives anything, or something is wrong with it.
    pub(crate) fn meant(self, place: &Place, tokens: &Tokens<'_>, host: &Host) -> Result<Rule, CreateError> {
        let rule = self.read(place)?;
        possibility::check(&rule, tokens).map_err(|why| place.error(why))?;
        if rule.dots {
            for (name, access) in KINDS {
                let templates = rule.patterns.iter().filter(|(of, _)| *of == access);
                for (index, _) in templates.enumerate().filter(|(_, (_, of))| template::mixes_up_dots(of)) {
                    host.warn(format_args!(
                        "{place}: `{name}`, item {}: with `dots: true` a value that goes on behind a dot lies within the \
                         channels of a shorter one; make sure that the issuer gives out no such values",
                        index + 1
                    ));
                }
            }
        }
        Ok(rule)
    }

    /// The rule as it stands there, whether it can give something or not.
    ///
    /// # Errors
    /// Something is wrong with it.
    pub(super) fn read(self, place: &Place) -> Result<Rule, CreateError> {
        let mut conditions = Vec::new();
        for condition in self.when.map_or_else(Vec::new, |Several(when)| when) {
            conditions.push(condition.meant().map_err(|text| place.error(format_args!("`when`: {text}")))?);
        }
        let mut patterns = Vec::new();
        for ((name, access), written) in KINDS.into_iter().zip([&self.read, &self.write]) {
            for (index, pattern) in written.iter().flatten().enumerate() {
                let fail = |text: String| place.error(format_args!("`{name}`, item {}: {text}", index + 1));
                patterns.push((access, template::parse(pattern).map_err(fail)?));
            }
        }
        if patterns.is_empty() {
            return Err(place.error(
                "expected at least one pattern below `read` or `write`, found none, so that the rule gives nothing",
            ));
        }
        Ok(Rule { conditions, patterns, dots: self.dots.unwrap_or(false) })
    }
}

impl WrittenCondition {
    fn meant(self) -> Result<Condition, String> {
        const EXPECTED: &str = "expected one of `equals`, `contains` and `exists: true`";
        let test = match (self.equals, self.contains, self.exists) {
            (Some(Several(any)), None, None) => Test::Equals(any.into_iter().map(|Scalar(value)| value).collect()),
            (None, Some(Several(any)), None) => {
                if any.iter().any(|text| text.is_empty()) {
                    return Err("`contains`: expected a text, found an empty one".to_owned());
                }
                Test::Contains(any)
            }
            (None, None, Some(true)) => Test::Exists,
            (None, None, Some(false)) => {
                return Err(format!(
                    "{EXPECTED}, found `exists: false`: whoever leaves the claim out would get more than others"
                ));
            }
            (None, None, None) => return Err(format!("{EXPECTED}, found none of them")),
            _ => return Err(format!("{EXPECTED}, found several; write a list of conditions, which all have to hold")),
        };
        Ok(Condition { claim: self.claim, test })
    }
}

/// One of them, or a list.
struct Several<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeveralVisitor(std::marker::PhantomData))
    }
}

struct SeveralVisitor<T>(std::marker::PhantomData<T>);

impl<T> SeveralVisitor<T> {
    fn one<'de, E: Error>(value: impl Deserializer<'de, Error = E>) -> Result<Several<T>, E>
    where
        T: Deserialize<'de>,
    {
        T::deserialize(value).map(|one| Several(vec![one]))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for SeveralVisitor<T> {
    type Value = Several<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Several<T>, E> {
        Self::one(serde::de::value::StrDeserializer::new(text))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Several<T>, E> {
        Self::one(serde::de::value::BoolDeserializer::new(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Several<T>, E> {
        Self::one(serde::de::value::U64Deserializer::new(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Several<T>, E> {
        Self::one(serde::de::value::I64Deserializer::new(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Several<T>, E> {
        Self::one(serde::de::value::F64Deserializer::new(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Several<T>, A::Error> {
        Self::one(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Several<T>, A::Error> {
        let items = Vec::<T>::deserialize(SeqAccessDeserializer::new(items))?;
        // A list that is there and empty is no condition that anybody could meet.
        if items.is_empty() { Err(A::Error::invalid_length(0, &"at least one")) } else { Ok(Several(items)) }
    }
}

/// A text, a number or a boolean.
struct Scalar(Value);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or a boolean")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(text.into()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }
}
