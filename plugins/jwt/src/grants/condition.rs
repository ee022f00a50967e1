//! Conditions on a claim: that it equals something, contains something, or is there.
//!
//! **Invariant:** nothing is converted: `"true"` is not `true`, and a list equals nothing. A condition that a claim does not
//! meet to the letter is not met.

use crate::claims::{ClaimPath, Denied};
use crate::members::Members;
use serde_json::Value;

/// One condition on one claim.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) claim: ClaimPath,
    pub(crate) test: Test,
}

/// What is asked of a claim.
#[derive(Debug, PartialEq)]
pub(crate) enum Test {
    /// It is one of these texts, numbers and booleans.
    Equals(Vec<Value>),
    /// It is a list that has one of these texts, or a text of words with spaces between that has one of them.
    Contains(Vec<String>),
    /// It is there, and is not `null`.
    Exists,
}

impl Condition {
    /// Why the claims do not meet it, without what stands in them; `None`: they do.
    ///
    /// # Errors
    /// The claim cannot be read.
    pub(crate) fn unmet(&self, claims: &Members<'_>) -> Result<Option<String>, Denied> {
        let claim = &self.claim;
        let why = match value(claim, claims)? {
            None | Some(Value::Null) => "is missing",
            Some(found) if self.test.is_met_by(&found) => return Ok(None),
            Some(_) => match &self.test {
                Test::Equals(_) => "does not equal what `when` wants",
                Test::Contains(_) => "does not contain what `when` wants",
                Test::Exists => "is missing",
            },
        };
        Ok(Some(format!("`{claim}` {why}")))
    }
}

impl Test {
    /// Whether a value of the claim meets it.
    pub(super) fn is_met_by(&self, found: &Value) -> bool {
        match self {
            Self::Equals(any) => any.iter().any(|wanted| equal(wanted, found)),
            Self::Contains(any) => {
                let has = |text: &str| any.iter().any(|wanted| wanted == text);
                match found {
                    Value::String(words) => words.split(' ').any(has),
                    Value::Array(items) => items.iter().filter_map(Value::as_str).any(has),
                    _ => false,
                }
            }
            Self::Exists => !found.is_null(),
        }
    }
}

/// The value of a claim, if it is there.
///
/// # Errors
/// It cannot be read: it is nested too deeply, or an object on the way has a name twice.
pub(crate) fn value(claim: &ClaimPath, claims: &Members<'_>) -> Result<Option<Value>, Denied> {
    let found = claim.find(claims).map_err(|_| Denied::malformed(claim.first(), "each name once"))?;
    let read = found.map(|found| serde_json::from_str(found.get())).transpose();
    read.map_err(|_| Denied::malformed(claim, "JSON that is not nested deeply"))
}

/// Numbers are compared as numbers: 1 and 1.0 are one.
fn equal(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64() && is_exact(one),
        (wanted, found) => wanted == found && !found.is_array() && !found.is_object(),
    }
}

/// Whether a number is the same as a float; large whole numbers are not.
fn is_exact(number: &serde_json::Number) -> bool {
    number.as_f64().is_some_and(|float| float.abs() < 9_007_199_254_740_992.0)
}
