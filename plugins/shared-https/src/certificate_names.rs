//! Names in certificates: for which servers one is, and whether it is its own issuer.

use std::net::IpAddr;
use x509_parser::prelude::{GeneralName, X509Certificate};

/// Whether a certificate is its own issuer, by its names.
pub(crate) fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject() == certificate.issuer()
}

/// Whether it is for a server called `host`, a name or an address. The common name does not count, as it does not in TLS.
pub(crate) fn is_for(certificate: &X509Certificate<'_>, host: &str) -> bool {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    let address = host.parse::<IpAddr>().ok();
    names.value.general_names.iter().any(|name| match (name, address) {
        (GeneralName::DNSName(name), None) => is_name(name, host),
        (GeneralName::IPAddress(bytes), Some(IpAddr::V4(address))) => *bytes == address.octets(),
        (GeneralName::IPAddress(bytes), Some(IpAddr::V6(address))) => *bytes == address.octets(),
        _ => false,
    })
}

/// Whether `name` is `host`, or stands for it with a `*` in place of its first part.
fn is_name(name: &str, host: &str) -> bool {
    let behind_first = || host.split_once('.').map(|(_, rest)| rest);
    match name.strip_prefix("*.") {
        Some(rest) => behind_first().is_some_and(|host| host.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(host),
    }
}
