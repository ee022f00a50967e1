//! The claims of a token (RFC 7519) and the rules they are held against.
//!
//! The payload is read here and not by the library that checks the signature, so that there is one place that decides
//! and one reading of each claim.
//! **Invariant:** a claim of the wrong type refuses the token, whether anybody needs it or not.

use crate::token::Refusal;
use pusu_plugin_api::Pattern;
use pusu_plugin_api::abi::SUBJECT_BYTES_MAX;
use pusu_plugin_api::json::{Object, present};
use pusu_plugin_api::serde::de::value::SeqAccessDeserializer;
use pusu_plugin_api::serde::de::{Deserializer, Error, SeqAccess, Visitor};
use pusu_plugin_api::serde::{self, Deserialize};
use std::fmt;

/// The last second of the year 9999. A later time is one in milliseconds.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// What the operator demands of every token.
pub(crate) struct Rules {
    /// Empty: any issuer, or none.
    pub(crate) issuers: Vec<String>,
    /// Empty: only tokens without audience.
    pub(crate) audiences: Vec<String>,
    /// What the clocks of issuer and relay may differ by.
    pub(crate) leeway_ms: i64,
    pub(crate) require_expiry: bool,
}

/// What a good token says.
#[derive(Debug, PartialEq)]
pub(crate) struct Accepted {
    pub(crate) subject: String,
    /// `None`: never.
    pub(crate) expires_unix_ms: Option<u64>,
    pub(crate) read: Vec<String>,
    pub(crate) write: Vec<String>,
}

/// The claims with a meaning here. serde refuses each of them that stands there twice.
#[derive(Deserialize)]
#[serde(crate = "serde")]
struct Claims {
    #[serde(default, deserialize_with = "present")]
    exp: Option<Moment>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<Moment>,
    #[serde(default, deserialize_with = "present")]
    #[expect(dead_code, reason = "read so that a wrong type is found")]
    iat: Option<Moment>,
    #[serde(default, deserialize_with = "present")]
    iss: Option<String>,
    #[serde(default, deserialize_with = "present")]
    sub: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[expect(dead_code, reason = "read so that a wrong type is found")]
    jti: Option<String>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "present")]
    pusu: Option<Object<Pusu>>,
}

/// The claim `pusu`. A field that is not known is a slip of the pen in what gives permissions.
#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct Pusu {
    #[serde(default, deserialize_with = "present")]
    read: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    write: Option<Vec<String>>,
}

/// Reads the claims and holds them against `rules` at `now_ms`, in milliseconds since 1970.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn check(payload: &[u8], rules: &Rules, now_ms: i64) -> Result<Accepted, Refusal> {
    let Object(claims): Object<Claims> = serde_json::from_slice(payload).map_err(|_| "a claim is malformed")?;
    let expires_unix_ms = expiry(claims.exp, rules, now_ms)?;
    if claims.nbf.is_some_and(|from| from.0 > now_ms.saturating_add(rules.leeway_ms)) {
        return Err("the token is not valid yet");
    }
    if !rules.issuers.is_empty() && !claims.iss.is_some_and(|issuer| rules.issuers.contains(&issuer)) {
        return Err("the token is from another issuer");
    }
    // RFC 7519, section 4.1.3: who is not among the audience of a token must not accept it; without `jwt_audience` this
    // relay is nobody.
    let for_us = match claims.aud {
        Some(Audience(audience)) => audience.iter().any(|name| rules.audiences.contains(name)),
        None => rules.audiences.is_empty(),
    };
    if !for_us {
        return Err("the token is for another audience");
    }
    let Some(Object(Pusu { read, write })) = claims.pusu else {
        return Err("the token has no claim `pusu`, so it gives access to no channel");
    };
    let (read, write) = (read.unwrap_or_default(), write.unwrap_or_default());
    if !read.iter().chain(&write).all(|pattern| Pattern::is_valid(pattern)) {
        return Err("the claim `pusu` has a pattern that is none: 1 to 255 bytes without control characters");
    }
    if claims.sub.as_ref().is_some_and(|subject| subject.len() > SUBJECT_BYTES_MAX) {
        return Err("the claim `sub` is longer than 1024 bytes");
    }
    Ok(Accepted { subject: claims.sub.unwrap_or_default(), expires_unix_ms, read, write })
}

/// When the permissions end. The leeway lets in a token that has expired only by a clock that goes ahead of the
/// issuer's; it does not lengthen the permissions of one that is presented in time.
fn expiry(exp: Option<Moment>, rules: &Rules, now_ms: i64) -> Result<Option<u64>, Refusal> {
    let end_ms = match exp {
        None if rules.require_expiry => return Err("the token has no `exp`"),
        None => return Ok(None),
        Some(Moment(exp_ms)) if exp_ms > now_ms => exp_ms,
        Some(Moment(exp_ms)) => exp_ms.saturating_add(rules.leeway_ms),
    };
    if end_ms <= now_ms {
        return Err("the token has expired");
    }
    // Negative only where the clock stands before 1970: expired all the same, and never "for ever".
    Ok(Some(u64::try_from(end_ms).unwrap_or(0)))
}

/// A `NumericDate`, in milliseconds since 1970.
struct Moment(i64);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(-SECONDS_MAX..=SECONDS_MAX).contains(&seconds) {
            return Err(D::Error::custom("not a time in seconds"));
        }
        // In range; a number with a fraction is a little off what was written.
        Ok(Self((seconds * 1000.0).round() as i64))
    }
}

/// `aud`: one text or a list of them.
struct Audience(Vec<String>);

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AudienceVisitor)
    }
}

struct AudienceVisitor;

impl<'de> Visitor<'de> for AudienceVisitor {
    type Value = Audience;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Audience, E> {
        Ok(Audience(vec![name.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<Audience, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(names)).map(Audience)
    }
}
