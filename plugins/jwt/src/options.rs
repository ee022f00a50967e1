//! Options as they stand in the settings, and the rules that follow from them without any key.
//!
//! **Invariant:** a key that was read is wiped when the options are dropped.

use crate::claims::Rules;
use pusu_plugin_api::options::{Place, Time};
use pusu_plugin_api::serde::de::value::SeqAccessDeserializer;
use pusu_plugin_api::serde::de::{Deserializer, Error, SeqAccess, Visitor};
use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{CreateError, Pattern};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// What clocks may differ by unless `jwt_leeway` says otherwise.
const LEEWAY: Time = Time(Duration::from_secs(30));
/// More than that is no difference between clocks, but tokens that do not expire.
const LEEWAY_MAX: Time = Time(Duration::from_secs(3600));

#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) jwt_signing_algorithms: Vec<String>,
    pub(crate) jwt_verification_key: Option<Zeroizing<String>>,
    pub(crate) jwt_verification_key_file: Option<String>,
    pub(crate) jwt_jwks_file: Option<String>,
    #[serde(default)]
    jwt_issuer: Names,
    #[serde(default)]
    jwt_audience: Names,
    jwt_leeway: Option<Time>,
    jwt_require_expiry: Option<bool>,
    pub(crate) allowed_channels: Option<Vec<Pattern>>,
}

impl Options {
    /// What claims are held against.
    ///
    /// # Errors
    /// A leeway of more than an hour, an empty name.
    pub(crate) fn rules(&self) -> Result<Rules, CreateError> {
        let leeway = self.jwt_leeway.unwrap_or(LEEWAY);
        if leeway > LEEWAY_MAX {
            return Err(Place::option("jwt_leeway").error(format_args!(
                "expected at most an hour, found {leeway}; it makes up for clocks that differ, and adds to the life of \
                 tokens"
            )));
        }
        Ok(Rules {
            issuers: self.jwt_issuer.checked("jwt_issuer")?,
            audiences: self.jwt_audience.checked("jwt_audience")?,
            leeway_ms: i64::try_from(leeway.0.as_millis()).expect("an hour at most"),
            require_expiry: self.jwt_require_expiry.unwrap_or(true),
        })
    }
}

/// One name, or a list of them of which one has to be the token's.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn checked(&self, option: &str) -> Result<Vec<String>, CreateError> {
        if self.0.iter().any(String::is_empty) {
            return Err(
                Place::option(option).error("expected a name, found an empty text; remove the option if any will do")
            );
        }
        Ok(self.0.clone())
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Names, E> {
        Ok(Names(vec![name.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<Names, A::Error> {
        let names = Vec::<String>::deserialize(SeqAccessDeserializer::new(names))?;
        // A list that is there and empty would switch the check off without saying so.
        if names.is_empty() { Err(A::Error::invalid_length(0, &"at least one")) } else { Ok(Names(names)) }
    }
}
