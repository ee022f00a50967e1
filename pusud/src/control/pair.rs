//! Two ends of a connection inside this process: one for a shard, which serves it as it serves a client's, and one for whoever
//! speaks as the operator.

use std::io;
use std::net::TcpStream;

/// The end that is not the shard's.
#[cfg(unix)]
pub(super) type End = tokio::net::UnixStream;
/// The end that is not the shard's.
#[cfg(not(unix))]
pub(super) type End = tokio::net::TcpStream;

/// Makes both ends: the shard's, which is read and written by the same calls as one of TCP, and the other one, in the runtime
/// of the caller.
///
/// # Errors
/// The system is out of files.
#[cfg(unix)]
pub(super) fn pair() -> io::Result<(TcpStream, End)> {
    use std::os::fd::OwnedFd;
    let (shards, own) = std::os::unix::net::UnixStream::pair()?;
    shards.set_nonblocking(true)?;
    own.set_nonblocking(true)?;
    Ok((TcpStream::from(OwnedFd::from(shards)), End::from_std(own)?))
}

/// Makes both ends, over this machine's own network: others may connect there meanwhile, and are turned away.
///
/// # Errors
/// The system is out of sockets, or somebody else came first.
#[cfg(not(unix))]
pub(super) fn pair() -> io::Result<(TcpStream, End)> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let own = TcpStream::connect(listener.local_addr()?)?;
    let (shards, from) = listener.accept()?;
    if from != own.local_addr()? {
        return Err(io::Error::other("somebody else has connected to a socket of the relay's own"));
    }
    shards.set_nonblocking(true)?;
    own.set_nonblocking(true)?;
    Ok((shards, End::from_std(own)?))
}
