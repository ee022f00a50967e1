//! The PROXY header at the beginning of a connection, which says where it comes from.

use super::failure::Ended;
use crate::admission::{PROXY_HEADER_BYTES_MAX, ProxyHeader, Source};
use crate::protocol::Refusal;
use std::io;
use tokio::net::TcpStream;

/// Reads the header. With its source comes what followed it.
pub(super) async fn read_header(socket: &TcpStream) -> Result<(Source, Vec<u8>), Ended> {
    let mut received = Vec::new();
    let mut more_bytes_max = PROXY_HEADER_BYTES_MAX;
    loop {
        let before = received.len();
        received.resize(before + more_bytes_max, 0);
        let len = read(socket, &mut received[before..]).await?;
        received.truncate(before + len);
        if len == 0 {
            // Health checks of the kind that only connects, too.
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match ProxyHeader::read(&received) {
            ProxyHeader::Partial { more_bytes_max: more } => more_bytes_max = more,
            ProxyHeader::Complete { len, source } => return Ok((source, received.split_off(len))),
            ProxyHeader::Malformed(reason) => return Err(Ended::Refused(Refusal::ProxyProtocol, reason)),
        }
    }
}

/// Waits for something to read; 0 at the end of the stream.
pub(super) async fn read(socket: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    loop {
        socket.readable().await?;
        match socket.try_read(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}
