//! Orders over a link as docs/protocol/relay-link.md describes them, spoken by hand: clocks that differ, peers of earlier
//! versions, and tables that are full.

use super::status::wait_until;
use crate::harness::{Client, Daemon, FakeRelay, LinkFrame, Network, ReservedPort, Setup, kind};
use serde_json::{Value, json};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

const HOUR_MS: u64 = 3_600_000;

fn relay() -> (Daemon, ReservedPort) {
    let port = ReservedPort::new();
    let relay = Setup::on_shards(1).name("relay-0").without_key().in_network(std::slice::from_ref(&port), 0).start();
    (relay, port)
}

fn clock_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// REVOCATIONS with one of a subject that a clock makes, and which ends a minute later by that.
fn for_a_minute(number: u64, subject: &str, clock_ms: u64) -> Vec<u8> {
    let mut fields = [number, clock_ms, clock_ms, 7, clock_ms + 60_000].map(u64::to_be_bytes).concat();
    fields.extend([0, 1]);
    fields.extend(u16::try_from(subject.len()).unwrap().to_be_bytes());
    fields.extend(subject.as_bytes());
    fields
}

/// The next frame of this type.
fn next_of(fake: &mut FakeRelay, kind: u8) -> LinkFrame {
    let mut found = None;
    fake.answer_until(|frame| {
        found = (frame.kind == kind).then(|| LinkFrame { kind, fields: frame.fields.clone() });
        found.is_some()
    });
    found.expect("the connection has not ended")
}

fn list(daemon: &Daemon) -> Vec<Value> {
    daemon.operate_json(&["revocations"])
}

#[track_caller]
fn expect_out(client: &mut Client) {
    client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
    client.expect_closed(4504);
}

/// By the clock that is ahead it is over before it comes, and by the one that is behind it lasts for days.
#[test]
fn a_revocation_lasts_as_long_at_relays_whose_clocks_differ() {
    let (relay, port) = relay();
    let mut fake = FakeRelay::linked_as("z-fake", port.port(), 3);
    for (number, (subject, clock)) in
        [("alice", clock_ms() - HOUR_MS), ("bob", clock_ms() + 48 * HOUR_MS)].iter().enumerate()
    {
        let mut client = relay.client_with(&format!("subject={subject} both=*"));
        let number = number as u64 + 1;
        fake.send(kind::REVOCATIONS, &for_a_minute(number, subject, *clock));
        let told = next_of(&mut fake, kind::REVOKED);
        assert_eq!(
            (told.number(0), told.fields[8], told.number(9)),
            (number, 1, 1),
            "taken in, with room, about a client"
        );
        expect_out(&mut client);
        let held = list(&relay).into_iter().find(|held| held["whom"]["subject"] == **subject).unwrap();
        let left = held["until_ms"].as_u64().unwrap().saturating_sub(clock_ms());
        assert!((1..=60_000).contains(&left), "{left} ms of {subject}'s are left");
    }
    relay.operate(&["revoke", "--subject", "carol", "--for", "1h"]);
    let told = next_of(&mut fake, kind::REVOCATIONS);
    // Number, clock; time, writer, end.
    let (clock, end) = (told.number(8), told.number(32));
    assert!((1..=HOUR_MS).contains(&(end - clock)) && clock_ms() - clock < HOUR_MS, "{clock} to {end}");
}

/// As while versions mix: it is linked, gets publications, and is named by the command.
#[test]
fn a_relay_of_version_1_2_is_linked_and_named() {
    let (relay, port) = relay();
    let mut fake = FakeRelay::linked_as("z-old", port.port(), 2);
    let says = "z-old runs an earlier version, which knows no such order";
    let revoke = relay.operate(&["revoke", "--subject", "alice"]);
    revoke.fails_saying(&["not known to be done everywhere", says]);
    relay.operate(&["kick", "--subject", "bob", "--network"]).fails_saying(&[says]);
    relay.operate(&["revocations", "--lift", "--subject", "alice"]).fails_saying(&[says]);
    fake.announce(&["a"]);
    relay.client().publish("a", json!(1));
    let mut kinds = Vec::new();
    fake.answer_until(|frame| {
        kinds.push(frame.kind);
        frame.kind == kind::PUBLICATIONS
    });
    assert_eq!(kinds.last(), Some(&kind::PUBLICATIONS));
    let unknown = [kind::REVOCATIONS, kind::REVOKED, kind::KICK];
    assert!(kinds.iter().all(|kind| !unknown.contains(kind)), "it was told what it does not know: {kinds:?}");
}

/// A file with all revocations that there may be: these, and others that are numbered.
fn write_full(relay: &Daemon, own: &str) {
    let others = (1..10_000).map(|number| format!("n{number}"));
    let entry = |subject: String| json!({"whom": {"subject": subject}, "stamp": {"time_ms": clock_ms(), "writer": 1}, "until_ms": 0, "is_lifted": false});
    let entries: Vec<Value> = others.chain([own.to_owned()]).map(entry).collect();
    let text = json!({"version": 1, "key": "ab".repeat(32), "revocations": entries}).to_string();
    fs::write(relay.dir().join("revocations.json"), text).unwrap();
}

/// Each of them has one that the other has no room for, until there is room.
#[test]
fn a_relay_that_had_no_room_gets_what_it_lacks_when_there_is_room() {
    let mut network = Network::with(2, |_, setup| setup.settings("revocations_file: revocations.json"));
    for (at, own) in ["alice", "bob"].iter().enumerate() {
        network.relay_mut(at).kill();
        write_full(network.relay(at), own);
    }
    (0..2).for_each(|at| network.relay_mut(at).restart());
    network.wait_linked();
    let lacks = |line: &str| line.contains("not all revocations of the peer hold here").then_some(());
    network.relays().iter().for_each(|relay| relay.log().wait_for("what it lacks", lacks));
    let mut client = network.relay(1).client_with("subject=alice both=*");
    let refused = network.relay(0).operate(&["revoke", "--subject", "alice"]);
    refused.fails_saying(&["not known to be done everywhere", "relay-1 has no room for one more revocation"]);
    network.relay(0).operate(&["revoke", "--subject", "carol"]).fails_saying(&["there are 10000 revocations"]);
    client.expect_no_answer();
    // Both have room for one then.
    network.relay(1).operate(&["revocations", "--lift", "--subject", "n1"]).succeeds();
    expect_out(&mut client);
    let holds = |at: usize, subject: &str| {
        let whom = json!({"subject": subject});
        list(network.relay(at)).iter().any(|held| held["whom"] == whom)
    };
    wait_until(network.relay(0), |_| holds(0, "bob") && holds(1, "alice"));
    assert!(!holds(0, "n1") && !holds(1, "n1"));
}
