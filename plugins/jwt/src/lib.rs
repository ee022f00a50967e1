//! `JwtAuthenticator`: a JSON Web Token, signed by somebody the operator trusts, says what its holder may read and
//! write.
//!
//! ```yaml
//! authenticator: JwtAuthenticator
//! jwt_signing_algorithms: [HS256]
//! jwt_verification_key: "a long random text"
//! ```
//!
//! The claim `pusu` holds the patterns: `{"read": ["news.*"], "write": ["chat.alice.*"]}`, or another claim, or rules of the
//! operator's (`jwt_grants`) about the claims that an issuer writes anyway. Nothing in a token chooses how it is checked:
//! algorithms and keys are the operator's.
//! **Invariant:** no part of a token but its subject is in a log, an error or a reason. Refusals are texts that stand in this
//! source, with names of claims that stand in the settings.

mod algorithms;
mod claims;
mod decider;
mod detail;
mod grants;
mod keys;
mod members;
mod options;
mod patterns;
mod remote;
mod token;

use decider::{Decider, Outcome};
use keys::Keys;
use options::{Options, Settings};
use pusu_plugin_api::{
    AsyncAuthenticator, Check, Condition, CreateError, Health, Host, Reload, Reply, Request, Ticket, Verdict,
    export_authenticator,
};
use remote::{Fetching, Waiting};
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use zeroize::Zeroizing;

export_authenticator! {
    JwtAuthenticator: Check + Health + Reload,
    id: "JwtAuthenticator",
    options: &[
        "jwt_signing_algorithms",
        "jwt_verification_key",
        "jwt_verification_key_file",
        "jwt_jwks_file",
        "jwt_jwks_url",
        "jwt_oidc_issuer",
        "jwt_jwks_ca_file",
        "jwt_jwks_max_age",
        "jwt_issuer",
        "jwt_audience",
        "jwt_leeway",
        "jwt_require_expiry",
        "jwt_claim",
        "jwt_grants",
        "allowed_channels",
    ],
}

/// Answers in the call, but for tokens that wait for their keys to be fetched.
struct JwtAuthenticator {
    /// Stopped first: its thread uses the decider.
    _fetching: Option<Fetching>,
    decider: Arc<Decider>,
}

impl AsyncAuthenticator for JwtAuthenticator {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        let Settings { algorithms, source, rules, grants, allowed } = Settings::of(options, &host)?;
        if !rules.require_expiry {
            host.warn("`jwt_require_expiry` is false: a token without `exp` gives its permissions for ever");
        }
        let (keys, fetching) = source.open(algorithms, &host)?;
        let abstains = host.entry().is_some_and(|entry| !entry.is_last());
        let decider = Arc::new(Decider { keys, rules, grants, allowed, abstains });
        if let Keys::Remote(remote) = &decider.keys {
            // Not the other way round as well: the decider has the keys.
            let decider = Arc::downgrade(&decider);
            remote.decide_by(move |token| {
                let decider = decider.upgrade()?;
                match decider.decide(token, SystemTime::now()) {
                    Ok(Outcome::Verdict(verdict)) => Some(verdict),
                    Ok(Outcome::Later(_)) => None,
                    Err(denied) => Some(denied.into()),
                }
            });
        }
        Ok(Self { _fetching: fetching, decider })
    }

    fn authorize(&self, request: &Request<'_>, reply: Reply) {
        let token = request.authorization().as_bytes();
        let verdict = match self.decider.decide(token, SystemTime::now()) {
            Ok(Outcome::Verdict(verdict)) => verdict,
            Ok(Outcome::Later(key_id)) => return self.wait(token, key_id, request, reply),
            Err(denied) => denied.into(),
        };
        // Whether anybody still waits is the relay's business.
        let _ = reply.send(verdict);
    }

    fn cancel(&self, ticket: Ticket) {
        if let Keys::Remote(remote) = &self.decider.keys {
            remote.cancel(ticket);
        }
    }
}

impl JwtAuthenticator {
    fn wait(&self, token: &[u8], key_id: String, request: &Request<'_>, reply: Reply) {
        let since = Instant::now();
        let waiting =
            Waiting { token: Zeroizing::new(token.to_vec()), key_id, since, until: since + request.timeout(), reply };
        match &self.decider.keys {
            Keys::Remote(remote) => remote.wait(waiting),
            Keys::One(_) | Keys::File(_) => {
                let _ = waiting.reply.send(Verdict::unavailable("the key of the token is not known yet"));
            }
        }
    }
}

impl Check for JwtAuthenticator {
    fn check(options: Options, host: &Host) -> Result<(), CreateError> {
        let settings = Settings::of(options, host)?;
        settings.source.check(&settings.algorithms, host)
    }
}

impl Health for JwtAuthenticator {
    fn health(&self) -> Condition {
        self.decider.keys.condition()
    }
}

/// So that a signal to a relay whose issuer is down does not cost it the keys that it has.
impl Reload for JwtAuthenticator {
    fn reload(&self) -> Result<(), CreateError> {
        self.decider.keys.reload()
    }
}

#[cfg(test)]
mod tests;
