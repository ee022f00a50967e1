//! The relay's side of TLS for connections of a runtime: the operations port's.
//!
//! Clients' sessions are made elsewhere, where each byte of their memory is counted.

use super::served::Served;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

/// A session of a connection.
pub type ServerStream<S> = tokio_rustls::server::TlsStream<S>;

/// Makes a session with what is served now.
///
/// # Errors
/// The other side speaks no TLS, or has shown no certificate that is good.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(served: &Served, stream: S) -> io::Result<ServerStream<S>> {
    let credentials = served.credentials();
    let session = TlsAcceptor::from(credentials.server_config()).accept(stream).await?;
    credentials.client_certificate(session.get_ref().1).map_err(io::Error::other)?;
    Ok(session)
}
