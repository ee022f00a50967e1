//! A limit on how long what was sent may be unacknowledged, which the system keeps, where it knows such a thing.

use socket2::SockRef;
use std::io;
use std::time::Duration;

/// Has the system end the connection when its peer has acknowledged nothing for so long.
///
/// # Errors
/// The socket is broken, or none of TCP's.
#[cfg(target_os = "linux")]
pub(super) fn limit(socket: SockRef<'_>, time: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(time))
}

/// Other systems end a connection after a time of their own, in minutes.
#[cfg(not(target_os = "linux"))]
pub(super) fn limit(_socket: SockRef<'_>, _time: Duration) -> io::Result<()> {
    Ok(())
}
