//! `CertificateAuthenticator`: the TLS client certificate that a connection has shown says what the client may read and
//! write.
//!
//! ```yaml
//! authenticator: CertificateAuthenticator
//! authenticator_options:
//!   certificate_rules:
//!     - dns: "*.devices.example.com"
//!       read: ["commands.{dns_part}.*"]
//!       write: ["measurements.{dns_part}.*"]
//! ```
//!
//! The relay verifies certificates and hands over what stands in them; no certificate is read here. The authorization that a
//! client sends is not looked at.
//! **Invariant:** whatever stands in a certificate, it is filled into the place that a rule has for it and gives nothing
//! beside that; see `template`.

mod certificate;
mod given;
mod options;
mod property;
mod rule;
mod template;
mod wildcard;

use certificate::{Certificate, Missing};
use given::Given;
use options::Options;
use pusu_plugin_api::abi::PERMISSIONS_MAX;
use pusu_plugin_api::{Authenticator, Check, CreateError, Host, Request, Verdict, export_authenticator};
use rule::{Conditions, Rule};
use std::time::{SystemTime, UNIX_EPOCH};

export_authenticator! {
    CertificateAuthenticator: Check,
    id: "CertificateAuthenticator",
    options: &["certificate_rules", "certificate_denied"],
}

/// The rules; those that match a certificate add up. For who is denied there are none.
struct CertificateAuthenticator {
    rules: Vec<Rule>,
    denied: Vec<Conditions>,
    /// Nobody is asked after this one.
    is_last: bool,
}

impl Authenticator for CertificateAuthenticator {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        let is_last = host.entry().is_none_or(|entry| entry.is_last());
        Ok(Self { rules: options.rules()?, denied: options.denied()?, is_last })
    }

    fn authorize(&self, request: &Request<'_>) -> Verdict {
        self.decide(request, unix_seconds(SystemTime::now()))
    }
}

impl Check for CertificateAuthenticator {
    fn check(options: Options, _: &Host) -> Result<(), CreateError> {
        options.rules()?;
        options.denied().map(drop)
    }
}

impl CertificateAuthenticator {
    /// What a client may do at `now`, in seconds since 1970.
    fn decide(&self, request: &Request<'_>, now: i64) -> Verdict {
        if !request.is_encrypted() {
            return self.not_mine("no TLS: the connection is not encrypted; connect with wss://");
        }
        let certificate = match Certificate::of(request) {
            Ok(certificate) => certificate,
            Err(Missing::Certificate) => {
                return self.not_mine("no client certificate: the client has shown none, or the relay asks for none");
            }
            Err(Missing::End) => {
                return Verdict::unavailable("the relay does not say when the client certificate ends");
            }
        };
        let name = certificate.name();
        if certificate.not_after <= now {
            return Verdict::refuse(format!("the client certificate has expired: {name}"));
        }
        if self.denied.iter().any(|denied| denied.fits(&certificate).is_some()) {
            return Verdict::refuse(format!("the client certificate is denied: {name}"));
        }
        // What was left out may be the name that is denied.
        if certificate.is_cut && !self.denied.is_empty() {
            return Verdict::refuse(format!(
                "the client certificate has too many names to tell whether it is denied: {name}"
            ))
            .with_detail(certificate.to_string());
        }
        let mut given = Given::default();
        let matching = self.rules.iter().filter(|rule| rule.apply(&certificate, &mut given)).count();
        let Given { permissions, left_out } = given;
        if matching == 0 {
            return Verdict::refuse(format!("no rule matches {name}")).with_detail(certificate.to_string());
        }
        let detail = if left_out.is_empty() { String::new() } else { format!("left out: {}", left_out.join("; ")) };
        if permissions.is_empty() {
            let reason = format!("{name} has a rule, and a part of the certificate cannot be filled into its patterns");
            return Verdict::refuse(reason).with_detail(detail);
        }
        if permissions.len() > PERMISSIONS_MAX {
            return Verdict::unavailable(format!("the rules for {name} give too many patterns")).with_detail(format!(
                "the matching rules, {matching}, give more than {PERMISSIONS_MAX} patterns together"
            ));
        }
        // Later than 1970, since it is later than now on any clock that a relay has.
        let ends = u64::try_from(certificate.not_after.saturating_mul(1000)).unwrap_or(0);
        Verdict::grant(permissions).with_subject(name).with_detail(detail).expires_unix_ms(ends)
    }

    /// Without a certificate the client may be somebody else's.
    fn not_mine(&self, why: &str) -> Verdict {
        if self.is_last { Verdict::refuse(why) } else { Verdict::abstain().with_detail(why) }
    }
}

/// Seconds since 1970 UTC; negative before.
fn unix_seconds(time: SystemTime) -> i64 {
    let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since.as_secs()),
        Err(before) => -whole(before.duration().as_secs()),
    }
}

#[cfg(test)]
mod tests;
