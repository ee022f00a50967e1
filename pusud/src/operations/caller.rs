//! The two ends of a connection to the operations port, and whether they are on one machine.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Both ends of a connection.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

impl Caller {
    /// Whether nothing of it has left this machine: nobody else has an address of this machine's.
    pub(super) fn is_here(&self) -> bool {
        let [peer, local] = [self.peer, self.local].map(|address| address.ip().to_canonical());
        peer == local || (peer.is_loopback() && local.is_loopback())
    }
}

/// What counts as one place: this machine, an address of IPv4, or a network of 64 bits of IPv6.
pub(super) fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        here if here.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_one_network_of_ipv6_are_one_place_each() {
        let place = |address: &str| place(address.parse().unwrap());
        assert_eq!(place("2001:db8::1"), place("2001:db8::2:3:4:5"));
        assert_ne!(place("2001:db8::1"), place("2001:db8:0:1::1"));
        assert_eq!(place("::1"), place("::ffff:127.0.0.2"));
        assert_eq!(place("192.0.2.1"), place("::ffff:192.0.2.1"));
        assert_ne!(place("192.0.2.1"), place("192.0.2.2"));
    }

    #[test]
    fn whoever_has_an_address_of_this_machine_is_here() {
        let is_here = |peer: &str, local: &str| {
            let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 1);
            Caller { peer: address(peer), local: address(local) }.is_here()
        };
        assert!(is_here("127.0.0.1", "127.0.0.2") && is_here("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!is_here("192.0.2.1", "127.0.0.1") && !is_here("192.0.2.1", "192.0.2.2"));
    }
}
