//! Certificates of the operator's own: each side shows one, and takes those that lead to the operator's authority.
//!
//! Names in them are compared with nothing, since relays are listed by addresses, and may be many behind one name: whoever
//! has a certificate of the authority is a relay.

use super::verifier::AnyName;
use crate::tls::provider;
use anyhow::{Context as _, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, version};
use std::sync::Arc;

/// What is read of files in PEM.
pub struct LinkCertificates<'a> {
    /// This relay's certificate, and those between it and the authority.
    pub certificate: &'a [u8],
    /// Its private key.
    pub key: &'a [u8],
    /// The authority, or several.
    pub ca: &'a [u8],
}

/// For the side that dials, and for the one that is dialled.
///
/// # Errors
/// Which of the three is not what it should be; nothing of a key is shown.
pub(super) fn configs(files: &LinkCertificates<'_>) -> anyhow::Result<(ClientConfig, ServerConfig)> {
    let chain = certificates(files.certificate).context("`network_tls.certificate`")?;
    // What the library says of a key that it cannot read says nothing of its content.
    let key = PrivateKeyDer::from_pem_slice(files.key).map_err(|_| {
        anyhow::anyhow!("`network_tls.key`: expected a private key in PEM without a passphrase, found none")
    })?;
    CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider())
        .context("`network_tls`: `key` has to be the private key of the first certificate in `certificate`")?;
    let mut roots = RootCertStore::empty();
    for authority in certificates(files.ca).context("`network_tls.ca`")? {
        roots.add(authority).context("`network_tls.ca`: expected certificates of authorities")?;
    }
    let roots = Arc::new(roots);
    let client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyName::new(roots.clone())))
        .with_client_auth_cert(chain.clone(), key.clone_key())?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots, provider()).build().context("`network_tls.ca`")?;
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    Ok((client, server))
}

fn certificates(pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.context("expected certificates in PEM")?;
    ensure!(!all.is_empty(), "expected certificates in PEM, found none");
    Ok(all)
}
