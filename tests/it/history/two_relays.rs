//! Two relays whose messages to each other can be held up: listeners that move between them are faster than their links, and
//! the two append in different orders.

use crate::harness::{Client, DEADLINE, Daemon, Detour, Network};
use serde_json::json;
use std::time::Instant;

const CHANNEL: &str = "h.moved";

struct Pair {
    network: Network,
    detours: [Detour; 2],
}

impl Pair {
    fn new() -> Self {
        let (network, detours) = Network::of_two_with_detours_and(|setup| setup.shards(2).history(1000, "10min"));
        Self { network, detours }
    }

    fn relay(&self, at: usize) -> &Daemon {
        self.network.relay(at)
    }

    /// Whether what the first one says reaches the second one, and the other way round, from here on.
    fn open(&self, there: bool, back: bool) {
        // Whoever has dialled.
        self.detours[0].open(there, back);
        self.detours[1].open(back, there);
    }

    /// The second one is killed and comes back, and they cannot tell each other of anything.
    fn restart_second_apart(&mut self) {
        self.open(false, false);
        self.network.relay_mut(1).kill();
        self.network.relay_mut(1).restart();
    }

    /// Publishes at one of them, whose listeners stand behind that then.
    fn publish(&self, at: usize, contents: &[&str]) {
        self.relay(at).client().publish_all(CHANNEL, contents.iter().copied());
    }
}

/// Waits until a relay has so many messages of the channel.
fn wait_for_kept(relay: &Daemon, count: u64) {
    let began = Instant::now();
    loop {
        let kept = relay.client().subscribe_last(CHANNEL, 1000);
        if kept == count {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "it has {kept} messages, and not {count}");
    }
}

/// Waits for these, and gives the position behind them.
#[track_caller]
fn hear(listener: &mut Client, contents: &[&str]) -> String {
    contents.iter().fold(String::new(), |_, content| listener.expect_at(CHANNEL, json!(content)))
}

/// Comes back to a relay, is sent exactly these, and gives the position behind each of them.
#[track_caller]
fn come_back(relay: &Daemon, position: &str, missed: &[&str]) -> Vec<String> {
    let mut listener = relay.client();
    assert_eq!(listener.recover(CHANNEL, position), missed.len() as u64, "since {position}");
    let positions = missed.iter().map(|content| listener.expect_at(CHANNEL, json!(content))).collect();
    listener.expect_no_answer();
    positions
}

/// P = {a:3}; at the other relay b:1 stands before a:1. Its frame there said {b:1}, and who was cut behind it got a:1 to a:3 twice.
/// Positions of a replay run from the listener's own.
#[test]
fn who_is_cut_in_a_replay_where_the_order_is_another_one() {
    let pair = Pair::new();
    let mut listener = pair.relay(0).client();
    listener.subscribe_at(CHANNEL);
    pair.open(false, false);
    pair.publish(0, &["a1", "a2", "a3"]);
    pair.publish(1, &["b1", "b2", "b3"]);
    let position = hear(&mut listener, &["a1", "a2", "a3"]);
    pair.open(true, true);
    pair.network.relays().iter().for_each(|relay| wait_for_kept(relay, 6));
    let replayed = come_back(pair.relay(1), &position, &["b1", "b2", "b3"]);
    for (cut, position) in replayed.iter().enumerate() {
        for relay in pair.network.relays() {
            come_back(relay, position, &["b2", "b3"][cut.min(2)..]);
        }
    }
}

/// A listener at the origin moved to another relay faster than the message: it was told that something is lost, for nothing, and
/// then the message came twice. A position may be ahead of a relay.
#[test]
fn who_is_faster_than_the_link_does_not_come_from_the_future() {
    let pair = Pair::new();
    let mut listener = pair.relay(0).client();
    listener.subscribe_at(CHANNEL);
    pair.open(false, true);
    pair.publish(0, &["1", "2"]);
    let position = hear(&mut listener, &["1", "2"]);
    let mut moved = pair.relay(1).client();
    assert_eq!(moved.recover(CHANNEL, &position), 0);
    pair.open(true, true);
    pair.publish(0, &["3"]);
    hear(&mut moved, &["3"]);
    moved.expect_no_answer();
}

/// The listener is ahead by a:3, and the stream is at a:1. Another origin's message said {a:1,b:1}: back elsewhere a:2 and a:3 came
/// twice. Positions are merged with those that the listener came with.
#[test]
fn what_comes_while_somebody_is_ahead_takes_nothing_back() {
    let pair = Pair::new();
    let mut listener = pair.relay(0).client();
    listener.subscribe_at(CHANNEL);
    pair.publish(0, &["a1"]);
    wait_for_kept(pair.relay(1), 1);
    pair.open(false, true);
    pair.publish(0, &["a2", "a3"]);
    let position = hear(&mut listener, &["a1", "a2", "a3"]);
    let mut moved = pair.relay(1).client();
    assert_eq!(moved.recover(CHANNEL, &position), 0);
    pair.publish(1, &["b1"]);
    let position = hear(&mut moved, &["b1"]);
    wait_for_kept(pair.relay(0), 4);
    come_back(pair.relay(0), &position, &[]);
    pair.open(true, true);
    pair.publish(0, &["a4"]);
    hear(&mut moved, &["a4"]);
    moved.expect_no_answer();
}

/// Told that something is lost, as the relay knew nothing of that start; later its messages came over a healed link, and with them
/// what the listener had seen.
#[test]
fn what_was_seen_of_a_start_that_a_relay_does_not_know_comes_once() {
    let mut pair = Pair::new();
    let mut listener = pair.relay(0).client();
    listener.subscribe_at(CHANNEL);
    pair.publish(0, &["1", "2"]);
    let position = hear(&mut listener, &["1", "2"]);
    pair.restart_second_apart();
    let mut moved = pair.relay(1).client();
    moved.expect_lost(CHANNEL, &json!(position));
    pair.publish(0, &["3"]);
    pair.open(true, true);
    hear(&mut moved, &["3"]);
    wait_for_kept(pair.relay(1), 3);
    moved.expect_no_answer();
}

/// A relay that serves took the numbers of a new origin over, as one does that joins: what it lacked its listeners never got, and
/// were never told.
#[test]
fn who_listens_at_a_relay_that_was_apart_gets_what_the_other_one_has() {
    let mut pair = Pair::new();
    pair.restart_second_apart();
    let mut listener = pair.relay(1).client();
    listener.subscribe_at(CHANNEL);
    pair.publish(0, &["1", "2", "3"]);
    pair.open(true, true);
    hear(&mut listener, &["1", "2", "3"]);
    listener.expect_no_answer();
}

/// An origin's first message came while the listener was away, and was taken for seen: its position does not name that origin.
#[test]
fn of_an_origin_that_a_position_does_not_name_nothing_was_seen() {
    let pair = Pair::new();
    let before = pair.relay(0).position_of(CHANNEL);
    pair.publish(0, &["a1"]);
    wait_for_kept(pair.relay(1), 1);
    let behind = pair.relay(0).position_of(CHANNEL);
    pair.publish(1, &["b1"]);
    for relay in pair.network.relays() {
        wait_for_kept(relay, 2);
        come_back(relay, &before, &["a1", "b1"]);
        come_back(relay, &behind, &["b1"]);
    }
}

/// All relays are new, and the position is one of the old ones: it was taken for good.
#[test]
fn where_all_relays_were_restarted_at_once_everybody_is_told() {
    let mut pair = Pair::new();
    pair.publish(0, &["a1"]);
    pair.publish(1, &["b1"]);
    wait_for_kept(pair.relay(0), 2);
    let position = pair.relay(0).position_of(CHANNEL);
    (0..2).for_each(|at| pair.network.relay_mut(at).kill());
    (0..2).for_each(|at| pair.network.relay_mut(at).restart());
    pair.network.wait_linked();
    for relay in pair.network.relays() {
        let now = relay.client().expect_lost(CHANNEL, &json!(position));
        come_back(relay, &now, &[]);
    }
    pair.publish(0, &["new"]);
    wait_for_kept(pair.relay(1), 1);
    pair.network.relays().iter().for_each(|relay| drop(relay.client().expect_lost(CHANNEL, &json!(position))));
}

/// Away while both are restarted, one after the other: each served clients before it had the other's messages. Then who came at
/// once was told that something is lost, needlessly, and when the other one went, all were.
#[test]
fn who_is_away_while_relays_are_restarted_in_turn_misses_nothing() {
    // So much that it takes some time to tell.
    const EACH: usize = 300;
    let mut pair = Pair::new();
    let position = pair.relay(0).position_of(CHANNEL);
    let missed: Vec<String> = (0..2 * EACH).map(|number| format!("{number:0>4000}")).collect();
    let missed: Vec<&str> = missed.iter().map(|content| &**content).collect();
    pair.publish(0, &missed[..EACH]);
    wait_for_kept(pair.relay(1), EACH as u64);
    pair.publish(1, &missed[EACH..]);
    wait_for_kept(pair.relay(0), 2 * EACH as u64);
    for at in [1, 0] {
        pair.relay(at).terminate();
        assert!(pair.network.relay_mut(at).wait().success());
        pair.network.relay_mut(at).restart();
        come_back(pair.relay(at), &position, &missed);
    }
}
