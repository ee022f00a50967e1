//! What `subscribe_ok` promises in a network, and that relays know of each other who listens to what.

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

/// Waves of clients that come and go on all relays; afterwards exactly the channels with listeners are known elsewhere.
#[test]
fn after_waves_of_subscriptions_everybody_knows_who_listens() {
    let (clients, waves, channels) = (100, 100, 10);
    let network = Network::with(3, |_, setup| setup.shards(2));
    let channel = |number: usize| format!("wave.{}", number % channels);
    let mut staying: Vec<Client> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|client| {
                let relay = &network.relays()[client % 3];
                scope.spawn(move || {
                    let mut listener = relay.client();
                    for wave in 0..waves {
                        let channel = channel(client * 7 + wave);
                        listener.subscribe(&channel);
                        if wave + 1 < waves {
                            listener.unsubscribe(&channel);
                        }
                    }
                    (client, listener)
                })
            })
            .collect();
        let mut staying: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        staying.sort_by_key(|(client, _)| *client);
        staying.into_iter().map(|(_, listener)| listener).collect()
    });
    for relay in network.relays() {
        let mut source = relay.client();
        (0..channels).for_each(|number| source.publish(&channel(number), json!("marker")));
    }
    for (client, listener) in staying.iter_mut().enumerate() {
        let expected = channel(client * 7 + waves - 1);
        network.relays().iter().for_each(|_| listener.expect_publish(&expected, json!("marker")));
        listener.expect_no_answer();
    }
}
