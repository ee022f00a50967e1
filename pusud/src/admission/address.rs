//! Addresses of clients and relays: as people write them, and what counts as one.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The address as people write it: where both families share a socket, an IPv4 client's comes as an IPv6 one.
pub fn readable(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// What counts as one address: of IPv6 the /64, since whoever has one of its addresses has them all.
pub fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
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
