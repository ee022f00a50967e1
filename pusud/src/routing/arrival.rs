//! A connection on its way to the shard that will serve it.

use crate::admission::{ClientAddress, Forwarding, Pass};
use crate::tls::Session;
use std::net::TcpStream;
use std::sync::Arc;

/// The connection, and what is known of it.
pub struct Arrival {
    /// The socket: of TCP, or a Unix one, which is read and written by the same calls.
    pub socket: TcpStream,
    /// Who is at the other end of the socket.
    pub peer: ClientAddress,
    /// Where the client is, as far as it has been said: elsewhere, if the peer is a proxy.
    pub client: ClientAddress,
    /// What it was let in with.
    pub pass: Pass,
    /// Whose word on the client's address is taken from the request that follows; `None`: nobody's.
    pub forwarding: Option<Arc<Forwarding>>,
    /// The session, where the connection is encrypted.
    pub session: Option<Box<Session>>,
    /// What has come already, as plaintext.
    pub received: Vec<u8>,
}
