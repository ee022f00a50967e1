//! Admission: decides who is let in, by the number of connections in all, of those that are not authorized yet, and of
//! those of one address.
//!
//! It counts and decides; `turned_away` tells those who are not let in why. Shared by the acceptor and the shards,
//! behind a lock that a connection takes three times in its life: when it comes, when it is authorized, when it is gone.
//! **Invariant:** what was let in is counted until it is given back, once.

mod address;
mod addresses;
mod networks;
mod open_files;
mod port;
mod proxy_header;
mod refusal_log;
mod turned_away;

use crate::protocol::{Limits, Refusal, Refusals};
use addresses::Addresses;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// The admission to one relay.
pub struct Admission {
    bounds: Bounds,
    state: Mutex<State>,
}

struct Bounds {
    connections: usize,
    unauthorized: usize,
    /// `None`: no limit.
    unauthorized_per_address: Option<u32>,
    /// `None`: no limit.
    connections_per_address: Option<u32>,
}

#[derive(Default)]
struct State {
    census: Census,
    addresses: Addresses,
    refusals: Refusals,
}

/// How many are inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Connections in all.
    pub connections: usize,
    /// Those among them that are not authorized yet.
    pub unauthorized: usize,
}

/// A connection that was let in.
pub struct Pass {
    /// Where it is counted, to be given back with [`Admission::leave`].
    pub place: Place,
    /// That it is not authorized yet.
    pub probation: Probation,
}

/// Where a connection is counted. Small, because every connection keeps one as long as it lasts.
#[must_use = "a place that is not given back is taken for ever"]
pub struct Place(u32);

/// A place among those that are not authorized yet; dropping it gives it back.
pub struct Probation {
    admission: Arc<Admission>,
    place: u32,
}

impl Admission {
    /// Admits `connections_max` connections, and otherwise as `limits` say.
    pub fn new(connections_max: usize, limits: &Limits) -> Arc<Self> {
        let unless_zero = |limit: usize| (limit > 0).then(|| u32::try_from(limit).unwrap_or(u32::MAX));
        let bounds = Bounds {
            connections: connections_max,
            unauthorized: limits.max_unauthorized,
            unauthorized_per_address: unless_zero(limits.max_unauthorized_per_address),
            connections_per_address: unless_zero(limits.max_connections_per_address),
        };
        Arc::new(Self { bounds, state: Mutex::default() })
    }

    /// Lets a connection from `address` in, which is not authorized yet.
    ///
    /// # Errors
    /// The limit that it would exceed. It has been counted as refused then.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Pass, Refusal> {
        let state = &mut *self.state();
        match self.bounds.admit(state, address) {
            Ok(place) => {
                state.census.connections += 1;
                state.census.unauthorized += 1;
                Ok(Pass { place: Place(place), probation: Probation { admission: self.clone(), place } })
            }
            Err(refusal) => {
                state.refusals.count(refusal);
                Err(refusal)
            }
        }
    }

    /// Takes back the place of a connection that is gone.
    pub fn leave(&self, place: &Place) {
        let state = &mut *self.state();
        state.census.connections -= 1;
        state.addresses.leave(place.0);
    }

    /// How many are inside.
    pub fn census(&self) -> Census {
        self.state().census
    }

    /// Connections that were refused, by limit.
    pub fn refusals(&self) -> Refusals {
        self.state().refusals.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it counts")
    }
}

impl Drop for Probation {
    fn drop(&mut self) {
        let state = &mut *self.admission.state();
        state.census.unauthorized -= 1;
        state.addresses.pass_probation(self.place);
    }
}

impl Bounds {
    fn admit(&self, state: &mut State, address: IpAddr) -> Result<u32, Refusal> {
        let State { census, addresses, .. } = state;
        if census.connections >= self.connections {
            return Err(Refusal::MaxConnections);
        }
        let counts_addresses = self.connections_per_address.is_some() || self.unauthorized_per_address.is_some();
        // Behind 127.0.0.1 and ::1 there may be a proxy with any number of clients.
        let per_address = counts_addresses && !address.is_loopback();
        let of_address = if per_address { addresses.of(address) } else { addresses::Counts::default() };
        if self.connections_per_address.is_some_and(|most| of_address.connections >= most) {
            return Err(Refusal::MaxConnectionsPerAddress);
        }
        if census.unauthorized >= self.unauthorized
            || self.unauthorized_per_address.is_some_and(|most| of_address.unauthorized >= most)
        {
            return Err(Refusal::MaxUnauthorized);
        }
        Ok(if per_address { addresses.enter(address) } else { addresses::UNCOUNTED })
    }
}

#[cfg(test)]
mod tests;

pub use address::{block, readable};
pub use networks::Networks;
pub use open_files::make_room;
pub use port::{CLIENTS, RELAYS};
pub use proxy_header::{PROXY_HEADER_BYTES_MAX, ProxyHeader, Source, begins_like_proxy_header};
pub use refusal_log::RefusalLog;
pub use turned_away::{REFUSING_MAX, TurnedAway};
