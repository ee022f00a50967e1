//! An address at which a relay serves clients, for those that come and go by themselves.

use super::{Daemon, Namespace};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// It, and the network in which it is reached.
#[derive(Clone)]
pub(crate) struct ClientAddress {
    address: SocketAddr,
    namespace: Option<Namespace>,
}

impl Daemon {
    /// Where it serves clients now.
    pub(crate) fn client_address(&self) -> ClientAddress {
        ClientAddress { address: self.address(), namespace: self.namespace().cloned() }
    }
}

impl ClientAddress {
    /// A connection to it.
    ///
    /// # Errors
    /// There is none in this time.
    pub(crate) fn connect(&self, within: Duration) -> io::Result<TcpStream> {
        let connect = || TcpStream::connect_timeout(&self.address, within);
        match &self.namespace {
            None => connect(),
            Some(namespace) => namespace.inside(connect),
        }
    }
}
