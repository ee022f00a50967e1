//! Bounds on connections: of the whole relay, and where a listener has its own.

use super::addresses::{self, Addresses};
use super::{Census, State};
use crate::protocol::{Limits, Refusal};
use std::net::IpAddr;

/// A listener's own limits; `None`: as the relay's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListenerLimits {
    /// Connections through this listener.
    pub max_connections: Option<usize>,
    /// Connections of one address, through all listeners; 0: no limit.
    pub max_connections_per_address: Option<usize>,
    /// The same, of those that are not authorized yet; 0: no limit.
    pub max_unauthorized_per_address: Option<usize>,
}

/// The bounds of all listeners.
pub(super) struct Bounds {
    connections: usize,
    pub(super) unauthorized: usize,
    listeners: Box<[OfListener]>,
}

/// The bounds of one listener; `None`: no limit.
struct OfListener {
    connections: Option<usize>,
    unauthorized_per_address: Option<u32>,
    connections_per_address: Option<u32>,
}

impl Bounds {
    pub(super) fn new(connections: usize, limits: &Limits, listeners: &[ListenerLimits]) -> Self {
        let unless_zero = |limit: usize| (limit > 0).then(|| u32::try_from(limit).unwrap_or(u32::MAX));
        let of_listener = |own: &ListenerLimits| OfListener {
            connections: own.max_connections,
            unauthorized_per_address: unless_zero(
                own.max_unauthorized_per_address.unwrap_or(limits.max_unauthorized_per_address),
            ),
            connections_per_address: unless_zero(
                own.max_connections_per_address.unwrap_or(limits.max_connections_per_address),
            ),
        };
        let listeners = listeners.iter().map(of_listener).collect();
        Self { connections, unauthorized: limits.max_unauthorized, listeners }
    }

    /// A place by address for a connection that comes through this listener, if there is room for it in all.
    pub(super) fn admit(
        &self,
        state: &mut State,
        listener: u16,
        address: Option<IpAddr>,
        is_handshaking: bool,
    ) -> Result<u32, Refusal> {
        let bounds = &self.listeners[usize::from(listener)];
        let Census { connections, unauthorized, .. } = state.census;
        let of_listener = state.listeners[usize::from(listener)];
        if connections >= self.connections || bounds.connections.is_some_and(|most| of_listener >= most) {
            return Err(Refusal::MaxConnections);
        }
        // The address may have too many as well, which says more.
        bounds.check_connections(&state.addresses, address)?;
        if !is_handshaking && unauthorized >= self.unauthorized {
            return Err(Refusal::MaxUnauthorized);
        }
        bounds.place_of(&mut state.addresses, address)
    }

    /// A place by address for a connection that has been let in.
    pub(super) fn identify(&self, state: &mut State, listener: u16, address: IpAddr) -> Result<u32, Refusal> {
        self.listeners[usize::from(listener)].place_of(&mut state.addresses, Some(address))
    }
}

impl OfListener {
    fn place_of(&self, addresses: &mut Addresses, address: Option<IpAddr>) -> Result<u32, Refusal> {
        self.check_connections(addresses, address)?;
        let Some(address) = self.counted(address) else { return Ok(addresses::UNCOUNTED) };
        if self.unauthorized_per_address.is_some_and(|most| addresses.of(address).unauthorized >= most) {
            return Err(Refusal::MaxUnauthorized);
        }
        Ok(addresses.enter(address))
    }

    fn check_connections(&self, addresses: &Addresses, address: Option<IpAddr>) -> Result<(), Refusal> {
        let Some(most) = self.connections_per_address else { return Ok(()) };
        let of_address = self.counted(address).map_or(0, |address| addresses.of(address).connections);
        if of_address >= most { Err(Refusal::MaxConnectionsPerAddress) } else { Ok(()) }
    }

    /// The address, if connections are counted by it.
    fn counted(&self, address: Option<IpAddr>) -> Option<IpAddr> {
        let counts_addresses = self.connections_per_address.is_some() || self.unauthorized_per_address.is_some();
        // Behind 127.0.0.1 and ::1 there may be a proxy with any number of clients, which says nothing of them.
        address.filter(|address| counts_addresses && !address.is_loopback())
    }
}
