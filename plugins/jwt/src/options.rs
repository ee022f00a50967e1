//! Options as they stand in the settings, and what follows from them without asking anybody.
//!
//! **Invariant:** a key that was read is wiped when the options are dropped.

use crate::algorithms::{self, Algorithm};
use crate::claims::{ClaimPath, Rules};
use crate::decider::unix_ms;
use crate::grants::{Rule, Tokens, WrittenRule};
use crate::keys::KeySource;
use crate::patterns::Allowed;
use crate::remote::Source;
use pusu_plugin_api::options::{Place, Time};
use pusu_plugin_api::serde::de::value::SeqAccessDeserializer;
use pusu_plugin_api::serde::de::{Deserializer, Error, SeqAccess, Visitor};
use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{CreateError, Host, Pattern};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// What clocks may differ by unless `jwt_leeway` says otherwise.
const LEEWAY: Time = Time(Duration::from_secs(30));
/// More than that is no difference between clocks, but tokens that do not expire.
const LEEWAY_MAX: Time = Time(Duration::from_secs(3600));
/// For how long fetched keys hold that cannot be fetched again.
const MAX_AGE: Time = Time(Duration::from_secs(86_400));
const MAX_AGE_RANGE: RangeInclusive<Time> = Time(Duration::from_secs(20))..=Time(Duration::from_secs(30 * 86_400));
/// The claim with the permissions where nothing else is said.
const CLAIM: &str = "pusu";

#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
pub(crate) struct Options {
    jwt_signing_algorithms: Vec<String>,
    jwt_verification_key: Option<Zeroizing<String>>,
    jwt_verification_key_file: Option<String>,
    jwt_jwks_file: Option<String>,
    jwt_jwks_url: Option<Zeroizing<String>>,
    jwt_oidc_issuer: Option<String>,
    jwt_jwks_ca_file: Option<String>,
    jwt_jwks_max_age: Option<Time>,
    jwt_issuer: Option<Names>,
    #[serde(default)]
    jwt_audience: Names,
    jwt_leeway: Option<Time>,
    jwt_require_expiry: Option<bool>,
    jwt_claim: Option<ClaimPath>,
    jwt_grants: Option<Vec<WrittenRule>>,
    allowed_channels: Option<Vec<Pattern>>,
}

/// What tokens are checked with, and what they may give.
pub(crate) struct Settings {
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) source: KeySource,
    pub(crate) rules: Rules,
    pub(crate) grants: Vec<Rule>,
    pub(crate) allowed: Allowed,
}

impl Settings {
    /// Checks the options, also against the clock; reads no file and asks nobody.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn of(mut options: Options, host: &Host) -> Result<Self, CreateError> {
        let algorithms = algorithms::parse(&options.jwt_signing_algorithms)?;
        let rules = options.rules()?;
        let allowed = Allowed::new(options.allowed_channels.as_deref())?;
        let tokens = Tokens { rules: &rules, allowed: &allowed, now_ms: unix_ms(SystemTime::now()) };
        let grants = grants(options.jwt_grants.take(), &tokens, host)?;
        let source = options.source(host)?;
        source.check_algorithms(&algorithms)?;
        Ok(Self { algorithms, source, rules, grants, allowed })
    }
}

fn grants(written: Option<Vec<WrittenRule>>, tokens: &Tokens<'_>, host: &Host) -> Result<Vec<Rule>, CreateError> {
    let place = Place::option("jwt_grants");
    let Some(written) = written else { return Ok(Vec::new()) };
    if written.is_empty() {
        return Err(place.error(
            "expected at least one rule, found an empty list; a rule is such as `{when: {claim: scope, contains: news}, \
             read: [\"news.*\"]}`",
        ));
    }
    let meant = |(index, rule): (usize, WrittenRule)| rule.meant(&place.item(index), tokens, host);
    written.into_iter().enumerate().map(meant).collect()
}

impl Options {
    /// What claims are held against.
    fn rules(&self) -> Result<Rules, CreateError> {
        let leeway = self.jwt_leeway.unwrap_or(LEEWAY);
        if leeway > LEEWAY_MAX {
            return Err(Place::option("jwt_leeway").error(format_args!(
                "expected at most an hour, found {leeway}; it makes up for clocks that differ, and adds to the life of \
                 tokens"
            )));
        }
        let issuers = match (&self.jwt_issuer, &self.jwt_oidc_issuer) {
            (Some(names), _) => names.checked("jwt_issuer")?,
            (None, Some(issuer)) => vec![issuer.clone()],
            (None, None) => Vec::new(),
        };
        let claim = match (&self.jwt_claim, &self.jwt_grants) {
            (Some(claim), _) if claim.plain().is_some() => {
                return Err(Place::option("jwt_claim").error(format_args!(
                    "`{claim}` is a text, a number or a list of texts in every token, and never has permissions; name a claim \
                     such as `{{\"read\": [\"news.*\"], \"write\": []}}`, or write rules (`jwt_grants`) for this one"
                )));
            }
            (Some(claim), _) => Some(claim.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(ClaimPath::name(CLAIM)),
        };
        Ok(Rules {
            issuers,
            audiences: self.jwt_audience.checked("jwt_audience")?,
            leeway_ms: i64::try_from(leeway.0.as_millis()).expect("an hour at most"),
            require_expiry: self.jwt_require_expiry.unwrap_or(true),
            claim,
            claim_is_optional: self.jwt_grants.is_some(),
        })
    }

    /// Where the keys are.
    fn source(&mut self, host: &Host) -> Result<KeySource, CreateError> {
        let is_remote = self.jwt_jwks_url.is_some() || self.jwt_oidc_issuer.is_some();
        let remote_only = [
            ("jwt_jwks_ca_file", self.jwt_jwks_ca_file.is_some()),
            ("jwt_jwks_max_age", self.jwt_jwks_max_age.is_some()),
        ];
        if let Some((name, _)) = remote_only.into_iter().find(|(_, is_there)| *is_there && !is_remote) {
            return Err(Place::option(name)
                .error("has no meaning without `jwt_jwks_url` or `jwt_oidc_issuer`; add one of these, or remove it"));
        }
        let max_age = self.jwt_jwks_max_age.unwrap_or(MAX_AGE);
        let max_age = Place::option("jwt_jwks_max_age").in_range(max_age, MAX_AGE_RANGE)?.into();
        let ca_file = self.jwt_jwks_ca_file.take().map(|file| host.resolve(file));
        let mut sources = Vec::new();
        sources.extend(self.jwt_verification_key.take().map(KeySource::Text));
        sources.extend(self.jwt_verification_key_file.take().map(|file| KeySource::KeyFile(host.resolve(file))));
        sources.extend(self.jwt_jwks_file.take().map(|file| KeySource::JwksFile(host.resolve(file))));
        if let Some(url) = self.jwt_jwks_url.take() {
            let source = Source::url(&url, ca_file.clone(), max_age);
            sources.push(KeySource::Remote(source.map_err(|what| Place::option("jwt_jwks_url").error(what))?));
        }
        if let Some(issuer) = self.jwt_oidc_issuer.take() {
            let source = Source::issuer(&issuer, ca_file, max_age);
            sources.push(KeySource::Remote(source.map_err(|what| Place::option("jwt_oidc_issuer").error(what))?));
        }
        match (sources.pop(), sources.is_empty()) {
            (Some(source), true) => Ok(source),
            _ => Err(CreateError::config(
                "expected exactly one of the options `jwt_verification_key` (a secret, or a public key in PEM format), \
                 `jwt_verification_key_file` (a file with one of these), `jwt_jwks_file` (a file with a JSON Web Key Set), \
                 `jwt_jwks_url` (where such a set is fetched from) and `jwt_oidc_issuer` (an OpenID issuer that says where)",
            )),
        }
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
