//! `JwtAuthenticator`: a JSON Web Token, signed by somebody the operator trusts, says what its holder may read and
//! write.
//!
//! ```yaml
//! authenticator: JwtAuthenticator
//! jwt_signing_algorithms: [HS256]
//! jwt_verification_key: "a long random text"
//! ```
//!
//! The claim `pusu` holds the patterns: `{"read": ["news.*"], "write": ["chat.alice.*"]}`. Nothing in a token chooses how
//! it is checked: algorithms and keys are the operator's.
//! **Invariant:** no part of a token is in a log, an error or a reason. Refusals are texts that stand in this source.

mod algorithms;
mod claims;
mod keys;
mod options;
mod patterns;
mod token;

use claims::{Accepted, Rules};
use keys::Keys;
use options::Options;
use patterns::Allowed;
use pusu_plugin_api::abi::PERMISSIONS_MAX;
use pusu_plugin_api::{Access, Authenticator, CreateError, Host, Permission, Request, Verdict, export_authenticator};
use std::time::{SystemTime, UNIX_EPOCH};
use token::{Fault, Refusal, Token};

export_authenticator! {
    JwtAuthenticator,
    id: "JwtAuthenticator",
    options: &[
        "jwt_signing_algorithms",
        "jwt_verification_key",
        "jwt_verification_key_file",
        "jwt_jwks_file",
        "jwt_issuer",
        "jwt_audience",
        "jwt_leeway",
        "jwt_require_expiry",
        "allowed_channels",
    ],
}

/// What tokens are checked with, and what they may give at most.
struct JwtAuthenticator {
    keys: Keys,
    rules: Rules,
    allowed: Allowed,
}

impl Authenticator for JwtAuthenticator {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        let algorithms = algorithms::parse(&options.jwt_signing_algorithms)?;
        let rules = options.rules()?;
        let allowed = Allowed::new(options.allowed_channels.as_deref())?;
        if !rules.require_expiry {
            host.warn("`jwt_require_expiry` is false: a token without `exp` gives its permissions for ever");
        }
        let keys = Keys::of_options(options, algorithms, &host)?;
        Ok(Self { keys, rules, allowed })
    }

    fn authorize(&self, request: &Request<'_>) -> Verdict {
        match self.decide(request.authorization().as_bytes(), SystemTime::now()) {
            Ok(verdict) => verdict,
            Err(refusal) => Verdict::refuse(refusal),
        }
    }
}

impl JwtAuthenticator {
    /// What a token gives at `now`; it may be that this cannot be decided.
    fn decide(&self, token: &[u8], now: SystemTime) -> Result<Verdict, Refusal> {
        let token = Token::take_apart(token)?;
        match self.keys.check_signature(&token) {
            Ok(()) => {}
            Err(Fault::Refused(refusal)) => return Err(refusal),
            Err(Fault::Undecided) => {
                return Ok(Verdict::unavailable("the key that the token names (`kid`) may not have been read yet"));
            }
        }
        // Nothing of the payload is looked at before the signature has been found good.
        self.verdict(claims::check(&token.payload()?, &self.rules, unix_ms(now))?)
    }

    fn verdict(&self, accepted: Accepted) -> Result<Verdict, Refusal> {
        let (read, read_whole) = self.allowed.narrow(&accepted.read);
        let (write, write_whole) = self.allowed.narrow(&accepted.write);
        let permissions = merged(read, write);
        if permissions.is_empty() {
            return Err(if read_whole && write_whole {
                "the token gives access to no channel"
            } else {
                "nothing that the token gives is among the channels allowed here"
            });
        }
        if permissions.len() > PERMISSIONS_MAX {
            return Err("the token has too many patterns");
        }
        let mut verdict = Verdict::grant(permissions).with_subject(accepted.subject);
        if !(read_whole && write_whole) {
            verdict = verdict.with_detail("the token asks for more than allowed_channels");
        }
        if let Some(expires) = accepted.expires_unix_ms {
            verdict = verdict.expires_unix_ms(expires);
        }
        Ok(verdict)
    }
}

/// One permission a pattern, with both kinds of access where a pattern stands in both lists.
fn merged(read: Vec<String>, write: Vec<String>) -> Vec<Permission> {
    let mut permissions: Vec<Permission> = read.into_iter().map(Permission::read).collect();
    for pattern in write {
        match permissions.iter_mut().find(|permission| permission.pattern == pattern) {
            Some(both) => both.access = Access::READ_WRITE,
            None => permissions.push(Permission::write(pattern)),
        }
    }
    permissions
}

/// Milliseconds since 1970 UTC; negative before.
fn unix_ms(time: SystemTime) -> i64 {
    let whole = |milliseconds: u128| i64::try_from(milliseconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since.as_millis()),
        Err(before) => -whole(before.duration().as_millis()),
    }
}

#[cfg(test)]
mod tests;
