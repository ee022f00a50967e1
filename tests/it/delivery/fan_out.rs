//! Fan-out: every listener of a channel gets each message exactly once, the sender too, and nobody else gets it.

use crate::harness::{Client, Daemon};
use serde_json::json;

crate::on_1_and_3_shards!(
    every_listener_once,
    listeners_come_and_go,
    a_lone_sender_hears_itself,
    large_messages_arrive
);

crate::on_1_and_3_relays!(
    every_listener_once,
    listeners_come_and_go,
    a_lone_sender_hears_itself,
    large_messages_arrive
);

const CHANNELS: [&str; 3] = ["all", "even", "odd"];

fn parity(number: usize) -> &'static str {
    CHANNELS[1 + number % 2]
}

fn every_listener_once(daemon: Daemon) {
    let mut listeners: Vec<Client> = (0..200).map(|_| daemon.client()).collect();
    for (at, listener) in listeners.iter_mut().enumerate() {
        listener.subscribe("all");
        listener.subscribe(parity(at));
    }
    // The source is one of the listeners.
    for number in 0..20 {
        listeners[0].publish(CHANNELS[number % 3], json!(number));
    }
    for (at, listener) in listeners.iter_mut().enumerate() {
        let mine = ["all", parity(at)];
        let expected: Vec<usize> = (0..20).filter(|number| mine.contains(&CHANNELS[number % 3])).collect();
        let mut got: Vec<usize> =
            expected.iter().map(|_| serde_json::from_value(listener.next_json()["content"].take()).unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, expected, "listener {at}");
        listener.expect_no_answer();
    }
}

fn listeners_come_and_go(daemon: Daemon) {
    let mut source = daemon.client();
    source.subscribe("door");
    for round in 0..30 {
        let mut staying: Vec<Client> = (0..3).map(|_| daemon.client()).collect();
        staying.iter_mut().for_each(|listener| listener.subscribe("door"));
        let mut leaving = daemon.client();
        leaving.subscribe("door");
        leaving.close();
        // One that goes without a word.
        let mut vanishing = daemon.client();
        vanishing.subscribe("door");
        drop(vanishing);
        source.publish("door", json!(round));
        source.expect_publish("door", json!(round));
        for listener in &mut staying {
            listener.expect_publish("door", json!(round));
            listener.expect_no_answer();
        }
    }
}

fn a_lone_sender_hears_itself(daemon: Daemon) {
    let mut client = daemon.client();
    client.subscribe("echo");
    for number in 0..100 {
        client.publish("echo", json!(number));
        client.expect_publish("echo", json!(number));
    }
}

fn large_messages_arrive(daemon: Daemon) {
    let mut listeners: Vec<Client> = (0..4).map(|_| daemon.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("bulk"));
    let mut source = daemon.client();
    // Around the borders of the frame's length encodings, and well into what one write cannot take.
    for length in [1, 60, 70, 100, 125, 126, 65_000, 65_535, 65_536, 65_600, 700_000] {
        let content = json!("x".repeat(length));
        source.publish("bulk", content.clone());
        for listener in &mut listeners {
            listener.expect_publish("bulk", content.clone());
        }
    }
}
