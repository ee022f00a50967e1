//! Encryption of links between relays: sessions of TLS 1.3 with keys that each relay makes at its start.
//!
//! Nobody has to manage a certificate: keys are raw public keys (RFC 7250), and any key of the other side is taken, unless
//! both have certificates of the operator's own. What the two ends export (RFC 9266) goes into the handshake of the link, which is what shuts out anybody in between.
//! **Invariant:** a session is TLS 1.3, is resumed by nobody, and both ends know what it exports before any frame.

mod certificates;
mod own_key;
mod session;
mod verifier;

pub use certificates::LinkCertificates;
pub use session::{HANDSHAKE_BYTES_MAX, LinkSession, SESSION_BYTES_MAX};

use crate::tls::provider;
use anyhow::Context as _;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::{ClientConfig, ServerConfig, version};
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use verifier::AnyKey;

/// What both ends of a session know and nobody else does.
pub type Exported = [u8; 32];

/// The label of RFC 9266; the context is empty.
const CHANNEL_BINDING: &[u8] = b"EXPORTER-Channel-Binding";

/// Makes sessions.
#[derive(Clone)]
pub struct LinkTls {
    own: Sides,
    certified: Option<Sides>,
}

/// What a relay does as the side that has dialled, and as the one that was dialled.
#[derive(Clone)]
struct Sides {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl LinkTls {
    /// With a key that is made now.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn with_new_key() -> anyhow::Result<Self> {
        let key = own_key::make().context("cannot make the key that links are encrypted with")?;
        let client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyKey))
            .with_no_client_auth();
        let server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(key))));
        Ok(Self { own: Sides::of(client, server), certified: None })
    }

    /// The same, and with certificates for peers that have some too.
    ///
    /// # Errors
    /// Which of the files is not what it should be.
    pub fn with_certificates(self, files: &LinkCertificates<'_>) -> anyhow::Result<Self> {
        let (client, server) = certificates::configs(files)?;
        Ok(Self { certified: Some(Sides::of(client, server)), ..self })
    }

    /// Whether there are certificates.
    pub fn has_certificates(&self) -> bool {
        self.certified.is_some()
    }

    /// Certificates where both sides have some.
    fn sides(&self, certified: bool) -> &Sides {
        match &self.certified {
            Some(sides) if certified => sides,
            _ => &self.own,
        }
    }

    /// Shakes hands as the side that has dialled; `certified`: both sides show certificates. Takes no longer than the caller
    /// lets it.
    ///
    /// # Errors
    /// The connection has ended, or the other side does not speak TLS 1.3 as a relay does.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        certified: bool,
    ) -> io::Result<LinkSession<S>> {
        // Relays are told apart by the handshake of the link: the name is sent to nobody and compared with nothing.
        let nobody = ServerName::try_from("relay.invalid").expect("this is a name");
        let connector = TlsConnector::from(self.sides(certified).client.clone());
        let session = connector.connect(nobody, session::below(stream)).await?;
        let exported = session.get_ref().1.export_keying_material(Exported::default(), CHANNEL_BINDING, Some(b""));
        LinkSession::new(TlsStream::Client(session), exported)
    }

    /// Shakes hands as the side that was dialled; `certified`: both sides show certificates. Takes no longer than the caller
    /// lets it.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        certified: bool,
    ) -> io::Result<LinkSession<S>> {
        let acceptor = TlsAcceptor::from(self.sides(certified).server.clone());
        let session = acceptor.accept(session::below(stream)).await?;
        let exported = session.get_ref().1.export_keying_material(Exported::default(), CHANNEL_BINDING, Some(b""));
        LinkSession::new(TlsStream::Server(session), exported)
    }
}

impl Sides {
    /// Links last long: there is nothing to resume.
    fn of(mut client: ClientConfig, mut server: ServerConfig) -> Self {
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Self { client: Arc::new(client), server: Arc::new(server) }
    }
}

impl fmt::Debug for LinkTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkTls([redacted])")
    }
}

#[cfg(test)]
mod tests;
