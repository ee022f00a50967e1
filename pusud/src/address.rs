//! Clients' addresses.

use std::net::SocketAddr;

/// The address as people write it: where both families share a socket, an IPv4 client's comes as an IPv6 one.
pub fn readable(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_read_as_what_they_are() {
        for (address, expected) in [
            ("[::ffff:192.0.2.1]:5", "192.0.2.1:5"),
            ("192.0.2.1:5", "192.0.2.1:5"),
            ("[2001:db8::1]:5", "[2001:db8::1]:5"),
        ] {
            assert_eq!(readable(address.parse().unwrap()).to_string(), expected);
        }
    }
}
