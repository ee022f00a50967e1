//! Errors of TLS that are not about the relay's certificate: alerts of the relay, and bytes that are no TLS.

use super::{Terms, TlsFailure};
use rustls::AlertDescription as Alert;
use rustls::Error;

/// What an error means; `has_certificate`: the client has one of its own.
pub(super) fn failure(error: &Error, has_certificate: bool, terms: &Terms) -> TlsFailure {
    let (peer, plain) = (terms.peer, terms.plain);
    match error {
        Error::AlertReceived(alert) => alert_received(*alert, has_certificate, terms),
        Error::InvalidMessage(_) => lasting(format!(
            "expected TLS, found something else ({error}): if the {peer} does not serve TLS there, the URL begins with \
             {plain}"
        )),
        Error::PeerIncompatible(_) => {
            lasting(format!("no version or algorithm of TLS in common: {error}. Expected TLS 1.3 or 1.2 of today"))
        }
        error => TlsFailure { words: error.to_string(), lasts: false },
    }
}

fn alert_received(alert: Alert, has_certificate: bool, terms: &Terms) -> TlsFailure {
    let Terms { peer, certificate, key, address, protocol, .. } = terms;
    let alerted = format!("(TLS alert {alert:?})");
    match alert {
        Alert::CertificateRequired => lasting(format!(
            "the {peer} asks for a client certificate {alerted}: give {certificate} FILE and {key} FILE"
        )),
        // Programs in Go said so for long.
        Alert::BadCertificate if !has_certificate => lasting(format!(
            "the {peer} asks for a client certificate {alerted}: give {certificate} FILE and {key} FILE"
        )),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError
            if has_certificate =>
        {
            lasting(format!(
                "the {peer} does not accept the certificate of {certificate} {alerted}: {}",
                why_not(alert, peer)
            ))
        }
        Alert::UnrecognisedName => {
            lasting(format!("the {peer} has no certificate for the name in {address} {alerted}: ask by another name"))
        }
        Alert::ProtocolVersion => {
            lasting(format!("the {peer} speaks another version of TLS than 1.3 and 1.2 {alerted}"))
        }
        Alert::NoApplicationProtocol => lasting(format!("whatever answers there does not speak {protocol} {alerted}")),
        Alert::HandshakeFailure if !has_certificate => lasting(format!(
            "the {peer} found no algorithm of TLS in common, or asks for a client certificate ({certificate} FILE and {key} \
             FILE) {alerted}"
        )),
        Alert::InternalError | Alert::UserCanceled | Alert::CloseNotify => {
            TlsFailure { words: format!("the {peer} ended TLS {alerted}"), lasts: false }
        }
        _ => lasting(format!("the {peer} ended TLS {alerted}")),
    }
}

/// What the other side has against a client's certificate.
fn why_not(alert: Alert, peer: &str) -> String {
    match alert {
        Alert::CertificateExpired => "it has expired, or is not valid yet".to_owned(),
        Alert::CertificateRevoked => "it has been revoked".to_owned(),
        Alert::UnknownCA => {
            format!("its issuer is none that the {peer} trusts for clients, or a certificate is missing between them")
        }
        Alert::UnsupportedCertificate => {
            "it is not for clients (extended key usage), or of a kind that is not supported".to_owned()
        }
        _ => format!("the {peer}'s log says why"),
    }
}

fn lasting(words: String) -> TlsFailure {
    TlsFailure { words, lasts: true }
}
