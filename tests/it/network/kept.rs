//! Relays of one network of which one keeps other messages of channels with history: both say so, once in the log, and go on.

use super::traffic::peer_of;
use crate::harness::{Client, Daemon, Network};
use serde_json::{Value, json};

const WARNING: &str = "the relay has other settings of history";
const HISTORY: &str = "history: [{channels: ['bids.*'], size: 9, ttl: 10m}]";

/// How the relay `name` differs, as this one says.
fn difference(daemon: &Daemon, name: &str) -> Value {
    let status = daemon.status();
    let peer = status["relays"].as_array().unwrap().iter().find(|relay| relay["name"] == name).cloned();
    peer.unwrap_or_else(|| panic!("{name} is not in {status:#}"))["history_difference"].clone()
}

fn wait_for_warning(daemon: &Daemon, about: &str) {
    let parts = [WARNING, about];
    daemon.log().wait_for(&parts.join(" and "), |line| parts.iter().all(|part| line.contains(part)).then_some(()));
}

fn subscribe(client: &mut Client, channel: &str) {
    client.send(json!({"type": "subscribe", "channel": channel}));
    assert_eq!(client.next_json()["type"], "subscribe_ok");
}

fn hears(listener: &mut Client, content: &Value) {
    let message = listener.next_json();
    assert_eq!((&message["type"], &message["content"]), (&json!("publish"), content), "{message}");
}

/// Messages go both ways between a relay with history and one that has other settings.
fn reach_each_other(network: &Network) {
    for (from, to) in [(0, 1), (1, 0)] {
        let mut listener = network.relay(to).client();
        subscribe(&mut listener, "bids.1");
        for content in [json!({"from": from}), json!(2)] {
            network.relay(from).client().publish("bids.1", content.clone());
            hears(&mut listener, &content);
        }
    }
}

fn both_say_so(network: &Network) {
    for (at, other) in [(0, "relay-1"), (1, "relay-0")] {
        let relay = network.relay(at);
        wait_for_warning(relay, other);
        assert_eq!(difference(relay, other), "it has another `history`");
    }
    let said = network.relay(0).operate(&["status"]).succeeds();
    assert!(said.contains("KEEPS OTHER HISTORY: it has another `history`"), "{said}");
    let top = network.relay(0).operate_json(&["top", "--once"]).remove(0);
    let problem = top["problems"].as_array().unwrap().iter().find(|problem| problem["id"] == "history_differs");
    assert_eq!(problem.unwrap_or_else(|| panic!("{top:#}"))["item"], "relay-1");
}

#[test]
fn one_relay_with_history_and_one_without() {
    let network = Network::with(2, |at, setup| if at == 0 { setup.with_operations().settings(HISTORY) } else { setup });
    reach_each_other(&network);
    both_say_so(&network);
    for relay in network.relays() {
        let text = relay.log().text();
        assert_eq!(text.matches(WARNING).count(), 1, "{text}");
        assert_eq!(text.matches("\"linked\"").count(), 1, "the link has lasted: {text}");
    }
    // Nobody numbers what the one without history has accepted.
    let kept = network.relay(0).look("/api/v1/history?channel=bids.1");
    let relays: Vec<&Value> = kept["publications"].as_array().unwrap().iter().map(|one| &one["relay"]).collect();
    assert_eq!(relays, [&Value::Null, &Value::Null, &json!("relay-0"), &json!("relay-0")]);
}

#[test]
fn two_relays_with_different_history() {
    let network =
        Network::with(2, |at, setup| setup.settings(&HISTORY.replace("size: 9", &format!("size: {}", 5 + at))));
    reach_each_other(&network);
    both_say_so(&network);
}

#[test]
fn relays_with_the_same_history_say_nothing_and_know_whose_each_message_is() {
    let network = Network::with(2, |_, setup| setup.with_operations().settings(HISTORY));
    reach_each_other(&network);
    for (at, other) in [(0, "relay-1"), (1, "relay-0")] {
        let relay = network.relay(at);
        assert_eq!(difference(relay, other), Value::Null);
        let kept = relay.look("/api/v1/history?channel=bids.1");
        let relays: Vec<&str> =
            kept["publications"].as_array().unwrap().iter().map(|one| one["relay"].as_str().unwrap()).collect();
        assert_eq!(relays, ["relay-1", "relay-1", "relay-0", "relay-0"]);
        assert!(!relay.log().text().contains(WARNING));
        let sent = peer_of(&network.relay(1 - at).asked(), at)["sent"].clone();
        relay.wait_for_status(&format!("{sent} messages of {other} to be counted"), |status| {
            peer_of(status, 1 - at)["received"] == sent
        });
    }
}
