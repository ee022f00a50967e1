//! Admission: decides who is let in, by the number of connections in all, of those that are not authorized yet, and of
//! those of one address.
//!
//! It counts and decides; `turned_away` tells those who are not let in why. Shared by the acceptors and the shards,
//! behind a lock that a connection takes three times in its life: when it comes, when it is authorized, when it is gone;
//! and once more where it is encrypted or a proxy says where it comes from.
//! **Invariant:** what was let in is counted until it is given back, once.

mod address;
mod addresses;
mod bounds;
mod client_address;
mod forwarding;
mod networks;
mod open_files;
mod operators;
mod places;
mod port;
mod proxy_header;
mod refusal_log;
mod turned_away;

use crate::protocol::{Limits, Refusal, Refusals};
use addresses::Addresses;
use bounds::Bounds;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// The admission to one relay.
pub struct Admission {
    bounds: Bounds,
    state: Mutex<State>,
    turned_away: TurnedAway,
}

#[derive(Default)]
struct State {
    census: Census,
    /// Connections that were let in since the start.
    accepted: u64,
    /// Connections by listener.
    listeners: Box<[usize]>,
    addresses: Addresses,
    refusals: Refusals,
    /// Sessions of the operator's.
    operators: operators::Operators,
}

/// How many are inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Connections in all.
    pub connections: usize,
    /// Those among them that are not authorized yet.
    pub unauthorized: usize,
    /// Those among them that are not counted as such yet, since their TLS handshake goes on.
    pub handshakes: usize,
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

/// The most listeners: the number of one has to fit into a [`Place`] beside the place of an address.
pub const LISTENERS_MAX: usize = 64;
const LISTENER_BITS: u32 = LISTENERS_MAX.ilog2();

impl Place {
    fn new(of_address: u32, listener: u16) -> Self {
        Self(of_address << LISTENER_BITS | u32::from(listener))
    }

    /// Its place among those of one address.
    fn of_address(&self) -> u32 {
        self.0 >> LISTENER_BITS
    }

    fn listener(&self) -> u16 {
        (self.0 % LISTENERS_MAX as u32) as u16
    }
}

/// A place among those that are not authorized yet; dropping it gives it back.
pub struct Probation {
    admission: Arc<Admission>,
    place: u32,
    /// The TLS handshake goes on.
    is_handshaking: bool,
}

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// With its request.
    Request,
    /// With a TLS handshake, which has places of its own.
    Handshake,
}

impl Admission {
    /// Admits `connections_max` connections, and otherwise as `limits` say, or a listener's own.
    pub fn new(connections_max: usize, limits: &Limits, listeners: &[ListenerLimits]) -> Arc<Self> {
        let state = State { listeners: vec![0; listeners.len()].into(), ..State::default() };
        let bounds = Bounds::new(connections_max, limits, listeners);
        Arc::new(Self { bounds, state: Mutex::new(state), turned_away: TurnedAway::default() })
    }

    /// For all who refuse connections of this relay: one bound on the number of those that are being told is for all of them.
    pub fn turned_away(&self) -> TurnedAway {
        self.turned_away.clone()
    }

    /// Lets a connection in that came through the listener with this number, and is not authorized yet. `address`: what limits by address count it by; `None` where they
    /// cannot, or not yet.
    ///
    /// # Errors
    /// The limit that it would exceed. It has been counted as refused then.
    pub fn admit(
        self: &Arc<Self>,
        listener: u16,
        address: Option<IpAddr>,
        beginning: Beginning,
    ) -> Result<Pass, Refusal> {
        let state = &mut *self.state();
        let is_handshaking = beginning == Beginning::Handshake;
        let admitted = self.bounds.admit(state, listener, address, is_handshaking);
        let place = admitted.inspect_err(|&refusal| state.refusals.count(refusal))?;
        state.census.connections += 1;
        state.accepted += 1;
        *state.census.beginning(is_handshaking) += 1;
        state.listeners[usize::from(listener)] += 1;
        let probation = Probation { admission: self.clone(), place, is_handshaking };
        Ok(Pass { place: Place::new(place, listener), probation })
    }

    /// The TLS handshake of a connection is done: it counts among those that are not authorized yet.
    ///
    /// # Errors
    /// There is no room among them. It has been counted as refused then, and keeps its place until it leaves.
    pub fn end_handshake(&self, pass: &mut Pass) -> Result<(), Refusal> {
        let state = &mut *self.state();
        if state.census.unauthorized >= self.bounds.unauthorized {
            state.refusals.count(Refusal::MaxUnauthorized);
            return Err(Refusal::MaxUnauthorized);
        }
        state.census.handshakes -= 1;
        state.census.unauthorized += 1;
        pass.probation.is_handshaking = false;
        Ok(())
    }

    /// A trusted proxy has said where a connection comes from, or its next request: limits by address count it by that from
    /// here on. `probation`: as long as it is not authorized.
    ///
    /// # Errors
    /// The limit that it would exceed. It has been counted as refused then, and keeps its place until it leaves.
    pub fn identify(
        &self,
        place: &mut Place,
        mut probation: Option<&mut Probation>,
        address: IpAddr,
    ) -> Result<(), Refusal> {
        let state = &mut *self.state();
        if state.addresses.is_of(place.of_address(), address) {
            return Ok(());
        }
        state.addresses.leave(place.of_address());
        *place = Place::new(addresses::UNCOUNTED, place.listener());
        if let Some(probation) = &mut probation {
            state.addresses.pass_probation(std::mem::replace(&mut probation.place, addresses::UNCOUNTED));
        }
        let identified = self.bounds.identify(state, place.listener(), address);
        let counted = identified.inspect_err(|&refusal| state.refusals.count(refusal))?;
        *place = Place::new(counted, place.listener());
        match probation {
            Some(probation) => probation.place = counted,
            None => state.addresses.pass_probation(counted),
        }
        Ok(())
    }

    /// A connection whose requests were authorized begins a conversation that has to be authorized anew.
    ///
    /// # Errors
    /// There are too many of those already. It has been counted as refused then.
    pub fn begin_probation(self: &Arc<Self>, place: &Place) -> Result<Probation, Refusal> {
        let state = &mut *self.state();
        if state.census.unauthorized >= self.bounds.unauthorized {
            state.refusals.count(Refusal::MaxUnauthorized);
            return Err(Refusal::MaxUnauthorized);
        }
        state.census.unauthorized += 1;
        state.addresses.begin_probation(place.of_address());
        Ok(Probation { admission: self.clone(), place: place.of_address(), is_handshaking: false })
    }

    /// Counts a connection that somebody else has refused.
    pub fn count_refusal(&self, refusal: Refusal) {
        self.state().refusals.count(refusal);
    }

    /// Takes back the place of a connection that is gone.
    pub fn leave(&self, place: &Place) {
        let state = &mut *self.state();
        state.census.connections -= 1;
        state.listeners[usize::from(place.listener())] -= 1;
        state.addresses.leave(place.of_address());
    }

    /// How many are inside.
    pub fn census(&self) -> Census {
        self.state().census
    }

    /// How many were let in since the start.
    pub fn accepted(&self) -> u64 {
        self.state().accepted
    }

    /// Connections by the number of the listener that they came through.
    pub fn by_listener(&self) -> Vec<usize> {
        self.state().listeners.to_vec()
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
        *state.census.beginning(self.is_handshaking) -= 1;
        state.addresses.pass_probation(self.place);
    }
}

impl Census {
    fn beginning(&mut self, is_handshaking: bool) -> &mut usize {
        if is_handshaking { &mut self.handshakes } else { &mut self.unauthorized }
    }
}

#[cfg(test)]
mod tests;

pub use address::{block, readable};
pub use bounds::ListenerLimits;
pub use client_address::{ClientAddress, peer_of};
pub use forwarding::Forwarding;
pub use networks::Networks;
pub use open_files::make_room;
pub use operators::{OperatorPlace, OperatorUse, TAILS_MAX};
pub use places::{Places, TakenPlace};
pub use port::{CLIENTS, OPERATORS, RELAYS};
pub use proxy_header::{PROXY_HEADER_BYTES_MAX, ProxyHeader, Source, begins_like_proxy_header};
pub use refusal_log::RefusalLog;
pub use turned_away::{REFUSING_MAX, TurnedAway};
