//! Words for a relay's certificate that is refused: which one it is, what is wrong with it, and the way out.

use super::{Terms, Trust};
use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use std::time::{Duration, SystemTime};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};
use x509_parser::x509::X509Name;

/// Names that are listed; certificates of large sites have hundreds.
const NAMES_MAX: usize = 10;

/// A certificate, and why it is refused.
pub(super) struct Refused<'a> {
    pub(super) error: &'a CertificateError,
    pub(super) end_entity: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    /// Whom the client wants to talk to.
    pub(super) asked: &'a ServerName<'a>,
    pub(super) trust: &'a Trust,
    pub(super) terms: &'a Terms,
}

/// The reason in words.
pub(super) fn of(refused: &Refused<'_>) -> String {
    let peer = refused.terms.peer;
    let Ok((_, certificate)) = X509Certificate::from_der(refused.end_entity) else {
        return format!("the {peer}'s certificate cannot be read: {}", refused.error);
    };
    let which = format!("the {peer}'s certificate ({})", name_of(certificate.subject()));
    match refused.error {
        CertificateError::ExpiredContext { time, not_after } => format!(
            "{which} has expired: it was valid until {}, which is {} ago. The {peer} needs a new one; is this machine's \
             clock right?",
            date(*not_after),
            distance(*not_after, *time)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "{which} is not valid yet: it is from {} on, in {}. Is this machine's clock right?",
            date(*not_before),
            distance(*time, *not_before)
        ),
        CertificateError::NotValidForNameContext { .. } | CertificateError::NotValidForName => {
            wrong_name(&which, &certificate, refused)
        }
        CertificateError::UnknownIssuer => unknown_issuer(&which, &certificate, refused),
        CertificateError::Revoked => format!("{which} has been revoked by its issuer: the {peer} needs a new one"),
        CertificateError::InvalidPurposeContext { .. } | CertificateError::InvalidPurpose => {
            format!(
                "{which} is not for servers: its extended key usage has no serverAuth. The {peer} needs another one"
            )
        }
        CertificateError::BadSignature => format!(
            "{which} has a signature that is not its issuer's, {}: it was changed, or another authority has that name",
            name_of(certificate.issuer())
        ),
        CertificateError::Other(_) if certificate.is_ca() && is_self_signed(&certificate) => {
            unknown_issuer(&which, &certificate, refused)
        }
        CertificateError::Other(_) if certificate.is_ca() => format!(
            "{which} is that of an authority (CA:TRUE), which signs certificates and is not for servers: the {peer} needs \
             another one"
        ),
        error => format!("{which} is refused: {error}"),
    }
}

fn wrong_name(which: &str, certificate: &X509Certificate<'_>, refused: &Refused<'_>) -> String {
    let (asked, terms) = (refused.asked.to_str(), refused.terms);
    let (peer, address) = (terms.peer, terms.address);
    let names = names(certificate);
    if names.is_empty() {
        return format!(
            "{which} is for no name at all (it has no subjectAltName; its common name does not count), and {asked} was \
             asked for: the {peer} needs another one"
        );
    }
    let more = names.len().saturating_sub(NAMES_MAX);
    let mut listed = names[..names.len() - more].join(", ");
    if more > 0 {
        listed += &format!(" and {more} more");
    }
    format!(
        "{which} is for {listed}, and {asked} was asked for: use a name that it is for in {address}, or the {peer} needs another \
         one"
    )
}

/// Nobody who is trusted has signed it: the last of the chain that the relay has shown names who would have to be.
fn unknown_issuer(which: &str, certificate: &X509Certificate<'_>, refused: &Refused<'_>) -> String {
    let (peer, ca) = (refused.terms.peer, refused.terms.ca);
    if is_self_signed(certificate) {
        return match refused.trust {
            Trust::System => format!(
                "{which} is self-signed, so that nobody vouches for it: if it is yours, trust it with {ca} FILE, a copy \
                 of it in PEM"
            ),
            Trust::File(file) => {
                format!("{which} is self-signed, and is not the one in {ca} {}", file.display())
            }
        };
    }
    let last = refused.intermediates.last().unwrap_or(refused.end_entity);
    let issuer = X509Certificate::from_der(last)
        .map_or_else(|_| name_of(certificate.issuer()), |(_, last)| name_of(last.issuer()));
    match refused.trust {
        Trust::System => format!(
            "{which} is issued by {issuer}, which this system does not trust: give that authority's certificate with {ca} \
             FILE. If it is a public one, the {peer} may have left out the certificates between its own and that"
        ),
        Trust::File(file) => format!(
            "{which} is issued by {issuer}, which is not in {ca} {}. Is that the right file, and does the {peer} show all \
             certificates between its own and that?",
            file.display()
        ),
    }
}

fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject() == certificate.issuer()
}

/// DNS names and IP addresses that it is for.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let shown = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    };
    names.value.general_names.iter().filter_map(shown).collect()
}

fn name_of(name: &X509Name<'_>) -> String {
    let text = name.to_string();
    if text.is_empty() { "without a name".to_owned() } else { text }
}

fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs());
    humantime::format_rfc3339_seconds(time).to_string()
}

/// The time between two moments, in its largest unit.
fn distance(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
