//! Figures of the status: how long things took, and what there is of what has a bound.

use crate::harness::{Daemon, Network, Setup};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// How many times a histogram has counted.
fn count(histogram: &Value) -> u64 {
    histogram["counts"].as_array().expect("a histogram has counts").iter().filter_map(Value::as_u64).sum()
}

/// A message goes to three clients, and a fourth one is refused.
fn something_happens(daemon: &Daemon) {
    let mut clients: Vec<_> = (0..3).map(|_| daemon.client()).collect();
    clients.iter_mut().for_each(|client| client.subscribe("a"));
    clients[0].publish("a", json!(1));
    clients.iter_mut().for_each(|client| client.expect_publish("a", json!(1)));
    let mut refused = daemon.connect();
    refused.send(json!({"type": "authorize", "authorization": "deny"}));
    refused.expect_error("authorization_failed");
    refused.expect_closed(4501);
}

#[test]
fn times_and_what_has_a_bound_are_in_the_status() {
    for shards in [1, 3] {
        let daemon = Setup::on_shards(shards).settings("operations_port: any").start();
        something_happens(&daemon);
        let status = daemon.status();
        let times = &status["times"];
        assert_eq!((count(&times["authorize"]), count(&times["settle"])), (4, 0), "{times}");
        assert!(count(&times["fan_out"]) > 0 && count(&times["accepted_to_flushed"]) > 0, "{times}");
        let authenticator = &status["authenticator"];
        let decisions = json!({"granted": 3, "refused": 1, "abstained": 0, "unavailable": 0});
        assert_eq!(
            (&authenticator["decisions"], count(&authenticator["durations"])),
            (&decisions, 4),
            "{authenticator}"
        );
        let memory = &status["memory"];
        // A ping is ready for everybody.
        assert!(memory["queued_bytes"].as_u64() < Some(1000) && memory["outbox_bytes"] == 0, "{memory}");
        assert!(memory["queued_bytes_max"].as_u64() < memory["ceiling_bytes"].as_u64(), "{memory}");
        let files = &status["open_files"];
        assert!(files["used"].as_u64() > Some(6) && files["used"].as_u64() < files["max"].as_u64(), "{files}");
    }
}

#[test]
fn nobody_looks_at_the_clock_where_there_is_no_operations_port() {
    let daemon = Setup::on_shards(1).settings("operations_port: 0").start();
    something_happens(&daemon);
    let times = daemon.status()["times"].clone();
    assert!(
        ["fan_out", "accepted_to_flushed", "authorize", "settle"].iter().all(|what| count(&times[what]) == 0),
        "{times}"
    );
}

#[test]
fn a_subscription_that_linked_relays_hear_of_takes_a_time() {
    let network = Network::with(2, |_, setup| setup.settings("operations_port: any"));
    let relay = network.relay(0);
    let settled = || count(&relay.status()["times"]["settle"]);
    let before = settled();
    relay.client().subscribe("a");
    assert_eq!(settled(), before + 1);
}

/// What was handed to a client that is cut has arrived, or is counted as lost.
#[test]
fn messages_that_are_lost_with_a_slow_consumer_are_counted_one_by_one() {
    for channels in [1, 3] {
        let limits = "limits: {outbox_bytes: 64 KiB, outbox_soft_time: 1h, write_deadline: 1h, ping_interval: 0}";
        let daemon = Setup::on_shards(1).settings(limits).start();
        let (mut slow, mut witness, mut source) = (daemon.client(), daemon.client(), daemon.client());
        for channel in 0..channels {
            slow.subscribe(&channel.to_string());
            witness.subscribe(&channel.to_string());
        }
        let content = "x".repeat(16 * 1024);
        let mut published = 0_u64;
        let status = loop {
            // Several at a time, which share a buffer where they are for one channel.
            for _ in 0..4 {
                source.publish(&(published % channels).to_string(), json!([published, content]));
                published += 1;
            }
            for number in published - 4..published {
                witness.expect_publish(&(number % channels).to_string(), json!([number, content]));
            }
            let status = daemon.status();
            if status["disconnects"][0]["code"] == 4001 {
                break status;
            }
        };
        let mut received = 0;
        while matches!(slow.next_message(), Message::Text(_)) {
            received += 1;
        }
        let messages = &status["messages"];
        let handed_over = messages["delivered"].as_u64().unwrap() - published;
        let dropped = messages["dropped"].as_u64().unwrap();
        assert!(dropped > 0 && messages["dropped_bytes"].as_u64() > Some(dropped * 16 * 1024), "{messages}");
        assert_eq!(received + dropped, handed_over, "{messages}");
    }
}
