//! Errors of TLS that are not about the relay's certificate: alerts of the relay, and bytes that are no TLS.

use super::TlsFailure;
use rustls::AlertDescription as Alert;
use rustls::Error;

/// What an error means; `has_certificate`: the client has one of its own.
pub(super) fn failure(error: &Error, has_certificate: bool) -> TlsFailure {
    match error {
        Error::AlertReceived(alert) => alert_received(*alert, has_certificate),
        Error::InvalidMessage(_) => lasting(format!(
            "expected TLS, found something else ({error}): if the relay does not serve TLS there, the URL begins with \
             ws://"
        )),
        Error::PeerIncompatible(_) => {
            lasting(format!("no version or algorithm of TLS in common: {error}. Expected TLS 1.3 or 1.2 of today"))
        }
        error => TlsFailure { words: error.to_string(), lasts: false },
    }
}

fn alert_received(alert: Alert, has_certificate: bool) -> TlsFailure {
    let alerted = format!("(TLS alert {alert:?})");
    match alert {
        Alert::CertificateRequired => {
            lasting(format!("the relay asks for a client certificate {alerted}: give --cert FILE and --key FILE"))
        }
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
            lasting(format!("the relay does not accept the certificate of --cert {alerted}: {}", why_not(alert)))
        }
        Alert::UnrecognisedName => {
            lasting(format!("the relay has no certificate for the name in --url {alerted}: ask by another name"))
        }
        Alert::ProtocolVersion => {
            lasting(format!("the relay speaks another version of TLS than 1.3 and 1.2 {alerted}"))
        }
        Alert::NoApplicationProtocol => lasting(format!("whatever answers there does not speak HTTP/1.1 {alerted}")),
        Alert::HandshakeFailure if !has_certificate => lasting(format!(
            "the relay found no algorithm of TLS in common, or asks for a client certificate (--cert FILE and --key \
             FILE) {alerted}"
        )),
        Alert::InternalError | Alert::UserCanceled | Alert::CloseNotify => {
            TlsFailure { words: format!("the relay ended TLS {alerted}"), lasts: false }
        }
        _ => lasting(format!("the relay ended TLS {alerted}")),
    }
}

/// What the relay has against a client's certificate.
fn why_not(alert: Alert) -> &'static str {
    match alert {
        Alert::CertificateExpired => "it has expired, or is not valid yet",
        Alert::CertificateRevoked => "it has been revoked",
        Alert::UnknownCA => {
            "its issuer is none that the relay trusts for clients, or a certificate is missing between them"
        }
        Alert::UnsupportedCertificate => {
            "it is not for clients (extended key usage), or of a kind that is not supported"
        }
        _ => "the relay's log says why",
    }
}

fn lasting(words: String) -> TlsFailure {
    TlsFailure { words, lasts: true }
}
