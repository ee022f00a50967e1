//! What an operator sees of the other relays: linked, frozen, dead and unknown ones, for people and for programs.

use super::traffic::{peer_of, wait_until_interest_is_right};
use crate::harness::{DEADLINE, Daemon, Network, pusud, run};
use serde_json::{Value, json};
use std::time::Instant;

/// What it says for people.
pub(super) fn text_of(relay: &Daemon) -> String {
    run(pusud(&["status", "--config"]).arg(relay.dir().join("settings.yaml"))).succeeds()
}

/// The line about one relay.
fn line<'a>(text: &'a str, about: &str) -> &'a str {
    text.lines().find(|line| line.contains(about)).unwrap_or_else(|| panic!("{about} is not in\n{text}"))
}

fn assert_says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

/// Waits until a relay's status is as wanted.
pub(super) fn wait_until(relay: &Daemon, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let status = relay.status();
        if is_so(&status) {
            return status;
        }
        assert!(began.elapsed() < DEADLINE, "{status:#}");
    }
}

#[test]
fn each_relay_is_shown_as_it_is() {
    let mut network = Network::unlinked(3, |_, setup| setup);
    wait_until_interest_is_right(&network);
    linked(&network);
    standing_still(&network);
    network.relay_mut(1).kill();
    dead(&network);
}

/// Once each, in the order of the settings, the relay itself among them.
fn linked(network: &Network) {
    let mut listener = network.relay(1).client();
    listener.subscribe("a");
    let mut source = network.relay(0).client();
    (0..5).for_each(|number| source.publish("a", json!(number)));
    (0..5).for_each(|number| listener.expect_publish("a", json!(number)));
    // The first round trip is known a moment after the link is, and who answers at which address after an attempt.
    let status = wait_until(network.relay(0), |status| {
        [1, 2].iter().all(|&at| peer_of(status, at)["round_trip"].is_number())
            && status["relays"].as_array().unwrap().len() == 3
            && status["relays"][0]["state"] == "itself"
            && peer_of(status, 1)["interest"] == 1
    });
    let addresses: Vec<String> = (0..3).map(|at| format!("127.0.0.1:{}", network.port(at))).collect();
    let shown: Vec<&Value> = status["relays"].as_array().unwrap().iter().map(|relay| &relay["address"]).collect();
    assert_eq!(json!(shown), json!(addresses), "{status:#}");
    let peer = peer_of(&status, 1);
    assert_eq!((&peer["state"], &peer["sent"], &peer["received"]), (&json!("linked"), &json!(5), &json!(0)), "{peer}");
    assert_eq!([&peer["last_error"], &peer["next_attempt_in"]], [&Value::Null; 2], "{peer}");
    let times = [&peer["round_trip"], &peer["linked_for"]].map(|time| time.as_f64().unwrap());
    assert!(times.iter().all(|&time| time > 0.0 && time < 60.0), "{peer}");
    let there = network.relay(1).status();
    assert_eq!(peer_of(&there, 0)["received"], 5, "{there:#}");

    let text = text_of(network.relay(0));
    assert!(line(&text, &addresses[0]).ends_with("this relay"), "{text}");
    let parts =
        ["linked, for ", "round trip ", " ms", "0 bytes queued", "5 sent", "0 received", "0 dropped", "1 channels"];
    assert_says(line(&text, &format!("relay-1 at {}", addresses[1])), &parts);
    assert!(!text.contains("NOT LINKED"), "{text}");
}

/// It answers nothing, and what is for it waits.
fn standing_still(network: &Network) {
    let mut listener = network.relay(2).client();
    listener.subscribe("bulk");
    network.relay(2).freeze();
    let mut source = network.relay(0).client();
    // The first subscription waits for it in vain, and shows that it lags.
    source.subscribe("new");
    let content = "x".repeat(100_000);
    (0..200).for_each(|_| source.publish("bulk", json!(content)));
    source.expect_no_answer();
    let status = wait_until(network.relay(0), |status| {
        let peer = peer_of(status, 2);
        peer["dropped"].as_u64() > Some(0) && peer["lagging"] == true
    });
    let peer = peer_of(&status, 2);
    assert!(peer["queue_bytes"].as_u64() > Some(15_000_000), "{peer}");
    let text = text_of(network.relay(0));
    let parts = ["linked, but SLOW to answer", " bytes queued", " sent", " dropped"];
    assert_says(line(&text, "relay-2 at "), &parts);
    network.relay(2).thaw();
    let is_well = |status: &Value| peer_of(status, 2)["lagging"] == false && peer_of(status, 2)["queue_bytes"] == 0;
    wait_until(network.relay(0), is_well);
}

/// Its name is remembered, and why there is no link and when it is dialled next is said.
fn dead(network: &Network) {
    let status = wait_until(network.relay(0), |status| {
        let peer = peer_of(status, 1);
        peer["state"] == "down" && peer["last_error"].is_string() && peer["next_attempt_in"].is_number()
    });
    let peer = peer_of(&status, 1);
    assert!(peer["next_attempt_in"].as_f64() <= Some(5.0), "{peer}");
    assert_eq!((&peer["interest"], &peer["linked_for"]), (&json!(0), &Value::Null), "{peer}");
    let began = Instant::now();
    loop {
        let text = text_of(network.relay(0));
        let line = line(&text, &format!("127.0.0.1:{}", network.port(1)));
        // Between two attempts it says when the next one is.
        if line.contains("next attempt in ") || began.elapsed() > DEADLINE {
            assert_says(line, &["relay-1 at ", "NOT LINKED", "next attempt in ", "last error: "]);
            return;
        }
    }
}
