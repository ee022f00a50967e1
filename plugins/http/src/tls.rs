//! TLS: whom an `https://` connection trusts, and why it does not trust somebody.
//!
//! **Invariant:** the crypto provider is named here and nowhere installed for the whole process, so that other libraries
//! in it may have another.

use crate::authorities::authorities;
use pusu_plugin_api::file::WatchedFile;
use pusu_plugin_api::{CreateError, Host};
use rustls::crypto::ring;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Largest file of certificates, in bytes: all that browsers trust take less.
const CA_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Whom connections trust.
pub(crate) enum Trust {
    /// Those whom a file names, which is read again when it has changed.
    File(WatchedFile<ClientConfig>),
    /// Those whom this machine trusted at the start.
    System(Arc<ClientConfig>),
}

impl Trust {
    /// Trusts what is signed by a certificate in `file`, as it is from time to time, and nothing else; without such a file
    /// what this machine trusts. The service is called `name`.
    ///
    /// # Errors
    /// The file cannot be read, or has certificates that cannot be meant; there is no certificate.
    pub(crate) fn new(file: Option<PathBuf>, name: &str, host: &Host) -> Result<Self, CreateError> {
        let Some(file) = file else {
            let config = config(from_system()?).map_err(CreateError::failed)?;
            return Ok(Self::System(Arc::new(config)));
        };
        let name = name.to_owned();
        let parse = move |pem: &[u8]| authorities(pem, &name).and_then(config);
        let file = WatchedFile::open(host, "http_ca_file", host.resolve(file), CA_FILE_BYTES_MAX, parse)?;
        file.guard(|_| false);
        Ok(Self::File(file))
    }

    /// What a connection is made with now.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        match self {
            Self::File(file) => file.current(),
            Self::System(config) => Arc::clone(config),
        }
    }

    /// Why a connection was not made, in words for the log.
    pub(crate) fn fault(&self, error: &io::Error) -> String {
        let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let hint = match of_tls {
            Some(rustls::Error::InvalidCertificate(error)) => match (error, matches!(self, Self::File(_))) {
                (CertificateError::UnknownIssuer, true) => {
                    "its certificate is signed by none of those in `http_ca_file`: is that the right file, and does the \
                     service show all certificates between its own and those?"
                }
                (CertificateError::UnknownIssuer, false) => {
                    "its certificate is signed by nobody whom this machine trusts: name the certificate of its authority in \
                     `http_ca_file`"
                }
                (CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }, _) => {
                    "its certificate is for another name than `http_url` has"
                }
                (CertificateError::Expired | CertificateError::ExpiredContext { .. }, _) => {
                    "its certificate has expired, or this machine's clock is wrong"
                }
                // The library has no word of its own for an authority's certificate (`CaUsedAsEndEntity`).
                (CertificateError::Other(_), _) if error.to_string().contains("CaUsedAsEndEntity") => {
                    "its certificate is marked as an authority's (CA:TRUE), which no server may show: it needs one without \
                     that"
                }
                _ => "",
            },
            _ => "",
        };
        let separator = if hint.is_empty() { "" } else { "; " };
        format!("cannot connect over TLS: {error}{separator}{hint}")
    }
}

fn config(roots: RootCertStore) -> Result<ClientConfig, String> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
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
