//! TLS: whom an `https://` connection trusts, and why it does not trust somebody.
//!
//! **Invariant:** the crypto provider is named here and nowhere installed for the whole process, so that other libraries
//! in it may have another.

use crate::authorities::{Authorities, OWN_CERTIFICATE, authorities};
use pusu_plugin_api::file::{self, WatchedFile};
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{CreateError, Host};
use rustls::crypto::ring;
use rustls::pki_types::TrustAnchor;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file of certificates, in bytes: all that browsers trust take less.
const CA_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Whom connections trust.
pub struct Trust {
    names: Names,
    source: Source,
}

enum Source {
    /// Those whom a file names, which is read again when it has changed.
    File(WatchedFile<Trusted>),
    /// Those whom this machine trusted at the start.
    System(Arc<Trusted>),
}

/// Those who are trusted at one time.
pub struct Trusted {
    /// What a connection is made with.
    pub config: Arc<ClientConfig>,
    /// All of them.
    pub roots: Arc<Vec<TrustAnchor<'static>>>,
}

/// What errors and logs call the options by.
#[derive(Clone, Copy)]
pub struct Names {
    /// The option with the URL.
    pub url: &'static str,
    /// The option with the file of certificates.
    pub ca_file: &'static str,
    /// Whatever has the name that the server's certificate has to be for: `` `http_url` ``, or `its address`.
    pub address: &'static str,
}

impl Trust {
    /// Trusts what is signed by a certificate in `file`, as it is from time to time, and nothing else; without such a file
    /// what this machine trusts. The server is called `server`; the path is whole.
    ///
    /// # Errors
    /// The file cannot be read, or has certificates that cannot be meant; there is no certificate.
    pub fn open(file: Option<PathBuf>, server: &str, names: Names, host: &Host) -> Result<Self, CreateError> {
        let source = match file {
            Some(file) => {
                let (server, host_of_parse) = (server.to_owned(), host.clone());
                let place = Place::option(names.ca_file).file(&file);
                let parse = move |pem: &[u8]| of_pem(pem, &server, &place, &host_of_parse);
                let file = WatchedFile::open(host, names.ca_file, file, CA_FILE_BYTES_MAX, parse)?;
                // Whoever writes it decides who is believed.
                file.guard(|_| false);
                Source::File(file)
            }
            None => Source::System(Arc::new(of_system(names)?)),
        };
        Ok(Self { names, source })
    }

    /// What [`Self::open`] would say, without watching anything.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn check(file: Option<&Path>, server: &str, names: Names, host: &Host) -> Result<(), CreateError> {
        match file {
            Some(file) => {
                let place = Place::option(names.ca_file).file(file);
                file::read(names.ca_file, file, CA_FILE_BYTES_MAX, |pem| of_pem(pem, server, &place, host))?;
                file::warn_of_others(host, names.ca_file, file, false);
                Ok(())
            }
            None => of_system(names).map(drop),
        }
    }

    /// Those who are trusted now.
    pub fn current(&self) -> Arc<Trusted> {
        match &self.source {
            Source::File(file) => file.current(),
            Source::System(trusted) => Arc::clone(trusted),
        }
    }

    /// Why a connection was not made, in words for the log.
    pub fn fault(&self, error: &io::Error) -> String {
        let Names { ca_file, address, .. } = self.names;
        let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let hint = match of_tls {
            Some(rustls::Error::InvalidCertificate(error)) => match (error, matches!(self.source, Source::File(_))) {
                // A bad signature: by another authority of the same name, such as one that has been made anew.
                (CertificateError::UnknownIssuer | CertificateError::BadSignature, true) => format!(
                    "its certificate is signed by none of those in `{ca_file}`: is that the right file, and does the service \
                     show all certificates between its own and those?"
                ),
                (CertificateError::UnknownIssuer | CertificateError::BadSignature, false) => format!(
                    "its certificate is signed by nobody whom this machine trusts: name the certificate of its authority in \
                     `{ca_file}`"
                ),
                (CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }, _) => {
                    format!("its certificate is for another name than {address} has")
                }
                (CertificateError::Expired | CertificateError::ExpiredContext { .. }, _) => {
                    "its certificate has expired, or this machine's clock is wrong".to_owned()
                }
                // The library has no word of its own for an authority's certificate (`CaUsedAsEndEntity`).
                (CertificateError::Other(_), _) if error.to_string().contains("CaUsedAsEndEntity") => {
                    format!(
                        "its certificate is marked as an authority's (CA:TRUE), which no server may show: {OWN_CERTIFICATE}, \
                         in `{ca_file}`"
                    )
                }
                _ => String::new(),
            },
            _ => String::new(),
        };
        let separator = if hint.is_empty() { "" } else { "; " };
        format!("cannot connect over TLS: {error}{separator}{hint}")
    }
}

/// Says in the log what may be a mistake in `place`.
fn of_pem(pem: &[u8], server: &str, place: &Place, host: &Host) -> Result<Trusted, String> {
    let Authorities { roots, doubt } = authorities(pem, server)?;
    if let Some(doubt) = doubt {
        host.warn(format_args!("{place}: {doubt}"));
    }
    trusted(roots)
}

fn of_system(names: Names) -> Result<Trusted, CreateError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems carry certificates that are too old to be understood, and trust in them is not needed.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        return Err(CreateError::failed(format_args!(
            "option `{}`: https:// needs certificates to trust, and this machine has none{why}; install its package of CA \
             certificates (ca-certificates), or name a file of your own in `{}`",
            names.url, names.ca_file
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
