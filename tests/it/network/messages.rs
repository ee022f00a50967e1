//! Messages cross the network once and in order, in every direction.

use super::traffic::{peer_of, wait_until_interest_is_right};
use crate::delivery::deliveries::{EACH, deliver};
use crate::harness::{Client, Daemon, Network};
use serde_json::json;
use std::thread;

const MESSAGES: u64 = 1_000;

#[test]
fn one_relay() {
    everybody_hears_everybody(&Network::of(1));
}

#[test]
fn two_relays() {
    everybody_hears_everybody(&Network::of(2));
}

#[test]
fn three_relays() {
    everybody_hears_everybody(&Network::of(3));
}

#[test]
fn five_relays() {
    everybody_hears_everybody(&Network::of(5));
}

#[test]
fn three_relays_on_three_shards_each() {
    everybody_hears_everybody(&Network::with(3, |_, setup| setup.shards(3)));
}

/// A source and two listeners on every relay, and all sources at once: every listener gets all messages once, and those
/// of each source in their order. The last message of each source comes last, so a second copy of any would be seen.
fn everybody_hears_everybody(network: &Network) {
    let relays = network.relays();
    let mut listeners: Vec<Client> = relays.iter().chain(relays).map(|relay| relay.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("all"));
    thread::scope(|scope| {
        for (from, relay) in relays.iter().enumerate() {
            let mut source = relay.client();
            scope.spawn(move || {
                (0..MESSAGES).for_each(|number| source.publish("all", json!([from, number])));
                source.expect_no_answer();
            });
        }
        for listener in &mut listeners {
            scope.spawn(|| {
                let mut next = vec![0; relays.len()];
                for _ in 0..relays.len() as u64 * MESSAGES {
                    let (from, number): (usize, u64) =
                        serde_json::from_value(listener.next_json()["content"].take()).unwrap();
                    assert_eq!(number, next[from], "of the source on relay {from}");
                    next[from] += 1;
                }
            });
        }
    });
    for (from, relay) in relays.iter().enumerate() {
        relay.client().publish("all", json!(from));
        listeners.iter_mut().for_each(|listener| listener.expect_publish("all", json!(from)));
    }
}

#[test]
fn five_million_over_three_relays() {
    let network = Network::of(3);
    deliver(&network.relays().iter().map(Daemon::address).collect::<Vec<_>>(), EACH);
}

/// By what the relays say that they have sent, since a listener cannot tell what its relay was sent in vain.
#[test]
fn only_who_listens_is_sent_to() {
    let network = Network::unlinked(3, |_, setup| setup);
    let mut listener = network.relay(1).client();
    listener.subscribe("wanted");
    let mut bystander = network.relay(2).client();
    bystander.subscribe("other");
    wait_until_interest_is_right(&network);
    let mut source = network.relay(0).client();
    for number in 0..100 {
        source.publish("wanted", json!(number));
        source.publish("unwanted", json!(number));
    }
    (0..100).for_each(|number| listener.expect_publish("wanted", json!(number)));
    source.publish("other", json!("end"));
    bystander.expect_publish("other", json!("end"));
    listener.expect_no_answer();
    let [sender, wanting, other] = [0, 1, 2].map(|at| network.relay(at).status());
    assert_eq!([1, 2].map(|peer| &peer_of(&sender, peer)["sent"]), [100, 1], "{sender:#}");
    assert_eq!([&wanting, &other].map(|status| &peer_of(status, 0)["received"]), [100, 1], "{wanting:#} {other:#}");
}

#[test]
fn large_and_odd_messages_arrive_as_they_are() {
    let network = Network::of(2);
    let mut listener = network.relay(1).client();
    let channel = "\u{fc}\"\\ /\u{1f600}";
    listener.subscribe(channel);
    let mut source = network.relay(0).client();
    for length in [0, 1, 125, 126, 65_535, 65_536, 500_000, 1_000_000] {
        source.publish(channel, json!("x".repeat(length)));
        listener.expect_publish(channel, json!("x".repeat(length)));
    }
    for content in [json!(null), json!("\u{0}\"\\\u{2028}"), json!({"a": [1, 2.5, {}], "type": "publish"})] {
        source.publish(channel, content.clone());
        listener.expect_publish(channel, content);
    }
}
