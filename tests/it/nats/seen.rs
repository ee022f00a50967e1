//! What a relay's status says of its server of NATS and of the other relays. The one place here that knows the names.

use crate::harness::{Daemon, Network};
use crate::network::traffic::peer_of;
use serde_json::Value;

/// Waits until the relay has a server.
pub(super) fn wait_connected(relay: &Daemon) -> Value {
    relay.wait_for_status("a server of NATS", |status| status["nats"]["joined"] == true)
}

/// Waits until it has none.
pub(super) fn wait_disconnected(relay: &Daemon) -> Value {
    relay.wait_for_status("no server of NATS", |status| status["nats"]["connected_for"].is_null())
}

/// How often the relay has lost its connection to a server.
pub(super) fn disconnects(relay: &Daemon) -> u64 {
    relay.asked()["nats"]["disconnects"].as_u64().expect("a number")
}

/// How many messages came that no relay can have sent.
pub(super) fn garbage(status: &Value) -> u64 {
    status["nats"]["garbage"].as_u64().expect("a number")
}

/// How many messages of `from` came at `at` too late, behind newer ones.
pub(super) fn late(network: &Network, from: usize, at: usize) -> u64 {
    peer_of(&network.relay(at).asked(), from)["late"].as_u64().expect("a number")
}

/// Waits until a relay sees another one so: `linked`, or not any more.
pub(super) fn wait_seen(network: &Network, at: usize, peer: usize, is_linked: bool) {
    let name = format!("relay-{peer}");
    network.relay(at).wait_for_status(&format!("{name} linked: {is_linked}"), |status| {
        let relays = status["relays"].as_array().expect("a list");
        let found = relays.iter().find(|relay| relay["name"] == *name);
        found.is_some_and(|relay| relay["state"] == "linked") == is_linked
    });
}
