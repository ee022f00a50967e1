//! A relay that stands still delays nobody: neither listeners elsewhere nor, for longer than a moment, who subscribes.

use crate::harness::Network;
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

/// More than the queue for one relay holds is published while it stands still; everybody else gets all of it at once.
#[test]
fn a_frozen_relay_costs_the_others_nothing() {
    const MESSAGES: usize = 500;
    // What waits for a relay comes to its listeners all at once, faster than this one may read: nobody is cut for that here.
    let network =
        Network::with(3, |_, setup| setup.settings("limits: {outbox_bytes: 64 MiB, max_queued_bytes: 1 GiB}"));
    let content = "x".repeat(60_000);
    let mut frozen = network.relay(2).client();
    frozen.subscribe("bulk");
    let mut listeners = [network.relay(0).client(), network.relay(1).client()];
    listeners.iter_mut().for_each(|listener| listener.subscribe("bulk"));
    let mut source = network.relay(0).client();
    network.relay(2).freeze();
    for number in 0..MESSAGES {
        source.publish("bulk", json!([number, content]));
        for listener in &mut listeners {
            assert_eq!(listener.next_json()["content"][0], number);
        }
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            // It may have lost some, but it gets each at most once and in order.
            let mut next = 0;
            while next <= MESSAGES {
                let number = frozen.next_json()["content"][0].as_u64().unwrap() as usize;
                assert!(number >= next, "{number} came behind {next}");
                next = number + 1;
            }
        });
        network.relay(2).thaw();
        network.wait_linked();
        source.publish("bulk", json!([MESSAGES, "the end"]));
        listeners.iter_mut().for_each(|listener| listener.expect_publish("bulk", json!([MESSAGES, "the end"])));
    });
}

/// The first one waits its second for the relay that does not answer; from then on that relay counts as not linked.
#[test]
fn subscriptions_wait_for_a_frozen_relay_once() {
    let network = Network::of(3);
    let mut listener = network.relay(0).client();
    network.relay(2).freeze();
    let started = Instant::now();
    for number in 0..30 {
        let channel = format!("during.{number}");
        listener.subscribe(&channel);
        let mut source = network.relay(1).client();
        source.publish(&channel, json!(number));
        listener.expect_publish(&channel, json!(number));
    }
    assert!(started.elapsed() < Duration::from_secs(15), "it took {:?}", started.elapsed());
    // When it goes on, it learns of what it has missed.
    network.relay(2).thaw();
    network.wait_linked();
    let mut source = network.relay(2).client();
    source.publish("during.0", json!("late"));
    listener.expect_publish("during.0", json!("late"));
}

/// A listener that stops reading is cut off on its own relay, and the link to it goes on for the others.
#[test]
fn a_slow_listener_elsewhere_delays_nobody() {
    let network =
        Network::with(2, |_, setup| setup.settings("limits: {outbox_bytes: 256 KiB, max_message_bytes: 128 KiB}"));
    let mut slow = network.relay(1).client();
    slow.subscribe("bulk");
    let mut listener = network.relay(1).client();
    listener.subscribe("bulk");
    let mut source = network.relay(0).client();
    let content = "x".repeat(100_000);
    for number in 0..300 {
        source.publish("bulk", json!([number, content]));
        assert_eq!(listener.next_json()["content"][0], number);
    }
}
