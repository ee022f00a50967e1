//! The way to the servers: dialling, or whatever a simulation puts in its place.

use crate::nats::server::{self, Info, Parser, ServerAddress, ServerSettings, Stream};
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection that a server has taken.
pub(super) struct Connected<S> {
    /// The stream, with nothing unsent.
    pub stream: S,
    /// Where it leads to, and how it is encrypted, for people.
    pub way: Way,
    /// What the server has said of itself last.
    pub info: Info,
    /// Whatever has come already is in it.
    pub parser: Parser,
}

/// The way that a connection takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// The server as the settings, or another server, have named it.
    pub server: String,
    /// The address that this was.
    pub address: String,
    /// Version and cipher suite of TLS; `None`: it is not encrypted.
    pub encryption: Option<String>,
}

/// A way to servers.
pub(super) trait Servers: 'static {
    /// A stream of bytes.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// Connects to one of them.
    ///
    /// # Errors
    /// There is no connection: why, in words.
    fn dial(&self, address: &ServerAddress) -> impl Future<Output = Result<Connected<Self::Stream>, String>>;
}

/// Real servers.
pub(super) struct RealServers(pub ServerSettings);

impl Servers for RealServers {
    type Stream = Stream;

    async fn dial(&self, address: &ServerAddress) -> Result<Connected<Stream>, String> {
        match server::dial(address, &self.0).await {
            Ok(server::Connection { stream, peer, info, parser }) => {
                let way =
                    Way { server: address.to_string(), address: peer.to_string(), encryption: stream.encryption() };
                Ok(Connected { stream, way, info, parser })
            }
            Err(error) => Err(format!("{address} {error}")),
        }
    }
}
