//! Revocations and kicks in a network: everywhere within a second, at relays that come later, and lifted everywhere.

use super::keys::KeyFiles;
use crate::harness::{Client, DEADLINE, Daemon, Network, Setup, many_open_files};
use serde_json::{Value, json};
use std::time::Instant;

fn alice(daemon: &Daemon) -> Client {
    daemon.client_with("subject=alice both=*")
}

fn list(daemon: &Daemon) -> Vec<Value> {
    daemon.operate_json(&["revocations"])
}

#[track_caller]
fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < DEADLINE, "waited in vain for {what}");
    }
}

fn refused(daemon: &Daemon) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "subject=alice both=*"}));
    client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
    client.expect_closed(4501);
}

#[test]
fn one_of_a_thousand_subjects_is_out_everywhere_and_nobody_else_notices() {
    const SUBJECTS: usize = 1000;
    many_open_files();
    let network = Network::of(3);
    let relays = network.relays();
    let one = |n: usize| relays[n % 3].client_with(&format!("subject=s{n} both=*"));
    let mut clients: Vec<Client> = (0..SUBJECTS).map(one).collect();
    clients.iter_mut().for_each(|client| client.subscribe("a"));
    // The one has a client on each of the relays.
    let mut out: Vec<Client> = relays.iter().map(|relay| relay.client_with("subject=s500 both=*")).collect();
    out.push(clients.remove(500));
    let began = Instant::now();
    let said = relays[0].operate(&["revoke", "--subject", "s500"]).succeeds();
    assert!(said.contains("here and at 2 linked relays"), "{said}");
    // The others are counted where they are, and the one of the thousand is on the third relay.
    let counted = [said.lines().nth(1), said.lines().nth(2), said.lines().nth(3)].map(Option::unwrap_or_default);
    assert_eq!(counted, ["1 client had it", "relay-1: 1 client had it", "relay-2: 2 clients had it"]);
    for client in &mut out {
        client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
        client.expect_closed(4504);
    }
    println!("everywhere within {:?}, the command included", began.elapsed());
    let mut source = relays[1].client();
    source.publish("a", json!(1));
    clients.iter_mut().for_each(|client| client.expect_publish("a", json!(1)));
    for relay in relays {
        let mut client = relay.connect();
        client.send(json!({"type": "authorize", "authorization": "subject=s500 both=*"}));
        client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
    }
}

#[test]
fn a_relay_that_links_later_knows_and_a_lift_is_everywhere() {
    let mut network = Network::of(3);
    network.relay_mut(2).kill();
    wait_for("the end of the links", || {
        let down = |at: usize| network.relay(at).status()["relays"].to_string().matches("\"down\"").count() == 1;
        down(0) && down(1)
    });
    let said = network.relay(0).operate(&["revoke", "--subject", "alice"]).succeeds();
    assert!(said.contains("here and at 1 linked relay"), "{said}");
    network.relay_mut(2).restart();
    network.wait_linked();
    wait_for("the revocation at the relay that was away", || list(network.relay(2)).len() == 1);
    network.relays().iter().for_each(refused);
    assert_eq!(list(network.relay(2))[0]["whom"], json!({"subject": "alice"}));
    // By the one that has only heard of it.
    let said = network.relay(2).operate(&["revocations", "--lift", "--subject", "alice"]).succeeds();
    assert!(said.contains("here and at 2 linked relays"), "{said}");
    network.relays().iter().for_each(|relay| drop(alice(relay)));
}

#[test]
fn what_was_lifted_while_a_relay_was_away_does_not_come_back_with_it() {
    let mut network = Network::with(2, |_, setup| setup.settings("revocations_file: revocations.json"));
    network.relay(0).operate(&["revoke", "--subject", "alice"]).succeeds();
    wait_for("the file of the other relay", || {
        let file = network.relay(1).dir().join("revocations.json");
        std::fs::read_to_string(file).is_ok_and(|text| text.contains("alice"))
    });
    network.relay_mut(1).kill();
    network.relay(0).operate(&["revocations", "--lift", "--subject", "alice"]);
    network.relay_mut(1).restart();
    network.relay(1).log().wait_for("what its file has", |line| {
        (line.contains("revocations have been read") && line.contains("\"count\":1")).then_some(())
    });
    network.wait_linked();
    wait_for("the lift at the relay that was away", || list(network.relay(1)).is_empty());
    network.relays().iter().for_each(|relay| drop(alice(relay)));
    assert!(list(network.relay(0)).is_empty());
}

#[test]
fn a_relay_that_does_not_answer_is_named_and_learns_of_it_later() {
    let network = Network::of(3);
    network.relay(1).freeze();
    network
        .relay(0)
        .operate(&["revoke", "--subject", "alice"])
        .fails_saying(&["not known to be done everywhere", "relay-1 has not answered within a second"]);
    refused(network.relay(0));
    refused(network.relay(2));
    network.relay(0).operate(&["kick", "--subject", "bob", "--network"]).fails_saying(&["relay-1 has not answered"]);
    network.relay(1).thaw();
    wait_for("the revocation at the relay that stood still", || list(network.relay(1)).len() == 1);
    refused(network.relay(1));
}

#[test]
fn a_hash_is_the_same_on_all_relays() {
    let network = Network::of(2);
    let mut clients = [alice(network.relay(0)), alice(network.relay(1))];
    let hash = network.relay(0).last_decision_about("alice")["authorization"].as_str().unwrap().to_owned();
    assert_eq!(network.relay(1).last_decision_about("alice")["authorization"], hash);
    network.relay(1).operate(&["revoke", "--authorization-hash", &hash, "--for", "1h"]).succeeds();
    for client in &mut clients {
        client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
        client.expect_closed(4504);
    }
    network.relay(0).client_with("subject=alice read=a");
}

#[test]
fn connections_are_ended_in_the_whole_network_or_here_alone() {
    let network = Network::of(3);
    let mut clients: Vec<Client> = network.relays().iter().map(alice).collect();
    let mut others: Vec<Client> = network.relays().iter().map(Daemon::client).collect();
    assert_eq!(network.relay(1).operate(&["kick", "--subject", "alice"]).succeeds(), "1 connection ended");
    clients[1].expect_closed(4504);
    let said = network.relay(1).operate(&["kick", "--subject", "alice", "--network"]).succeeds();
    assert_eq!(said, "0 connections ended\nrelay-0: 1 connection ended\nrelay-2: 1 connection ended");
    clients[0].expect_closed(4504);
    clients[2].expect_closed(4504);
    others.iter_mut().for_each(|other| other.subscribe("a"));
    let said = network.relay(0).operate_json(&["kick", "--channel", "a", "--network"]);
    assert_eq!(said[0]["connections"], 1, "{said:?}");
    assert_eq!(said[0]["relays"].as_array().unwrap().len(), 2, "{said:?}");
    others.iter_mut().for_each(|other| other.expect_closed(4504));
}

/// Without a key of the network a hash means nothing to others: nobody is told of it, and the command says so.
#[test]
fn a_hash_without_a_key_of_the_network_is_revoked_here_alone() {
    let network = Network::with(2, |_, setup| setup.without_key());
    let (here, there) = (network.relay(0), network.relay(1));
    let _kept = alice(here);
    let hash = here.last_decision_about("alice")["authorization"].as_str().unwrap().to_owned();
    let revoke = |more: &[&str]| here.operate(&[&["revoke"], more].concat());
    revoke(&["--authorization-hash", &hash]).fails_saying(&["other relays", "network_key_file"]);
    refused(here);
    revoke(&["--subject", "bob"]).succeeds();
    wait_for("the other revocation", || list(there).len() == 1);
    assert_eq!(list(there)[0]["whom"], json!({"subject": "bob"}));
    alice(there);
}

/// What was revoked for longer before does not come back with a relay that was away meanwhile.
#[test]
fn a_revocation_that_was_shortened_stays_so() {
    let file = |_, setup: Setup| setup.settings("revocations_file: revocations.json");
    let mut network = Network::with(2, file);
    network.relay(0).operate(&["revoke", "--subject", "alice"]).succeeds();
    network.relay_mut(1).kill();
    network.relay(0).operate(&["revoke", "--subject", "alice", "--for", "1ms"]).succeeds();
    wait_for("its end", || list(network.relay(0)).is_empty());
    network.relay_mut(1).restart();
    network.wait_linked();
    wait_for("it to hold nowhere", || network.relays().iter().all(|relay| list(relay).is_empty()));
    network.relays().iter().for_each(|relay| drop(alice(relay)));
}

/// Three rounds, as docs/operating/cluster.md has them: under which key it was made is known of a hash, and it holds for as
/// long as that key is there.
#[test]
fn a_hash_is_revoked_while_the_key_is_rotated_and_void_when_its_key_is_gone() {
    const KEYS: [&str; 2] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
    let files = KeyFiles::new();
    let mut network = Network::with(3, |at, setup| files.set_up(&at.to_string(), &KEYS[..1], setup));
    alice(network.relay(0));
    let hash = network.relay(0).last_decision_about("alice")["authorization"].as_str().unwrap().to_owned();
    network.relay(1).operate(&["revoke", "--authorization-hash", &hash]).succeeds();
    for keys in [&[KEYS[0], KEYS[1]], &[KEYS[1], KEYS[0]]] {
        for at in 0..3 {
            files.write(&at.to_string(), keys);
            network.relay_mut(at).kill();
            network.relay_mut(at).restart();
            network.wait_linked();
            wait_for("the revocation at the relay that was away", || list(network.relay(at)).len() == 1);
            network.relays().iter().for_each(refused);
        }
    }
    // Shown by the new key now, and revoked everywhere under the old one.
    let last = network.relay(0).operate_json(&["decisions", "--last", "1"]);
    let now = last[0]["authorization"].as_str().unwrap().to_owned();
    assert_ne!(now[..8], hash[..8], "the first digits name the key");
    let said = network.relay(0).operate(&["revoke", "--authorization-hash", &now, "--for", "1h"]).succeeds();
    assert!(said.contains("here and at 2 linked relays"), "{said}");
    network.relay(0).operate(&["revocations", "--lift", "--authorization-hash", &now]).succeeds();
    for at in 0..3 {
        files.write(&at.to_string(), &KEYS[1..]);
        network.relay_mut(at).kill();
        network.relay_mut(at).restart();
        network.wait_linked();
        wait_for("the revocation at the relay that was away", || list(network.relay(at)).len() == 1);
        alice(network.relay(at));
        assert_eq!(list(network.relay(at))[0]["is_void"], true);
        if at == 0 {
            // Others have the old key still, and would believe that it holds everywhere.
            let again = network.relay(1).operate(&["revoke", "--authorization-hash", &hash, "--for", "2h"]);
            again.fails_saying(&["relay-0 does not have the key that the hash was made under"]);
        }
    }
    // One of them knows what is to be lifted, and so it is nowhere any more.
    network.relay(2).operate(&["revocations", "--lift", "--authorization-hash", &hash]).succeeds();
    assert!(network.relays().iter().all(|relay| list(relay).is_empty()));
}
