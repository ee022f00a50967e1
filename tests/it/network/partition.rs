//! A network that falls apart, in one direction or in both, without either side being told: both relays serve on, notice
//! it by the silence, and are one network again soon after it has healed.
//!
//! What lies between the relays is a proxy that holds their bytes, which needs no rights and works on every system.

use super::baseline::Baseline;
use crate::harness::{Client, DEADLINE, Log, Network, time_without_stalls};
use serde_json::json;
use std::time::{Duration, Instant};

/// A relay of which nothing comes is dead after 15 s. The simulation is exact about that; here there is a machine that has
/// other things to do.
const DEAD_MAX: Duration = Duration::from_secs(17);

#[test]
fn nothing_gets_through_either_way() {
    falls_apart_and_heals(false, false);
}

#[test]
fn nothing_gets_through_one_way() {
    falls_apart_and_heals(true, false);
}

#[test]
fn nothing_gets_through_the_other_way() {
    falls_apart_and_heals(false, true);
}

/// From the first relay to the second bytes go or do not, and likewise back.
fn falls_apart_and_heals(there: bool, back: bool) {
    let (network, detours) = Network::of_two_with_detours();
    let baseline = Baseline::of(&network);
    let mut listeners: Vec<Client> = network.relays().iter().map(|relay| relay.client()).collect();
    let mut sources: Vec<Client> = network.relays().iter().map(|relay| relay.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("steady"));
    let logged: Vec<usize> = network.relays().iter().map(|relay| relay.log().lines().len()).collect();

    let ((), dead_after) = time_without_stalls(|| {
        // Whoever dialled, the first relay's bytes go one way, and the second's the other.
        detours[0].open(there, back);
        detours[1].open(back, there);
        own_clients_are_served(&mut listeners, &mut sources);
        for (relay, logged) in network.relays().iter().zip(logged) {
            wait_for_the_end_of_the_link(relay.log(), logged);
        }
    });
    assert!(dead_after < DEAD_MAX, "the link ended only after {dead_after:?}");

    // Healed: what was subscribed to meanwhile is known on the other side.
    detours.iter().for_each(|detour| detour.open(true, true));
    network.wait_linked();
    for (at, source) in sources.iter_mut().enumerate() {
        source.publish("new.7", json!(["healed", at]));
        listeners.iter_mut().for_each(|listener| while listener.next_json()["content"] != json!(["healed", at]) {});
    }
    for (at, source) in sources.iter_mut().enumerate() {
        (0..100).for_each(|number| source.publish("steady", json!([at, number])));
        for listener in &mut listeners {
            (0..100).for_each(|number| listener.expect_publish("steady", json!([at, number])));
        }
    }
    listeners.iter_mut().for_each(Client::expect_no_answer);
    drop((listeners, sources));
    baseline.assert_is_back(&network, 0);
}

/// Also those that subscribe.
fn own_clients_are_served(listeners: &mut [Client], sources: &mut [Client]) {
    let started = Instant::now();
    for (listener, source) in listeners.iter_mut().zip(sources) {
        for number in 0..20 {
            listener.subscribe(&format!("new.{number}"));
            listener.unsubscribe("gone");
            source.publish(&format!("new.{number}"), json!(number));
            while listener.next_json()["content"] != number {}
        }
    }
    assert!(started.elapsed() < DEADLINE, "subscriptions took {:?}", started.elapsed());
}

/// Longer than other waits: it takes 15 s of silence.
fn wait_for_the_end_of_the_link(log: &Log, logged: usize) {
    let started = Instant::now();
    let mut seen = logged;
    let says_so =
        |line: &String| ["the link has ended", "link down, retrying"].iter().any(|words| line.contains(words));
    while !log.lines()[logged..].iter().any(says_so) {
        assert!(started.elapsed() < 3 * DEADLINE, "the link has not ended; the log:\n{}", log.text());
        log.grows_past(seen, Duration::from_secs(1));
        seen = log.lines().len();
    }
}
