//! More channels than there is room for: logs go, and come back when something is published there. What was forgotten is not
//! asked for again, and never comes as something new.

use super::peer::{B, C, DEAD, Relay, numbers, origin};
use crate::history::healing::message::{Entries, EntryTold, Message, NumbersTold, Publications};
use crate::history::{Answer, Room, Start};

const CHANNELS: usize = 100;

fn name(channel: usize) -> String {
    format!("x{channel}")
}

/// A relay with room for a part of these channels, each of which has been published to so often.
fn full(rounds: u64) -> Relay {
    let mut relay = Relay::serving_with(20_000);
    for number in 1..=rounds {
        (0..CHANNELS).for_each(|channel| relay.publishes(B, &name(channel), number, "1"));
        relay.pass(100);
    }
    let (logs, bytes) = (relay.logs.len(), relay.logs.bytes());
    assert!(logs < CHANNELS / 2 && bytes <= 21_000, "{logs} logs, {bytes} bytes");
    relay
}

#[test]
fn nothing_is_asked_for_that_there_was_no_room_for() {
    let mut relay = full(3);
    assert_eq!((relay.take_questions(B), relay.healing.holes()), (vec![], 0));
    for channel in 0..CHANNELS {
        assert_eq!(relay.delivered(&name(channel), B), (vec![1, 2, 3], vec![]));
    }
    // The same where the link was away for a while.
    for channel in (0..CHANNELS).map(name) {
        if relay.logs.find(&channel).is_none() {
            relay.told(B, &channel, vec![numbers(B, 4, 4)]);
        }
    }
    assert_eq!(relay.take_questions(B), [], "of channels that nobody listens to");
    // A start that ended is not asked for either, unless there is something of it here.
    relay.told(B, "y", vec![numbers(DEAD, 4, 4)]);
    assert_eq!(relay.take_questions(B), []);
}

/// Who comes back from before is told.
#[test]
fn what_there_was_no_room_for_is_told_as_lost() {
    let mut relay = full(1);
    let channel = (0..CHANNELS).map(name).find(|channel| relay.logs.find(channel).is_none()).expect("one went");
    let before = relay.logs.log("z", relay.now()).expect("it has history").read(Start::Now, relay.now()).position;
    relay.publishes(B, &channel, 2, "1");
    let log = relay.logs.find(&channel).expect("it came back");
    assert_eq!(log.read(Start::Since(Some(before)), relay.now()).answer, Answer::NotRecovered);
    let at = log.read(Start::Now, relay.now()).position;
    relay.publishes(B, &channel, 3, "1");
    let joining = log.read(Start::Since(Some(at)), relay.now());
    assert_eq!((joining.answer, joining.missed.len()), (Answer::Recovered, 1));
}

/// Somebody listens where the log is new, so that it asks: something may have been lost since. What is older is not told.
#[test]
fn what_was_forgotten_never_comes_as_new() {
    let mut relay = full(2);
    let channel = (0..CHANNELS).map(name).find(|channel| relay.logs.find(channel).is_none()).expect("one went");
    relay.pass(1000);
    let log = relay.logs.log(&channel, relay.now()).expect("it has history");
    assert!(log.join(0, Start::Now, Room::ANY, relay.now()).is_some());
    relay.pass(1000);
    relay.publishes(B, &channel, 4, "1");
    assert_eq!(relay.take_questions(B), [(channel.clone(), 1, 3)]);
    let before = relay.delivered(&channel, B);
    let entry = |number, age_ms| EntryTold { number, age_ms, content: "1" };
    let entries = vec![entry(1, 3000), entry(2, 2900), entry(3, 500)];
    relay.hears(B, &Message::Entries(Entries { channel: &channel, numbers: numbers(B, 4, 4), entries }));
    let (publications, gaps) = relay.delivered(&channel, B);
    assert_eq!((before.0, publications, gaps), (vec![1, 2], vec![1, 2, 3, 4], vec![]));
    assert_eq!(log.numbers_of(origin(B)).map(|numbers| numbers.seen), Some(4));
}

/// A publication to a peer had no room, and its channel has gone before the peer could be told.
#[test]
fn dropped_and_displaced_is_told() {
    let mut relay = Relay::serving_with(20_000);
    for channel in (0..CHANNELS).map(name) {
        let log = relay.logs.log(&channel, relay.now()).expect("it has history");
        log.publish(0, ["1"].into_iter(), relay.now(), &mut Vec::new(), |_, _, _| {});
    }
    relay.pass(1000);
    assert!(!relay.has_told_of_displaced(B));
    let is_gone = |channel: &String| relay.logs.find(channel).is_none();
    let gone = (0..CHANNELS).map(name).find(is_gone).expect("one went");
    relay.healing.overflowed(origin(B), &gone, relay.now());
    relay.pass(200);
    assert!(relay.has_told_of_displaced(B));
}

/// All channels are told, once for each list of numbers.
#[test]
fn whoever_may_miss_displaced_numbers_is_told() {
    let mut relay = Relay::serving();
    relay.publishes(B, "x", 1, "1");
    relay.publishes(C, "y", 1, "1");
    let before = relay.sent.delivered.len();
    let told = |piece, is_last| NumbersTold {
        number: 7,
        piece,
        is_last,
        is_whole: true,
        has_displaced: true,
        ..NumbersTold::default()
    };
    relay.hears(B, &Message::Numbers(told(0, false)));
    assert_eq!(relay.sent.delivered.len(), before, "not all of it has come");
    relay.hears(B, &Message::Numbers(told(1, true)));
    relay.hears(B, &Message::Numbers(told(1, true)));
    let mut gaps: Vec<_> = relay.sent.delivered[before..].iter().map(|(name, .., is_gap)| (&**name, *is_gap)).collect();
    gaps.sort_unstable();
    assert_eq!(gaps, [("x", true), ("y", true)]);
}

/// Numbers of an origin that begin anew: over a link over which everything has been told nothing can be missing.
#[test]
fn numbers_that_begin_anew_are_no_gap_unless_something_may_be_missing() {
    let mut relay = Relay::serving();
    let begins_at = |relay: &mut Relay, base| {
        let contents = vec!["1"];
        let run = Publications { channel: "x", origin: origin(B), base, first: base, age_ms: 0, contents };
        relay.hears(B, &Message::Publications(run));
        relay.delivered("x", B).1
    };
    relay.publishes(B, "x", 1, "1");
    assert_eq!(begins_at(&mut relay, 10), [10], "it has not told all its numbers");
    let all = NumbersTold { number: 7, is_last: true, is_whole: true, ..NumbersTold::default() };
    relay.hears(B, &Message::Numbers(all));
    assert_eq!(begins_at(&mut relay, 20), [10]);
    // It is known that there are more.
    relay.told(B, "x", vec![numbers(B, 22, 2)]);
    assert_eq!(begins_at(&mut relay, 30), [10, 30]);
    // It has forgotten them when it is asked.
    relay.told(B, "x", vec![numbers(B, 32, 2)]);
    relay.hears(
        B,
        &Message::Entries(Entries {
            channel: "x",
            numbers: crate::history::log::Numbers::new(origin(B), 40),
            entries: vec![],
        }),
    );
    assert_eq!(relay.delivered("x", B), (vec![1, 10, 20, 30], vec![10, 30, 40]));
    assert_eq!(relay.healing.holes(), 0);
}

/// Of its own the relay says so.
#[test]
fn who_has_forgotten_its_own_says_so() {
    let mut relay = full(1);
    let own = relay.logs.own();
    let log = relay.logs.log("z", relay.now()).expect("it has history");
    for _ in 0..5 {
        log.publish(0, ["1"].into_iter(), relay.now(), &mut Vec::new(), |_, _, _| {});
    }
    relay.pass(100);
    (0..CHANNELS).for_each(|channel| relay.publishes(B, &name(channel), 2, "1"));
    assert!(relay.logs.find("z").is_none(), "it was displaced");
    let fetch = crate::history::healing::message::Fetch { channel: "z", origin: own, from: 1, to: 5 };
    relay.hears(B, &Message::Fetch(fetch));
    let numbers = relay.last_entries(B).expect("it has answered");
    assert!(numbers.base > 6 && numbers.seen + 1 == numbers.base, "{numbers:?}");
}

/// Links were whole all the time, so that peers have everything: a relay that stops gives nobody reason to doubt.
#[test]
fn who_stops_with_whole_links_says_nothing_of_what_it_has_displaced() {
    for drops in [false, true] {
        let mut relay = full(1);
        for number in 0..10 {
            [B, C].into_iter().for_each(|peer| relay.hears(peer, &Message::Acknowledge(number)));
        }
        let now = relay.now();
        if drops {
            relay.healing.dropping(origin(B), now);
        }
        relay.take_questions(B);
        relay.healing.drain(now, &mut relay.sent);
        assert_eq!(relay.has_told_of_displaced(B), drops);
    }
}

/// A third relay says how much there is of one that is linked here.
#[test]
fn the_word_of_another_relay_is_not_taken_where_a_log_was_displaced() {
    let mut relay = full(1);
    let channel = (0..CHANNELS).map(name).find(|channel| relay.logs.find(channel).is_none()).expect("one went");
    relay.told(C, &channel, vec![numbers(B, 1 << 50, 0)]);
    relay.publishes(B, &channel, 2, "1");
    assert_eq!(relay.delivered(&channel, B), (vec![1, 2], vec![]));
}
