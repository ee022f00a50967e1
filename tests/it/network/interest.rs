//! What `subscribe_ok` promises in a network, and that relays know of each other who listens to what.

use super::traffic::{peer_of, wait_until_interest_is_right};
use crate::harness::{Client, Network};
use serde_json::json;
use std::thread;

/// Listener and source change relays; the source publishes in the instant in which the answer is there.
#[test]
fn from_subscribe_ok_on_nothing_is_missed() {
    let network = Network::with(3, |at, setup| setup.shards(1 + at));
    let mut clients: Vec<Client> = network.relays().iter().map(|relay| relay.client()).collect();
    for round in 0..1_000 {
        let (listener, source) = (round % 3, (round + 1 + round / 3 % 2) % 3);
        let channel = format!("race.{}", round % 7);
        clients[listener].subscribe(&channel);
        clients[source].publish(&channel, json!(round));
        clients[listener].expect_publish(&channel, json!(round));
        clients[listener].unsubscribe(&channel);
    }
}

/// The relay knows the channel already, or is just being told, when further listeners come; each of them is answered in
/// time as well.
#[test]
fn further_listeners_miss_nothing_either() {
    const LISTENERS: usize = 6;
    let network = Network::with(2, |_, setup| setup.shards(3));
    let mut pairs: Vec<(Client, Client)> =
        (0..LISTENERS).map(|_| (network.relay(1).client(), network.relay(0).client())).collect();
    for round in 0..50 {
        let channel = format!("shared.{round}");
        thread::scope(|scope| {
            for (number, (listener, source)) in pairs.iter_mut().enumerate() {
                let channel = &channel;
                scope.spawn(move || {
                    // Others publish already, and what they do may come before the answer.
                    listener.send(json!({"type": "subscribe", "channel": channel}));
                    while listener.next_json()["type"] != "subscribe_ok" {}
                    source.publish(channel, json!(number));
                    while listener.next_json()["content"] != number {}
                    listener.unsubscribe(channel);
                    listener.discard_what_came();
                });
            }
        });
    }
}

/// One subscription is asked for behind the other without waiting, and the answers come in order.
#[test]
fn many_subscriptions_in_one_go() {
    let network = Network::of(2);
    let mut listener = network.relay(0).client();
    let channels: Vec<String> = (0..200).map(|number| format!("many.{number}")).collect();
    channels.iter().for_each(|channel| listener.send(json!({"type": "subscribe", "channel": channel})));
    for channel in &channels {
        listener.expect(json!({"type": "subscribe_ok", "channel": channel}));
    }
    let mut source = network.relay(1).client();
    channels.iter().for_each(|channel| source.publish(channel, json!(1)));
    channels.iter().for_each(|channel| listener.expect_publish(channel, json!(1)));
}

/// Waves of clients that come and go on all relays. Those of the last wave stay, on other channels on each relay, and on
/// some channels nobody does: afterwards exactly the channels with listeners are known elsewhere.
#[test]
fn after_waves_of_subscriptions_everybody_knows_who_listens() {
    let (clients, waves, channels) = (100, 100, 10);
    let network = Network::unlinked(3, |_, setup| setup.shards(2));
    wait_until_interest_is_right(&network);
    let channel = |number: usize| format!("wave.{number}");
    // Three for each relay, of which it has one in common with each of the others.
    let stays_on = |client: usize| channel((2 * (client % 3) + client / 3 % 3) % 6);
    let mut staying: Vec<Client> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|client| {
                let relay = &network.relays()[client % 3];
                scope.spawn(move || {
                    let mut listener = relay.client();
                    for wave in 1..waves {
                        let channel = channel((client * 7 + wave) % channels);
                        listener.subscribe(&channel);
                        listener.unsubscribe(&channel);
                    }
                    listener.subscribe(&stays_on(client));
                    listener
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    wait_until_interest_is_right(&network);
    for relay in network.relays() {
        let mut source = relay.client();
        (0..channels).for_each(|number| source.publish(&channel(number), json!("marker")));
    }
    for (client, listener) in staying.iter_mut().enumerate() {
        network.relays().iter().for_each(|_| listener.expect_publish(&stays_on(client), json!("marker")));
        listener.expect_no_answer();
    }
    // All three channels of each have had their marker, so whatever else was sent was for nobody.
    for (at, relay) in network.relays().iter().enumerate() {
        let status = relay.status();
        assert_eq!(status["channels"], 3, "{status:#}");
        for peer in (0..3).filter(|peer| *peer != at) {
            let peer = peer_of(&status, peer);
            let counts = ["interest", "sent", "received", "resyncs"].map(|field| &peer[field]);
            assert_eq!(counts, [3, 3, 3, 0], "{peer}");
        }
    }
}
