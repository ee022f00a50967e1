//! Servers that do not let relays say or hear what is for all relays with history: it is named, nothing is lost in silence, and
//! all is well again when they let them.

use super::operator::wait_for_problem;
use super::seen::{wait_connected, wait_disconnected, wait_seen};
use crate::harness::{NatsCluster, NatsSettings, Network};
use serde_json::json;

const HISTORY: &str = "history:\n  - channels: [h.*]\n    size: 1000\n    ttl: 10min\n";
/// Everything but the subject of history, as operators may have granted it before there was one.
const WITHOUT_HISTORY: &str = "[\"pusu.pusu.all\", \"pusu.pusu.c.>\", \"pusu.pusu.r.>\"]";

fn permissions(publish: &str, subscribe: &str) -> NatsSettings {
    NatsSettings::open().with_permissions_of(&format!("publish: {publish}, subscribe: {subscribe}"))
}

fn all() -> NatsSettings {
    permissions("\"pusu.pusu.>\"", "\"pusu.pusu.>\"")
}

/// So many relays with history.
fn unlinked(relays: usize, settings: NatsSettings) -> Option<Network> {
    let setup = |_, setup: crate::harness::Setup| setup.settings(HISTORY).with_operations();
    Some(Network::unlinked_over(NatsCluster::with(1, settings)?, relays, setup))
}

#[test]
fn a_relay_that_may_not_hear_it_says_so_and_links_when_it_may() {
    let denied = permissions("\"pusu.pusu.>\"", WITHOUT_HISTORY);
    let Some(mut network) = unlinked(2, denied) else { return };
    let parts = [
        "does not let this relay subscribe to `pusu.pusu.h`",
        "allow its user to publish and to subscribe to `pusu.pusu.>`",
    ];
    for at in 0..2 {
        let relay = network.relay(at);
        relay.log().wait_for("what is refused", |line| parts.iter().all(|part| line.contains(part)).then_some(()));
        assert!(wait_for_problem(relay, "nats_refuses").contains(parts[0]));
        assert!(wait_disconnected(relay)["nats"]["last_error"].to_string().contains(parts[0]));
        relay.operate(&["check"]).fails_saying(&parts);
    }
    network.nats_mut().reload(all());
    network.wait_linked();
    let mut listener = network.relay(1).client();
    listener.subscribe_at("h.a");
    network.relay(0).client().publish_all("h.a", [1]);
    listener.expect_at("h.a", json!(1));
    network.relay(0).operate(&["check"]).succeeds();
}

/// A relay without history needs none of it.
#[test]
fn a_relay_without_history_links_without_it() {
    let Some(cluster) = NatsCluster::with(1, permissions(WITHOUT_HISTORY, WITHOUT_HISTORY)) else { return };
    let network = Network::over(cluster, 2, |_, setup| setup);
    network.relay(0).operate(&["check"]).succeeds();
}

#[test]
fn what_was_published_while_it_may_not_be_heard_comes_afterwards() {
    let Some(mut network) = unlinked(2, all()) else { return };
    network.wait_linked();
    let mut listener = network.relay(1).client();
    listener.subscribe_at("h.a");
    let mut source = network.relay(0).client();
    source.publish_all("h.a", [1]);
    listener.expect_at("h.a", json!(1));
    network.nats_mut().reload(permissions("\"pusu.pusu.>\"", WITHOUT_HISTORY));
    for at in 0..2 {
        wait_disconnected(network.relay(at));
    }
    source.publish_all("h.a", [2, 3]);
    network.nats_mut().reload(all());
    for number in [2, 3] {
        listener.expect_at("h.a", json!(number));
    }
    (0..2).for_each(|at| drop(wait_connected(network.relay(at))));
}

#[test]
fn what_may_not_be_published_for_all_reaches_each_all_the_same() {
    let Some(mut network) = unlinked(3, all()) else { return };
    network.wait_linked();
    let mut listeners: Vec<_> = (0..3).map(|at| network.relay(at).client()).collect();
    listeners.iter_mut().for_each(|listener| drop(listener.subscribe_at("h.a")));
    let denied = permissions("{allow: \"pusu.pusu.>\", deny: \"pusu.pusu.h\"}", "\"pusu.pusu.>\"");
    network.nats_mut().reload(denied);
    let mut source = network.relay(0).client();
    source.publish_all("h.a", [1, 2]);
    for number in [1, 2] {
        listeners.iter_mut().for_each(|listener| drop(listener.expect_at("h.a", json!(number))));
    }
    let text = wait_for_problem(network.relay(0), "nats_refuses");
    assert!(text.contains("does not let this relay publish to `pusu.pusu.h`"), "{text}");
    network.relay(0).operate(&["check"]).fails_saying(&["publish to `pusu.pusu.h`"]);
    wait_seen(&network, 0, 1, true);
    network.nats_mut().reload(all());
    source.publish_all("h.a", [3]);
    listeners.iter_mut().for_each(|listener| drop(listener.expect_at("h.a", json!(3))));
    assert_eq!(network.relay(0).asked()["nats"]["connection_refusals"], 0);
}
