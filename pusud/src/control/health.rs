//! Whether a relay is healthy, judged by its status alone.
//!
//! A relay of the list that is not linked makes no relay unhealthy: it may be the other one that is down.

use super::status::{State, Status};
use crate::routing::{PeerState, PeerStatus};

impl Status {
    /// Why the relay is not healthy; empty if it is.
    pub fn unhealthy(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.state == State::Stopping {
            reasons.push("it is stopping (graceful shutdown), and accepts no clients".to_owned());
        }
        let shards = self.hanging_shards.iter().map(|shard| format!("shard {shard} hangs"));
        reasons.extend(shards);
        if self.network_hangs {
            reasons.push("the network's thread hangs".to_owned());
        }
        if !self.authenticator.ready {
            reasons.push(format!("the authenticator {} is not ready", self.authenticator.id));
        }
        reasons
    }

    /// The relays of the list that there is no link with, each once, by name or address. A relay that is linked at one
    /// of its addresses is none of them.
    pub fn not_linked(&self) -> Vec<&str> {
        let is_missing = |relay: &&PeerStatus| matches!(relay.state, PeerState::Down | PeerState::Linking);
        let linked: Vec<&str> =
            self.relays.iter().filter(|relay| !is_missing(relay)).filter_map(|relay| relay.name.as_deref()).collect();
        let mut missing: Vec<&str> = Vec::new();
        for relay in self.relays.iter().filter(is_missing) {
            let address = relay.resolved.as_deref().or(relay.address.as_deref());
            let Some(shown) = relay.name.as_deref().or(address) else { continue };
            if !linked.contains(&shown) && !missing.contains(&shown) {
                missing.push(shown);
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Authenticator;

    fn healthy() -> Status {
        let authenticator = Authenticator { id: "A".into(), ready: true, ..Authenticator::default() };
        Status { authenticator, ..Status::default() }
    }

    #[test]
    fn every_reason_is_named() {
        assert_eq!(healthy().unhealthy(), [""; 0]);
        let mut ill = healthy();
        (ill.state, ill.hanging_shards, ill.network_hangs) = (State::Stopping, vec![0, 3], true);
        ill.authenticator.ready = false;
        let reasons = ill.unhealthy().join("; ");
        for part in ["stopping", "shard 0 hangs; shard 3 hangs", "the network's thread hangs", "authenticator A is not"]
        {
            assert!(reasons.contains(part), "{part} is not in {reasons}");
        }
    }

    #[test]
    fn a_relay_that_is_not_linked_is_named_and_no_reason() {
        let relay = |name: Option<&str>, address: &str, state| PeerStatus {
            name: name.map(str::to_owned),
            address: Some(address.to_owned()),
            state,
            ..PeerStatus::default()
        };
        let mut status = healthy();
        status.relays = vec![
            relay(None, "10.0.0.1:1", PeerState::Itself),
            relay(Some("r2"), "10.0.0.2:1", PeerState::Linked),
            relay(Some("r3"), "10.0.0.3:1", PeerState::Linking),
            relay(None, "10.0.0.4:1", PeerState::Down),
            // Two addresses of the same relays.
            relay(Some("r2"), "10.0.1.2:1", PeerState::Down),
            relay(Some("r3"), "10.0.1.3:1", PeerState::Down),
        ];
        assert_eq!(status.unhealthy(), [""; 0]);
        assert_eq!(status.not_linked(), ["r3", "10.0.0.4:1"]);
    }
}
