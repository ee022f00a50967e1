//! The way to the servers: dialling, or whatever a simulation puts in its place.

use crate::nats::server::{self, Info, Parser, ServerAddress, ServerSettings, Stream};
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection that a server has taken.
pub(super) struct Connected<S> {
    /// The stream, with nothing unsent.
    pub stream: S,
    /// What the server has said of itself last.
    pub info: Info,
    /// Whatever has come already is in it.
    pub parser: Parser,
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
            Ok(server::Connection { stream, info, parser, .. }) => Ok(Connected { stream, info, parser }),
            Err(error) => Err(format!("{address} {error}")),
        }
    }
}
