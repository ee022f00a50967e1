//! Unix sockets, where the system has them for this.

use hyper::rt::{Read, Write};
use std::path::Path;

/// A connection to the socket at `path`.
///
/// # Errors
/// What went wrong, for the log.
#[cfg(unix)]
pub(crate) async fn connect(path: &Path) -> Result<impl Read + Write + Unpin + Send + 'static, String> {
    let stream = tokio::net::UnixStream::connect(path).await;
    stream.map(hyper_util::rt::TokioIo::new).map_err(|error| format!("cannot connect: {error}"))
}

/// There are none: `http_url` is refused where it names one.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub(crate) async fn connect(_: &Path) -> Result<impl Read + Write + Unpin + Send + 'static, String> {
    Err::<hyper_util::rt::TokioIo<tokio::net::TcpStream>, _>("this system has no Unix sockets for this".to_owned())
}
