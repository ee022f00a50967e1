//! What each relay says of its own links: an operator at one of them sees where two others have none.

use crate::harness::{DEADLINE, Daemon, Network, ReservedPort, Setup};
use serde_json::{Value, json};
use std::time::Instant;

/// What the relay `name` says of its links, as this one shows it.
fn sees(status: &Value, name: &str) -> Value {
    let relays = status["relays"].as_array().unwrap();
    relays.iter().find(|relay| relay["name"] == name).map_or(Value::Null, |relay| relay["sees"].clone())
}

fn linked(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"name": name, "state": "linked"})).collect()
}

#[test]
fn every_relay_tells_its_links_and_what_becomes_of_them() {
    let mut network = Network::of(3);
    let first = network.relay(0);
    first.wait_for_status("what both others see", |status| {
        sees(status, "relay-1").as_array().is_some_and(|all| all.len() == 2)
            && sees(status, "relay-2").as_array().is_some_and(|all| all.len() == 2)
            && !sees(status, "relay-1").to_string().contains("linking")
            && !sees(status, "relay-2").to_string().contains("linking")
    });
    network.relay_mut(2).kill();
    let only_first = linked(&["relay-0"]);
    network.relay(0).wait_for_status("that the second one sees the third no more", |status| {
        sees(status, "relay-1") == only_first && sees(status, "relay-2") == Value::Null
    });
}

#[test]
fn two_relays_that_do_not_know_each_other_are_pointed_out() {
    let ports: Vec<ReservedPort> = (0..3).map(|_| ReservedPort::new()).collect();
    let start = |at: usize, others: &[usize]| {
        let relays: Vec<String> = others.iter().map(|&other| format!("'127.0.0.1:{}'", ports[other].port())).collect();
        let (own, relays) = (ports[at].port(), relays.join(", "));
        let settings = format!("network_address: 127.0.0.1\nnetwork_port: {own}\nrelays: [{relays}]");
        Setup::on_shards(1).name(&format!("relay-{at}")).settings(&settings).start()
    };
    let relays: Vec<Daemon> = vec![start(0, &[1, 2]), start(1, &[0]), start(2, &[0])];
    relays[0].wait_for_status("what both others see", |status| {
        ["relay-1", "relay-2"].iter().all(|name| sees(status, name) == linked(&["relay-0"]))
    });
    // Links that are new say nothing yet: others may be on their way.
    let began = Instant::now();
    let glance = loop {
        let glance = relays[0].operate_json(&["top", "--once"]).remove(0);
        if glance["problems"] != json!([]) {
            break glance;
        }
        assert!(began.elapsed() < DEADLINE, "{glance:#}");
    };
    let [problem] = &glance["problems"].as_array().unwrap()[..] else { panic!("one is expected: {glance:#}") };
    assert_eq!((&problem["id"], &problem["view"]), (&json!("links_differ"), &json!("network")));
    let text = problem["text"].as_str().unwrap();
    assert!(text.contains("The relay relay-1 has no link with relay-2"), "{text}");
}
