//! History in a network: whoever comes back to any relay misses nothing, or is told.

use super::visitors::{Account, Places, Source, Visitor};
use crate::harness::{Network, Setup};
use serde_json::json;
use std::time::Duration;

const RELAYS: usize = 3;
const VISITORS: u64 = 30;

fn network(size: usize) -> Network {
    let drain = "limits: {drain_grace: 500ms, drain_spread: 1s}";
    Network::with(RELAYS, |_, setup: Setup| setup.shards(2).history(size, "10min").settings(drain))
}

/// Has visitors come and go while something is done to the relays, and gives their accounts. There is a source at each of
/// these relays.
fn visited(
    network: &mut Network,
    sources: &[usize],
    deed: impl FnOnce(&mut Network, &Places, &[(usize, Source)]),
) -> Vec<Account> {
    let places = Places::of(network);
    let visitors: Vec<_> = (0..VISITORS).map(|seed| Visitor::come(&places, seed)).collect();
    let sources: Vec<_> = sources.iter().map(|&at| (at, Source::begin(&places, at))).collect();
    deed(network, &places, &sources);
    let published: Vec<_> = sources.into_iter().flat_map(|(_, source)| source.end()).collect();
    assert!(published.iter().all(|(_, count)| *count > 0), "{published:?}");
    let accounts: Vec<_> = visitors.into_iter().map(|visitor| visitor.account(&published)).collect();
    // Whoever comes back has recovered, or is told.
    let returns: usize = accounts.iter().map(|account| account.recovered + account.told).sum();
    assert!(returns > VISITORS as usize, "nobody has come back");
    accounts
}

fn told(accounts: &[Account]) -> usize {
    accounts.iter().map(|account| account.told).sum()
}

#[test]
fn positions_hold_at_every_relay() {
    let mut network = network(100_000);
    let accounts = visited(&mut network, &[0, 1, 2], |_, _, _| std::thread::sleep(Duration::from_secs(3)));
    assert_eq!(told(&accounts), 0, "nobody has to be told of anything");
}

#[test]
fn a_rolling_restart_loses_nothing() {
    let mut network = network(100_000);
    let accounts = visited(&mut network, &[0, 1, 2], |network, places, sources| {
        for (at, source) in sources {
            // Of a source that is disconnected nobody knows what was accepted of its last messages.
            source.rest();
            network.relay(*at).terminate();
            assert_eq!(network.relay_mut(*at).wait().code(), Some(0));
            places.set(*at, None);
            network.relay_mut(*at).restart();
            places.set(*at, Some(network.relay(*at).address()));
            network.wait_linked();
            source.go_on();
        }
    });
    assert_eq!(told(&accounts), 0, "nobody has to be told of anything");
}

/// A relay without sources is killed: whatever was published is at the others.
#[test]
fn who_listened_at_a_killed_relay_misses_nothing_elsewhere() {
    let mut network = network(100_000);
    let accounts = visited(&mut network, &[0, 1], |network, places, _| {
        for _ in 0..3 {
            network.relay_mut(2).kill();
            places.set(2, None);
            network.relay_mut(2).restart();
            places.set(2, Some(network.relay(2).address()));
            network.wait_linked();
        }
    });
    assert_eq!(told(&accounts), 0, "nobody has to be told of anything");
}

/// Those that are away for longer than the ring reaches are told so, and still nothing comes twice or out of order.
#[test]
fn a_small_ring_is_told() {
    let mut network = network(20);
    let accounts = visited(&mut network, &[0, 1, 2], |_, _, _| std::thread::sleep(Duration::from_secs(3)));
    assert!(told(&accounts) > 0, "nobody was told of anything");
}

#[test]
fn a_relay_that_stands_still_for_10_s_is_completed() {
    let mut network = network(100_000);
    let accounts = visited(&mut network, &[0, 1], |network, places, _| {
        places.set(2, None);
        network.relay(2).freeze();
        // The fault lasts as long as it lasts.
        std::thread::sleep(Duration::from_secs(10));
        network.relay(2).thaw();
        places.set(2, Some(network.relay(2).address()));
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
