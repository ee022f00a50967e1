//! HOLD and GO on the wire, against a relay that is written after docs/protocol/relay-link.md: who is told to hold a
//! channel, who does, and what ends a link.

use crate::harness::{Client, Daemon, FakeRelay, ReservedPort, Setup, kind, named};
#[cfg(target_os = "linux")]
use crate::harness::{not_run, stop_thread};
use serde_json::json;

/// The first minor version that has HOLD and GO, and the one before.
const KNOWS_HOLD: u16 = 1;
const KNOWS_NO_HOLD: u16 = 0;

/// A relay on one shard, and the port that other relays reach it at.
fn relay() -> (Daemon, ReservedPort) {
    let port = ReservedPort::new();
    let relay = Setup::on_shards(1).name("relay-0").in_network(std::slice::from_ref(&port), 0).without_key().start();
    (relay, port)
}

/// So many publications, the first of which has the number `first`, to "hot".
#[cfg(target_os = "linux")]
fn hot(first: u64, count: u64) -> Vec<u8> {
    let content = hot_content();
    let publication = [&named("hot")[..], &u32::try_from(content.len()).unwrap().to_be_bytes(), content.as_bytes()];
    let publications = publication.concat().repeat(usize::try_from(count).unwrap());
    [&first.to_be_bytes()[..], &publications].concat()
}

#[cfg(target_os = "linux")]
fn hot_content() -> String {
    format!("\"{}\"", "x".repeat(10_000))
}

/// Frames about holding: their types and fields.
#[cfg(target_os = "linux")]
type Told = Vec<(u8, Vec<u8>)>;

/// Publishes far more to a shard that stands still than waits there before the network notices, has it go on, and gives
/// which frames about holding have come of that, with their fields, in this order: while it stands still, and until all has
/// been delivered.
#[cfg(target_os = "linux")]
fn told_beside_a_shard_that_stands_still(minor: u16) -> Option<[Told; 2]> {
    const FRAMES: u64 = 10;
    const IN_EACH: u64 = 5;
    let (relay, port) = relay();
    let mut listener = relay.client();
    listener.subscribe("hot");
    let mut fake = FakeRelay::linked_as("z-fake", port.port(), minor);
    fake.announce(&[]);
    let stopped = match stop_thread(relay.pid(), "pusu-shard-0") {
        Ok(stopped) => stopped,
        Err(reason) => {
            not_run("what a relay says of which a shard stands still", reason);
            return None;
        }
    };
    for at in 0..FRAMES {
        fake.send(kind::PUBLICATIONS, &hot(1 + at * IN_EACH, IN_EACH));
    }
    let while_stopped = about_holding(&mut fake);
    drop(stopped);
    let content = serde_json::from_str::<serde_json::Value>(&hot_content()).unwrap();
    (0..FRAMES * IN_EACH).for_each(|_| listener.expect_publish("hot", content.clone()));
    // Behind what the shard has been handed over stands its answer for that.
    listener.subscribe("another");
    Some([while_stopped, about_holding(&mut fake)])
}

/// What has come about holding since the last time. What the relay has to say it says before it answers a second ping.
#[cfg(target_os = "linux")]
fn about_holding(fake: &mut FakeRelay) -> Told {
    let mut told = Vec::new();
    for _ in 0..2 {
        fake.send(kind::PING, &[0; 16]);
        fake.answer_until(|frame| {
            if [kind::HOLD, kind::GO].contains(&frame.kind) {
                told.push((frame.kind, frame.fields.clone()));
            }
            frame.kind == kind::PONG
        });
    }
    told
}

#[cfg(target_os = "linux")]
#[test]
fn a_peer_is_told_to_hold_what_a_shard_cannot_take_and_to_go_on() {
    let Some([hold, go]) = told_beside_a_shard_that_stands_still(KNOWS_HOLD) else { return };
    assert_eq!(hold, [(kind::HOLD, named("hot"))]);
    assert_eq!(go, [(kind::GO, named("hot"))]);
}

/// As while relays are updated one by one.
#[cfg(target_os = "linux")]
#[test]
fn a_peer_of_an_older_version_is_told_nothing_and_loses_nothing() {
    let Some([hold, go]) = told_beside_a_shard_that_stands_still(KNOWS_NO_HOLD) else { return };
    assert_eq!([hold, go], [vec![], vec![]]);
}

/// The next PUBLICATIONS: its first number, and whether it has something of these channels.
fn next_publications(fake: &mut FakeRelay, channels: [&str; 2]) -> (u64, [bool; 2]) {
    let mut next = None;
    fake.answer_until(|frame| {
        let is_in = |name: &str| frame.fields.windows(name.len() + 1).any(|window| window == named(name));
        next = (frame.kind == kind::PUBLICATIONS).then(|| (frame.number(0), channels.map(is_in)));
        next.is_some()
    });
    next.expect("the link goes on")
}

#[test]
fn what_a_peer_holds_waits_and_all_else_goes_on() {
    let (relay, port) = relay();
    let mut fake = FakeRelay::linked_as("z-fake", port.port(), KNOWS_HOLD);
    fake.announce(&["hot", "quiet"]);
    fake.send(kind::HOLD, &named("hot"));
    // Answered behind that.
    fake.send(kind::PING, &[0; 16]);
    fake.answer_until(|frame| frame.kind == kind::PONG);
    let mut source: Client = relay.client();
    (0..3).for_each(|number| source.publish("hot", json!(number)));
    source.publish("quiet", json!("at once"));
    assert_eq!(next_publications(&mut fake, ["hot", "quiet"]), (1, [false, true]));
    fake.send(kind::GO, &named("hot"));
    assert_eq!(next_publications(&mut fake, ["hot", "quiet"]), (2, [true, false]));
}

#[test]
fn what_cannot_be_right_of_holding_ends_the_link() {
    let (_relay, port) = relay();
    for (minor, frames) in [
        (KNOWS_HOLD, [kind::HOLD, kind::HOLD].as_slice()),
        (KNOWS_HOLD, &[kind::GO]),
        (KNOWS_HOLD, &[kind::HOLD, kind::GO, kind::GO]),
        (KNOWS_NO_HOLD, &[kind::HOLD]),
        (KNOWS_NO_HOLD, &[kind::GO]),
    ] {
        let mut fake = FakeRelay::linked_as("z-fake", port.port(), minor);
        frames.iter().for_each(|kind| fake.send(*kind, &named("a")));
        let mut code = None;
        fake.answer_until(|frame| {
            code = (frame.kind == kind::REFUSE).then(|| frame.fields[..2].to_vec());
            code.is_some()
        });
        assert_eq!(code, Some(vec![0, 8]), "version 1.{minor}, {frames:?}");
    }
}
