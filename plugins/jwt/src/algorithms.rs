//! Algorithms of signatures, and the names of `jwt_signing_algorithms`.

use jsonwebtoken::Algorithm as Known;
use pusu_plugin_api::CreateError;
use pusu_plugin_api::options::Place;
use std::fmt;
use std::str::FromStr;

/// What the operator may choose from, as the errors list it.
const NAMES: &str = "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA";

/// An algorithm that signatures are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// One of the library for tokens.
    Of(Known),
    /// ECDSA on the curve P-521 with SHA-512, which that library does not have.
    Es512,
}

impl FromStr for Algorithm {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "ES512" => Ok(Self::Es512),
            name => name.parse().map(Self::Of).map_err(drop),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(known) => write!(f, "{known:?}"),
            Self::Es512 => f.write_str("ES512"),
        }
    }
}

/// Reads the names.
///
/// # Errors
/// There are none, or one is unknown.
pub(crate) fn parse(names: &[String]) -> Result<Vec<Algorithm>, CreateError> {
    let option = Place::option("jwt_signing_algorithms");
    if names.is_empty() {
        return Err(option.error(format_args!(
            "expected at least one of {NAMES}: the algorithm that your tokens are signed with, found an empty list"
        )));
    }
    let mut algorithms = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let place = option.item(index);
        let algorithm: Algorithm = name.parse().map_err(|()| {
            if name.eq_ignore_ascii_case("none") {
                return place.error(format_args!(
                    "tokens without a signature are never accepted, remove `{name}`; to let everybody \
                     in there is `authenticator: None`"
                ));
            }
            place.error(format_args!("expected one of {NAMES}, found `{}`", name.escape_debug()))
        })?;
        if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
    }
    Ok(algorithms)
}

/// The shortest secret in bytes that RFC 7518, section 3.2 allows with this algorithm; `None` if it takes no secret.
pub(crate) fn secret_bytes_min(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::Of(Known::HS256) => Some(32),
        Algorithm::Of(Known::HS384) => Some(48),
        Algorithm::Of(Known::HS512) => Some(64),
        _ => None,
    }
}

/// The names, comma separated.
pub(crate) fn names(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(Algorithm::to_string).collect::<Vec<_>>().join(", ")
}
