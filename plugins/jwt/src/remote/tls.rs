//! TLS of fetches: the certificates that are trusted.
//!
//! **Invariant:** the crypto provider is named here and nowhere installed for the whole process, so that other libraries
//! in it may have another.

use pusu_plugin_api::file::{self, WatchedFile};
use pusu_plugin_api::{CreateError, Host};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The option that names the file.
const OPTION: &str = "jwt_jwks_ca_file";
/// Largest file of certificates, in bytes: all that browsers trust take less.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Whose certificates are trusted.
pub(super) enum Trust {
    /// Those of a file, and nobody else's.
    File(WatchedFile<Trusted>),
    /// Those that this machine trusts.
    System(Arc<Trusted>),
}

/// Those who are trusted at one time.
pub(super) struct Trusted {
    /// What a connection is made with.
    pub(super) config: Arc<ClientConfig>,
    pub(super) roots: Arc<Vec<TrustAnchor<'static>>>,
}

impl Trust {
    /// Trusts what is signed by a certificate in `file` and nothing else; without such a file what this machine trusts.
    ///
    /// # Errors
    /// The file cannot be read, or there is no certificate.
    pub(super) fn open(path: Option<PathBuf>, host: &Host) -> Result<Self, CreateError> {
        match path {
            Some(path) => WatchedFile::open(host, OPTION, path, FILE_BYTES_MAX, of_pem).map(Self::File),
            None => of_system().map(Arc::new).map(Self::System),
        }
    }

    /// What [`Self::open`] would say, without watching anything.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn check(path: Option<&Path>) -> Result<(), CreateError> {
        match path {
            Some(path) => file::read(OPTION, path, FILE_BYTES_MAX, of_pem).map(drop),
            None => of_system().map(drop),
        }
    }

    /// Those who are trusted now.
    pub(super) fn current(&self) -> Arc<Trusted> {
        match self {
            Self::File(file) => file.current(),
            Self::System(trusted) => Arc::clone(trusted),
        }
    }
}

fn of_pem(pem: &[u8]) -> Result<Trusted, String> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let place = index + 1;
        let certificate = certificate.map_err(|error| format!("certificate {place} is not in PEM format: {error}"))?;
        roots.add(certificate).map_err(|error| format!("certificate {place} cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err("expected certificates in PEM format (-----BEGIN CERTIFICATE-----), found none".into());
    }
    trusted(roots)
}

fn of_system() -> Result<Trusted, CreateError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems carry certificates that are too old to be understood, and trust in them is not needed.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        return Err(CreateError::failed(format_args!(
            "keys are fetched over https://, which needs certificates to trust, and this machine has none{why}; install its \
             package of CA certificates (ca-certificates), or name a file of your own in `{OPTION}`"
        )));
    }
    trusted(roots).map_err(CreateError::failed)
}

fn trusted(store: RootCertStore) -> Result<Trusted, String> {
    let roots = Arc::new(store.roots.clone());
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Trusted { config: Arc::new(config), roots })
}
