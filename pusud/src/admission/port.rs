//! A port of the relay: binding it, and what to say when that fails.

use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Connections that may wait to be accepted; the system may allow fewer (`net.core.somaxconn`).
const BACKLOG_MAX: i32 = 4096;

/// Who connects to a port, and the settings that say where it is.
pub struct Port {
    /// Who connects.
    pub whom: &'static str,
    /// The key of the address.
    pub address_key: &'static str,
    /// The key of the port.
    pub port_key: &'static str,
}

/// The clients' port.
pub const CLIENTS: Port = Port { whom: "clients", address_key: "client_address", port_key: "client_port" };
/// The other relays' port.
pub const RELAYS: Port = Port { whom: "other relays", address_key: "network_address", port_key: "network_port" };

impl Port {
    /// Binds `address` and listens.
    ///
    /// # Errors
    /// Says which setting to change when the port is taken or the address is not this machine's.
    pub fn bind(&self, address: SocketAddr) -> anyhow::Result<TcpListener> {
        listen(address).with_context(|| format!("cannot listen for {} on {address}: {}", self.whom, self.hint(address)))
    }

    fn hint(&self, address: SocketAddr) -> String {
        format!(
            "is another program (or another pusud) using port {port}? Stop it, or set {port_key} or {address_key} in the \
             settings. On Linux the port may also have been taken by an outgoing connection, since 55000 and 55001 lie in \
             the ephemeral range: reserve it with sysctl net.ipv4.ip_local_reserved_ports={port}",
            port = address.port(),
            port_key = self.port_key,
            address_key = self.address_key,
        )
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this option would let a second daemon take the port over.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_MAX)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
