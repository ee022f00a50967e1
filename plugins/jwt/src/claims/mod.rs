//! The claims of a token (RFC 7519) and the rules they are held against.
//!
//! The payload is read here and not by the library that checks the signature, so that there is one place that decides
//! and one reading of each claim.
//! **Invariant:** a claim of the wrong type refuses the token, whether anybody needs it or not.

mod denied;
mod moment;
mod path;

pub(crate) use denied::Denied;
pub(crate) use moment::Moment;
pub(crate) use path::{ClaimPath, Plain};

use crate::members::Members;
use crate::token::Refusal;
use pusu_plugin_api::Pattern;
use pusu_plugin_api::abi::SUBJECT_BYTES_MAX;
use pusu_plugin_api::json::{Object, present};
use pusu_plugin_api::serde::de::value::SeqAccessDeserializer;
use pusu_plugin_api::serde::de::{Deserializer, Error, SeqAccess, Visitor};
use pusu_plugin_api::serde::{self, Deserialize};
use std::fmt;

/// What the operator demands of every token.
pub(crate) struct Rules {
    /// Empty: any issuer, or none.
    pub(crate) issuers: Vec<String>,
    /// Empty: only tokens without audience.
    pub(crate) audiences: Vec<String>,
    /// What the clocks of issuer and relay may differ by.
    pub(crate) leeway_ms: i64,
    pub(crate) require_expiry: bool,
    /// Where the permissions stand; `None`: in no claim.
    pub(crate) claim: Option<ClaimPath>,
    /// Whether a token without that claim may get permissions elsewhere.
    pub(crate) claim_is_optional: bool,
}

/// What a good token says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Accepted {
    pub(crate) subject: String,
    /// `None`: never.
    pub(crate) expires_unix_ms: Option<u64>,
    /// Patterns of the claim with the permissions.
    pub(crate) read: Vec<String>,
    pub(crate) write: Vec<String>,
}

/// The claim with the permissions. A field that is not known is a slip of the pen in what gives permissions.
#[derive(Default, Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct Permissions {
    #[serde(default, deserialize_with = "present")]
    read: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    write: Option<Vec<String>>,
}

const PERMISSIONS: &str =
    "an object such as {\"read\":[\"news.*\"],\"write\":[]}, with lists of texts and nothing beside `read` and `write`";
const TEXT: &str = "a text";

/// Holds the claims against `rules` at `now_ms`, in milliseconds since 1970.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn check(claims: &Members<'_>, rules: &Rules, now_ms: i64) -> Result<Accepted, Denied> {
    let moment = |name: &str| -> Result<Option<i64>, Denied> {
        let read = claims.read::<Moment>(name).map_err(|_| Denied::malformed(name, "a number"))?;
        read.map(|moment| moment.unix_ms().map_err(|expected| Denied::malformed(name, expected))).transpose()
    };
    let text = |name: &str| claims.read::<String>(name).map_err(|_| Denied::malformed(name, TEXT));
    let (exp, nbf, _) = (moment("exp")?, moment("nbf")?, moment("iat")?);
    let (issuer, subject, _) = (text("iss")?, text("sub")?, text("jti")?);
    let audience = claims.read::<Audience>("aud").map_err(|_| Denied::malformed("aud", "a text or a list of texts"))?;
    let permissions = permissions(claims, rules)?;
    let expires_unix_ms = expiry(exp, rules, now_ms)?;
    if nbf.is_some_and(|from| from > now_ms.saturating_add(rules.leeway_ms)) {
        return Err(Denied::by("the token is not valid yet", "nbf", "is a time to come"));
    }
    check_issuer(issuer.as_deref(), rules)?;
    check_audience(audience, rules)?;
    let Permissions { read, write } = match (&rules.claim, permissions) {
        (Some(claim), None) if !rules.claim_is_optional => {
            let reason = if claim.to_string() == "pusu" {
                "the token has no claim `pusu`, so it gives access to no channel"
            } else {
                "the token does not have the claim that gives permissions, so it gives access to no channel"
            };
            return Err(Denied::by(reason, claim, "is missing"));
        }
        (_, permissions) => permissions.unwrap_or_default(),
    };
    let (read, write) = (read.unwrap_or_default(), write.unwrap_or_default());
    if let Some(claim) = rules.claim.as_ref().filter(|_| !read.iter().chain(&write).all(|one| Pattern::is_valid(one))) {
        let reason = if claim.to_string() == "pusu" {
            "the claim `pusu` has a pattern that is none: 1 to 255 bytes without control characters"
        } else {
            "the claim that gives permissions has a pattern that is none: 1 to 255 bytes without control characters"
        };
        return Err(Denied::by(reason, claim, "has a pattern that is none"));
    }
    if subject.as_ref().is_some_and(|subject| subject.len() > SUBJECT_BYTES_MAX) {
        return Err("the claim `sub` is longer than 1024 bytes".into());
    }
    Ok(Accepted { subject: subject.unwrap_or_default(), expires_unix_ms, read, write })
}

/// What the claim with the permissions says, if it is there.
fn permissions(claims: &Members<'_>, rules: &Rules) -> Result<Option<Permissions>, Denied> {
    let Some(claim) = &rules.claim else { return Ok(None) };
    let found = claim.find(claims).map_err(|_| Denied::malformed(claim.first(), "each name once"))?;
    let Some(found) = found else { return Ok(None) };
    let read = serde_json::from_str::<Object<Permissions>>(found.get());
    read.map(|Object(permissions)| Some(permissions)).map_err(|_| Denied::malformed(claim, PERMISSIONS))
}

fn check_issuer(issuer: Option<&str>, rules: &Rules) -> Result<(), Denied> {
    const REASON: Refusal = "the token is from another issuer";
    match issuer {
        _ if rules.issuers.is_empty() => Ok(()),
        None => Err(Denied::by(REASON, "iss", "is missing")),
        Some(issuer) if rules.issuers.iter().any(|known| known == issuer) => Ok(()),
        Some(_) => Err(Denied::by(REASON, "iss", "is not what `jwt_issuer` or `jwt_oidc_issuer` says")),
    }
}

/// RFC 7519, section 4.1.3: who is not among the audience of a token must not accept it; without `jwt_audience` this
/// relay is nobody.
fn check_audience(audience: Option<Audience>, rules: &Rules) -> Result<(), Denied> {
    const REASON: Refusal = "the token is for another audience";
    match audience {
        None if rules.audiences.is_empty() => Ok(()),
        None => Err(Denied::by(REASON, "aud", "is missing")),
        Some(_) if rules.audiences.is_empty() => {
            Err(Denied::by(REASON, "aud", "is there, and `jwt_audience` does not say which of them this relay is"))
        }
        Some(Audience(audience)) if audience.iter().any(|name| rules.audiences.contains(name)) => Ok(()),
        Some(_) => Err(Denied::by(REASON, "aud", "has nothing of `jwt_audience`")),
    }
}

/// When the permissions end. The leeway lets in a token that has expired only by a clock that goes ahead of the
/// issuer's; it does not lengthen the permissions of one that is presented in time.
fn expiry(exp: Option<i64>, rules: &Rules, now_ms: i64) -> Result<Option<u64>, Denied> {
    let end_ms = match exp {
        None if rules.require_expiry => return Err(Denied::by("the token has no `exp`", "exp", "is missing")),
        None => return Ok(None),
        Some(exp_ms) if exp_ms > now_ms => exp_ms,
        Some(exp_ms) => exp_ms.saturating_add(rules.leeway_ms),
    };
    if end_ms <= now_ms {
        return Err("the token has expired".into());
    }
    // Negative only where the clock stands before 1970: expired all the same, and never "for ever".
    Ok(Some(u64::try_from(end_ms).unwrap_or(0)))
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
