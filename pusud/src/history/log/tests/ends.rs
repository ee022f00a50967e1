//! Ends: starts of relays that are forgotten, logs that are, and numbers that an origin leaves out.

use super::{Relay, Room, now, origin};
use crate::history::{Answer, Log, Start};
use std::sync::Arc;

/// `T`, in milliseconds.
const RETENTION_MS: i64 = 20_000;

impl Relay {
    fn at(&mut self, ms: i64) {
        self.ms = ms;
        self.logs.look_after(now(ms), |_| true);
    }
}

#[test]
fn who_comes_back_long_after_a_start_has_ended_recovers() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    relay.receive(2, 1, &["1", "2"]);
    relay.logs.boots().learn(origin(2), Some(0));
    // The channel is busy, and positions leave out the start when it has ended long enough ago.
    for round in 1..80 {
        relay.at(round * 1_100);
        let position = relay.publish(&["3"]).remove(0);
        relay.publish(&["4"]);
        assert_eq!(relay.recovered(&position), Some(vec!["4".into()]), "after {} ms: {position}", relay.ms);
    }
    assert!(relay.log().numbers_of(origin(2)).is_none(), "it is forgotten");
}

#[test]
fn what_a_forgotten_start_has_behind_a_gap_goes_with_it() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    relay.ms = 60_000;
    relay.publish(&["1"]);
    relay.receive(2, 1, &["2"]);
    relay.log().jump(origin(2), 1, 5, now(relay.ms), &mut Vec::new(), |_, _, _| {});
    // A peer says so.
    relay.logs.boots().learn(origin(2), Some(relay.ms - 3 * RETENTION_MS));
    relay.at(relay.ms + 1000);
    relay.publish(&["3"]);
    assert!(relay.log().numbers_of(origin(2)).is_none());
    let all = relay.log().join(0, Start::Last(9), Room::ANY, now(relay.ms)).expect("it is there");
    let texts: Vec<_> = all.missed.iter().map(|missed| &*missed.content).collect();
    assert_eq!((all.answer, texts), (Answer::Last, vec!["1", "3"]));
}

#[test]
fn numbers_that_an_origin_leaves_out_are_no_loss_for_those_who_have_seen_all_before() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    let before = relay.position();
    let seen_2 = relay.receive(2, 1, &["1", "2", "3"]).remove(1);
    let seen_3 = relay.position();
    // All of it goes by time, and the origin begins anew.
    relay.at(15_000);
    relay.log().begin_at(origin(2), 6, now(relay.ms));
    relay.receive(2, 6, &["6"]);
    assert_eq!(relay.recovered(&seen_3), Some(vec!["6".into()]));
    assert_eq!(relay.recovered(&seen_2), None, "3 was missed");
    assert_eq!(relay.recovered(&before), None, "1 to 3 were missed");
    // And once more before anything was published.
    relay.log().begin_at(origin(2), 9, now(relay.ms));
    relay.log().begin_at(origin(2), 12, now(relay.ms));
    let seen_6 = relay.position();
    relay.receive(2, 12, &["12"]);
    assert_eq!(relay.recovered(&seen_6), Some(vec!["12".into()]));
}

/// Appends one message to a log.
fn publish(log: &Arc<Log>, ms: i64) {
    log.publish(0, ["1"].into_iter(), now(ms), &mut Vec::new(), |_, _, _| {});
}

#[test]
fn a_log_that_has_ended_ends_once_and_counts_no_more() {
    let relay = Relay::new(1, 9);
    let log = relay.log();
    publish(&log, 0);
    assert!(log.displace(usize::MAX, 0, now(0)));
    assert_eq!(relay.logs.bytes(), 0);
    assert!(!log.displace(usize::MAX, 0, now(0)) && !log.drop_if_unused(0, now(0)), "it has ended before");
    log.shrink(usize::MAX, now(0));
    log.adopt_up_to(origin(2), 1, 5, now(0));
    log.begin_at(origin(2), 9, now(0));
    assert_eq!(relay.logs.bytes(), 0, "nobody has it");
}

#[test]
fn the_end_of_a_log_leaves_the_one_that_took_its_place() {
    let mut relay = Relay::new(1, 9);
    let first = relay.log();
    publish(&first, 0);
    relay.ms = 60_000;
    relay.logs.look_after(now(relay.ms), |_| false);
    assert!(relay.logs.is_empty());
    let second = relay.log();
    publish(&second, relay.ms);
    relay.logs.forget_unused(&[first], relay.ms, now(relay.ms), &|_: &str| false);
    assert!(Arc::ptr_eq(&relay.log(), &second));
}

#[test]
fn young_channels_know_nothing_of_logs_that_went_unused() {
    let (mut relay, other) = (Relay::new(1, 9), Relay::new(2, 9));
    relay.logs.boots().learn(origin(2), None);
    other.logs.boots().learn(origin(1), None);
    let old = relay.logs.log("old", now(0)).expect("it has history");
    publish(&old, 0);
    drop(old);
    relay.ms = RETENTION_MS + 1;
    relay.logs.look_after(now(relay.ms), |_| false);
    assert!(relay.logs.is_empty());
    // A channel that is new at both relays, and a listener that moves from the other one.
    let position = other.log().read(Start::Now, now(relay.ms)).position.text();
    relay.publish(&["1"]);
    assert_eq!(relay.recovered(&position), Some(vec!["1".into()]));
    // Whoever was away for longer than anything is kept may have missed what was forgotten.
    let position = other.log().read(Start::Now, now(0)).position.text();
    assert_eq!(relay.recovered(&position), None);
}
