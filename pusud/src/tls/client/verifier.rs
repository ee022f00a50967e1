//! The verifier of the relay's certificate: the rules of webpki, and the reason in words where one is refused.
//!
//! One exception to the rules: a self-signed certificate that is named as trusted, byte for byte, may be the relay's own though it
//! says that it is an authority's (`CA:TRUE`), as `openssl req -x509` makes them. Dates, name and usage count as ever.
//!
//! **Invariant:** the error that rustls gets is the rules' own, so that the alert which tells the relay of it is right.

use super::super::provider;
use super::files::Roots;
use super::words::{self, Refused};
use super::{Terms, Trust};
use anyhow::Context as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Checks the relay's certificate.
pub(super) struct Verifier {
    rules: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
    trust: Trust,
    terms: &'static Terms,
    /// The last refusal, and the words for it.
    refused: Mutex<Option<(String, String)>>,
}

impl Verifier {
    /// Trusts `roots`, which come from where `trust` says.
    pub(super) fn new(roots: Roots, trust: Trust, terms: &'static Terms) -> anyhow::Result<Self> {
        let rules = WebPkiServerVerifier::builder_with_provider(roots.store.into(), provider()).build();
        let rules = rules.context("TLS cannot be set up")?;
        Ok(Self { rules, named: roots.named, trust, terms, refused: Mutex::default() })
    }

    /// The words for a refusal. All connections go to one relay, so that those of the last one like it fit.
    pub(super) fn words_for(&self, error: &CertificateError) -> Option<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.as_ref().filter(|(kind, _)| *kind == error.to_string()).map(|(_, words)| words.clone())
    }

    /// Whether the relay's certificate is a named one that breaks no rule but that it calls itself an authority's.
    fn is_named(&self, end_entity: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<bool, Error> {
        if !self.named.iter().any(|named| named == end_entity) {
            return Ok(false);
        }
        let Ok((_, certificate)) = X509Certificate::from_der(end_entity) else { return Ok(false) };
        // The rules look at the dates first. They have not come to the usage and the name.
        if !certificate.is_ca() {
            return Ok(false);
        }
        let usage = certificate.extended_key_usage().ok().flatten();
        if usage.is_some_and(|usage| !usage.value.server_auth && !usage.value.any) {
            return Err(CertificateError::InvalidPurpose.into());
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, name).map(|()| true)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self
            .rules
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .or_else(|error| {
                let is_another_rule = matches!(error, Error::InvalidCertificate(CertificateError::Other(_)));
                if is_another_rule && self.is_named(end_entity, server_name)? {
                    return Ok(ServerCertVerified::assertion());
                }
                Err(error)
            });
        if let Err(Error::InvalidCertificate(error)) = &verified {
            let refused =
                Refused { error, end_entity, intermediates, asked: server_name, trust: &self.trust, terms: self.terms };
            let words = words::of(&refused);
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some((error.to_string(), words));
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.rules.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.rules.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rules.supported_verify_schemes()
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}
