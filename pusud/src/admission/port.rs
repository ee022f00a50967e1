//! A port of the relay: binding it, and what to say when that fails.

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
/// The operators' port.
pub const OPERATORS: Port = Port { whom: "operators", address_key: "operations_address", port_key: "operations_port" };

impl Port {
    /// Binds `address` and listens.
    ///
    /// # Errors
    /// Says which setting to change when the port is taken or the address is not this machine's.
    pub fn bind(&self, address: SocketAddr) -> anyhow::Result<TcpListener> {
        listen(address).map_err(|error| {
            let hint = self.hint(address, &error);
            anyhow::Error::new(error).context(format!("cannot listen for {} on {address}: {hint}", self.whom))
        })
    }

    fn hint(&self, address: SocketAddr, error: &io::Error) -> String {
        let Self { address_key, .. } = self;
        if address.is_ipv6() && is_family_unknown(error) {
            return format!(
                "this system has no IPv6 (its kernel was built or started without it, or this process may not use it): set \
                 `{address_key}: 0.0.0.0` in the settings for all addresses of IPv4"
            );
        }
        if error.kind() == io::ErrorKind::AddrNotAvailable {
            let off = match address.is_ipv6() {
                true => ", or IPv6 is switched off here (net.ipv6.conf.all.disable_ipv6)",
                false => "",
            };
            return format!(
                "no network interface has this address{off}: set `{address_key}` in the settings to one that is there, or to \
                 0.0.0.0 for all of IPv4"
            );
        }
        format!(
            "is another program (or another pusud) using port {port}? Stop it, or set {port_key} or {address_key} in the \
             settings (of one of the `listeners`: its port or address). On Linux the port may also have been taken by an outgoing connection, since 55000 to 55002 lie in \
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
    // All addresses of IPv6 are those of IPv4 too, whatever the system's own choice is (net.ipv6.bindv6only).
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_MAX)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Whether the system knows no addresses of this family.
fn is_family_unknown(error: &io::Error) -> bool {
    #[cfg(unix)]
    let unknown = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    // WSAEAFNOSUPPORT
    #[cfg(not(unix))]
    let unknown = 10047;
    error.raw_os_error() == Some(unknown)
}
