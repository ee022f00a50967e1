//! TLS: the certificates that an `https://` connection trusts.
//!
//! **Invariant:** the crypto provider is named here and nowhere installed for the whole process, so that other libraries
//! in it may have another.

use pusu_plugin_api::CreateError;
use pusu_plugin_api::options::Place;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// Largest file of certificates, in bytes: all that browsers trust take less.
const CA_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Trusts what is signed by a certificate in `ca_file` and nothing else; without such a file what this machine trusts.
///
/// # Errors
/// The file cannot be read, or there is no certificate.
pub(crate) fn config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, CreateError> {
    let roots = match ca_file {
        Some(file) => from_file(file).map_err(|text| Place::option("http_ca_file").file(file).error(text))?,
        None => from_system()?,
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| CreateError::failed(format_args!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn from_file(file: &Path) -> Result<RootCertStore, String> {
    let mut pem = Vec::new();
    let read = File::open(file).and_then(|open| open.take(CA_FILE_BYTES_MAX + 1).read_to_end(&mut pem));
    if read.map_err(|error| error.to_string())? as u64 > CA_FILE_BYTES_MAX {
        return Err(format!("expected a file of at most {CA_FILE_BYTES_MAX} bytes, found a longer one"));
    }
    let mut roots = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let place = index + 1;
        let certificate = certificate.map_err(|error| format!("certificate {place} is not in PEM format: {error}"))?;
        roots.add(certificate).map_err(|error| format!("certificate {place} cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err("expected certificates in PEM format (-----BEGIN CERTIFICATE-----), found none".into());
    }
    Ok(roots)
}

fn from_system() -> Result<RootCertStore, CreateError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems carry certificates that are too old to be understood, and trust in them is not needed.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        return Err(CreateError::failed(format_args!(
            "option `http_url`: https:// needs certificates to trust, and this machine has none{why}; install its package \
             of CA certificates (ca-certificates), or name a file of your own in `http_ca_file`"
        )));
    }
    Ok(roots)
}
