//! Errors in the options, without the values that stand there.

use super::place::{Place, Step};
use serde::de::{Expected, Unexpected};
use std::fmt::{self, Display};

/// From here on (0 = nothing alike, 1 = equal; Jaro-Winkler) a name is taken for what the operator meant. The relay has
/// the same bound for the names that it knows.
const LIKENESS_MIN: f64 = 0.8;

/// What serde calls the type.
const BOOLEAN: &str = "a boolean";

/// What is wrong, and where. See the invariant of the module above.
#[derive(Debug)]
pub(super) struct OptionsError {
    place: Place,
    text: String,
}

impl OptionsError {
    pub(super) fn new(text: String) -> Self {
        Self { place: Place::whole(), text }
    }

    /// The same error, found within `outer`.
    pub(super) fn within(mut self, outer: Step) -> Self {
        self.place.put_within(outer);
        self
    }
}

impl Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_whole() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for OptionsError {}

impl serde::de::Error for OptionsError {
    /// What the author's own code says.
    fn custom<T: Display>(text: T) -> Self {
        Self::new(text.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = in_words(expected);
        // The text is not looked at: it may be a secret in the wrong line.
        let hint = match found {
            Unexpected::Str(_) if expected == BOOLEAN => {
                ": write true or false without quotes (`yes`, `no`, `on` and `off` are strings, as in YAML 1.2)"
            }
            _ => "",
        };
        Self::new(format!("expected {expected}, found {}{hint}", kind(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let article_dropped = kind(found).trim_start_matches("a ").trim_start_matches("an ");
        Self::new(format!("expected {}, found another {article_dropped}", in_words(expected)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {length}"))
    }

    fn unknown_variant(_found: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("expected one of {}", quoted(expected)))
    }

    /// The name of an option that does not exist is shown: it is what the operator has to correct, and the relay has
    /// checked the names at the top against the manifest before.
    fn unknown_field(found: &str, expected: &'static [&'static str]) -> Self {
        let known =
            if expected.is_empty() { "there are none".to_owned() } else { format!("there are {}", quoted(expected)) };
        Self::new(format!("there is no option `{found}`{}; {known}", did_you_mean(found, expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the option `{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("the option `{field}` stands there twice"))
    }
}

/// ` (did you mean ...?)` if one of `known` is like `written`, or nothing.
fn did_you_mean(written: &str, known: &[&str]) -> String {
    let written = written.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(&written, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| format!(" (did you mean `{name}`?)"))
        .unwrap_or_default()
}

/// What serde's own types expect, in the words of YAML.
fn in_words(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number in range, not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number in range".to_owned(),
        other => other.to_owned(),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The type of a value in an operator's words.
fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a mapping",
        _ => "something else",
    }
}
