//! The client's side of TLS, for the commands that connect to a relay and for relays that connect to other servers: the
//! certificate of the other side is checked, the client's own is shown, and what goes wrong is said in words.
//!
//! The socket is the caller's. Sessions are never resumed: each connection is a full handshake, as that of a client which
//! comes for the first time.

mod files;
mod issues;
mod stream;
mod terms;
#[cfg(test)]
mod tests;
mod verifier;
mod words;

pub use stream::ClientStream;
pub use terms::Terms;

use super::provider;
use anyhow::{Context as _, anyhow};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use verifier::Verifier;

/// The files that a client was given, in PEM.
#[derive(Default)]
pub struct ClientFiles<'a> {
    /// Certificates to trust, in place of those that the system trusts.
    pub ca: Option<&'a Path>,
    /// The client's own certificate, with its chain behind it, and its private key.
    pub identity: Option<(&'a Path, &'a Path)>,
}

/// What is trusted.
enum Trust {
    System,
    File(PathBuf),
}

/// The reason why there is no TLS, in words.
#[derive(Debug)]
pub struct TlsFailure {
    /// What is wrong, and the way out.
    pub words: String,
    /// Whether the next try would meet it again.
    pub lasts: bool,
}

/// Connects to one relay or other server with TLS, any number of times.
pub struct Client {
    connector: TlsConnector,
    verifier: Arc<Verifier>,
    name: ServerName<'static>,
    has_certificate: bool,
    terms: &'static Terms,
}

impl Client {
    /// A client of the relay at `host`, a DNS name or an IP address, which its certificate has to be for.
    ///
    /// # Errors
    /// The host is neither, a file cannot be used, or nothing is there to be trusted.
    pub fn new(host: &str, files: &ClientFiles<'_>) -> anyhow::Result<Self> {
        Self::with_terms(host, files, &terms::COMMANDS)
    }

    /// The same for another user than the commands, whose errors have these names.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn with_terms(host: &str, files: &ClientFiles<'_>, terms: &'static Terms) -> anyhow::Result<Self> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| anyhow!("{}: expected a DNS name or an IP address as host, found {host:?}", terms.address))?;
        let (roots, trust) = match files.ca {
            Some(file) => (files::roots(file, terms)?, Trust::File(file.to_owned())),
            None => (files::system_roots(terms)?, Trust::System),
        };
        Self::trusting(name, Verifier::new(roots, trust, terms)?, files.identity, terms)
    }

    fn trusting(
        name: ServerName<'static>,
        verifier: Verifier,
        identity: Option<(&Path, &Path)>,
        terms: &'static Terms,
    ) -> anyhow::Result<Self> {
        let verifier = Arc::new(verifier);
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .context("TLS cannot be set up")?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone());
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = files::chain(certificate, terms)?;
                let key_der = files::key(key, terms)?;
                let (certificate, key) = (
                    format!("{} {}", terms.certificate, certificate.display()),
                    format!("{} {}", terms.key, key.display()),
                );
                builder.with_client_auth_cert(chain, key_der).map_err(|error| match error {
                    rustls::Error::InconsistentKeys(_) => anyhow!(
                        "the private key in {key} does not belong to the certificate in {certificate}, \
                         which has to be the first in its file"
                    ),
                    error => anyhow!("{certificate} and {key} cannot be used: {error}"),
                })?
            }
        };
        config.alpn_protocols = terms.alpn.iter().map(|name| name.to_vec()).collect();
        config.resumption = Resumption::disabled();
        Ok(Self { connector: Arc::new(config).into(), verifier, name, has_certificate: identity.is_some(), terms })
    }

    /// Shakes hands over a socket that is connected.
    ///
    /// # Errors
    /// Those of the socket, and those that [`failure`](Self::failure) has words for.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(&self, socket: S) -> io::Result<ClientStream<S>> {
        let connected = self.connector.connect(self.name.clone(), socket).await;
        connected.map(ClientStream::new).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                let peer = self.terms.peer;
                let words = format!("the connection ended before TLS was agreed on: is TLS served there? A {peer} that is full ends it as well");
                io::Error::new(error.kind(), words)
            }
            _ => error,
        })
    }

    /// The reason, where an error of a connection is one of TLS.
    #[must_use]
    pub fn failure(&self, error: &io::Error) -> Option<TlsFailure> {
        let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
        Some(match error {
            rustls::Error::InvalidCertificate(refused) => {
                let words = self.verifier.words_for(refused).unwrap_or_else(|| refused.to_string());
                TlsFailure { words, lasts: true }
            }
            error => issues::failure(error, self.has_certificate, self.terms),
        })
    }
}

/// The words for an error of a connection that had shaken hands, where it is one of TLS: with TLS 1.3 the other side looks at
/// a client's certificate only then.
#[must_use]
pub fn failure_of(error: &io::Error, has_certificate: bool, terms: &'static Terms) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(issues::failure(error, has_certificate, terms).words)
}
