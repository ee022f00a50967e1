//! Encryption of links between relays: sessions of TLS 1.3 with keys that each relay makes at its start.
//!
//! Nobody manages a certificate: keys are raw public keys (RFC 7250), and any key of the other side is taken. What the
//! two ends export (RFC 9266) goes into the handshake of the link, which is what shuts out anybody in between.
//! **Invariant:** a session is TLS 1.3, is resumed by nobody, and both ends know what it exports before any frame.

mod own_key;
mod session;
mod verifier;

pub use session::{LinkSession, SESSION_BYTES_MAX};

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
        Ok(Self::of(client, server))
    }

    /// Links last long: there is nothing to resume.
    fn of(mut client: ClientConfig, mut server: ServerConfig) -> Self {
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Self { client: Arc::new(client), server: Arc::new(server) }
    }

    /// Shakes hands as the side that has dialled. Takes no longer than the caller lets it.
    ///
    /// # Errors
    /// The connection has ended, or the other side does not speak TLS 1.3 as a relay does.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<LinkSession<S>> {
        // Relays are told apart by the handshake of the link: the name is sent to nobody and compared with nothing.
        let nobody = ServerName::try_from("relay.invalid").expect("this is a name");
        let connector = TlsConnector::from(self.client.clone());
        let session = connector.connect(nobody, session::below(stream)).await?;
        let exported = session.get_ref().1.export_keying_material(Exported::default(), CHANNEL_BINDING, Some(b""));
        LinkSession::new(TlsStream::Client(session), exported)
    }

    /// Shakes hands as the side that was dialled. Takes no longer than the caller lets it.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<LinkSession<S>> {
        let acceptor = TlsAcceptor::from(self.server.clone());
        let session = acceptor.accept(session::below(stream)).await?;
        let exported = session.get_ref().1.export_keying_material(Exported::default(), CHANNEL_BINDING, Some(b""));
        LinkSession::new(TlsStream::Server(session), exported)
    }
}

impl fmt::Debug for LinkTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkTls([redacted])")
    }
}

#[cfg(test)]
mod tests;
