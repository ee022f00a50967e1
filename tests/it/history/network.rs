//! History in a network: whoever comes back to any relay misses nothing, or is told.

use super::gathering::{LARGE_RING, RELAYS, VISITORS, keeping, told, visited};
use crate::harness::Network;
use serde_json::json;
use std::time::Duration;

fn network(size: usize) -> Network {
    Network::with(RELAYS, |_, setup| keeping(size, setup))
}

#[test]
fn positions_hold_at_every_relay() {
    let mut network = network(LARGE_RING);
    let accounts = visited(&mut network, &[0, 1, 2], &[], |_, gathering| gathering.wait_for_visits(3 * VISITORS));
    assert_eq!(told(&accounts), 0, "nobody has to be told of anything");
}

#[test]
fn a_rolling_restart_loses_nothing() {
    let mut network = network(LARGE_RING);
    let accounts = visited(&mut network, &[0, 1, 2], &[], |network, gathering| {
        for (at, source) in &gathering.sources {
            // Of a source that is disconnected nobody knows what was accepted of its last messages.
            source.rest();
            network.relay(*at).terminate();
            assert_eq!(network.relay_mut(*at).wait().code(), Some(0));
            gathering.places.set(*at, None);
            network.relay_mut(*at).restart();
            gathering.places.set(*at, Some(network.relay(*at).client_address()));
            network.wait_linked();
            source.go_on();
        }
    });
    assert_eq!(told(&accounts), 0, "nobody has to be told of anything");
}

/// Kills the last relay several times while visitors and sources are at it.
fn last_one_is_killed(sources: &[usize], survivors: &[usize]) {
    let mut network = network(LARGE_RING);
    let accounts = visited(&mut network, sources, survivors, |network, gathering| {
        for _ in 0..3 {
            sources.iter().for_each(|at| gathering.wait_for_messages(*at, 20));
            gathering.wait_for_visits(VISITORS / 2);
            network.relay_mut(2).kill();
            gathering.places.set(2, None);
            network.relay_mut(2).restart();
            gathering.places.set(2, Some(network.relay(2).client_address()));
            network.wait_linked();
        }
    });
    assert_eq!(told(&accounts), 0, "nobody has to be told of anything");
}

/// A relay without sources is killed: whatever was published is at the others.
#[test]
fn who_listened_at_a_killed_relay_misses_nothing_elsewhere() {
    last_one_is_killed(&[0, 1], &[]);
}

/// The sources of a killed relay go with it. What it had handed to any other relay arrives everywhere; the rest nobody has but
/// those that heard it from the killed one, and they recover like the others.
#[test]
fn what_a_killed_relay_had_handed_to_another_arrives_everywhere() {
    last_one_is_killed(&[0, 1, 2], &[0, 1]);
}

/// Those that are away for longer than the ring reaches are told so, and still nothing comes twice or out of order.
#[test]
fn a_small_ring_is_told() {
    let mut network = network(5);
    let accounts = visited(&mut network, &[0, 1, 2], &[], |_, gathering| gathering.wait_for_visits(3 * VISITORS));
    assert!(told(&accounts) > 0, "nobody was told of anything");
}

/// Visitors and sources are at it meanwhile, and try to come to it.
#[test]
fn a_relay_that_stands_still_for_10_s_is_completed() {
    let mut network = network(LARGE_RING);
    let accounts = visited(&mut network, &[0, 1, 2], &[], |network, _| {
        network.relay(2).freeze();
        // The fault lasts as long as it lasts.
        std::thread::sleep(Duration::from_secs(10));
        network.relay(2).thaw();
    });
    assert_eq!(told(&accounts), 0, "nobody has to be told of anything");
}

/// The newest publication comes with the subscription, wherever it was published.
#[test]
fn the_last_value_is_at_every_relay() {
    let network = network(100);
    let mut source = network.relay(0).client();
    source.publish("h.value", json!("old"));
    source.publish_all("h.value", ["new"]);
    for relay in network.relays() {
        let mut listener = relay.client();
        while listener.subscribe_last("h.value", 1) == 0 {
            listener.unsubscribe("h.value");
        }
        let (_, value) = listener.next_at("h.value");
        if value != json!("new") {
            assert_eq!(listener.next_at("h.value").1, json!("new"));
        }
    }
}
