//! Options of the sockets of links: nothing waits to be joined with more, and who does not answer is given up.
//!
//! Linux knows more of them than other systems, for which there is a counterpart.

use std::io;
use tokio::net::TcpStream;

/// Sets them.
///
/// # Errors
/// The socket is broken.
pub(crate) fn set(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    system::set(socket2::SockRef::from(stream))
}

/// Whether the system is to end the connection when what is sent is not acknowledged in time.
///
/// # Errors
/// The socket is broken.
pub(crate) fn limit_sending(stream: &TcpStream, is_limited: bool) -> io::Result<()> {
    system::limit_sending(&socket2::SockRef::from(stream), is_limited)
}

#[cfg(target_os = "linux")]
mod system {
    use socket2::SockRef;
    use std::io;
    use std::time::Duration;

    /// What is sent has to be acknowledged within this time. TCP waits twice as long before each further attempt, and ends
    /// the connection when this time is over: so it is never longer than half of it until a way that is open again is
    /// noticed, or the connection has ended and a new one is dialled. Healing takes 5 s at most.
    const USER_TIMEOUT: Duration = Duration::from_secs(9);
    /// What may wait in the kernel without having been sent, in bytes: heartbeats and interest wait behind it.
    const UNSENT_BYTES: u32 = 128 * 1024;

    pub(super) fn set(socket: SockRef<'_>) -> io::Result<()> {
        limit_sending(&socket, true)?;
        socket.set_tcp_notsent_lowat(UNSENT_BYTES)
    }

    /// The system cannot tell a peer that does not read from a way that is closed: the time is over for both.
    pub(super) fn limit_sending(socket: &SockRef<'_>, is_limited: bool) -> io::Result<()> {
        socket.set_tcp_user_timeout(is_limited.then_some(USER_TIMEOUT))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use socket2::SockRef;
    use std::io;

    /// The heartbeat alone finds out who does not answer.
    pub(super) fn set(_socket: SockRef<'_>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn limit_sending(_socket: &SockRef<'_>, _is_limited: bool) -> io::Result<()> {
        Ok(())
    }
}
