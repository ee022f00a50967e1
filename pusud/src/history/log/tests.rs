//! The log against stories, and against a simple model.

mod ends;
mod expiry;
mod moves;
mod shards;

use super::*;
use crate::frames;
use crate::history::clock::Times;
use crate::history::{Logs, Position, Rule, Settings};
use std::time::Duration;

fn origin(bits: u64) -> Origin {
    Origin::of_boot(&u128::from(bits).to_be_bytes())
}

fn now(ms: i64) -> Now {
    Now { ms, minute: u32::try_from(1000 + ms / 1000).expect("tests are short") }
}

struct Relay {
    logs: Logs,
    frames: Vec<u8>,
    ms: i64,
}

impl Relay {
    fn new(own: u64, size: u32) -> Self {
        let rule = Rule { channels: vec!["*".into()], size, ttl: Duration::from_secs(10), name: None };
        let settings = Settings { rules: vec![rule], bytes_max: 1 << 20 };
        let times = Times { retention_ms: 20_000, minute_ms: 1000 };
        Self { logs: Logs::with_times(settings, origin(own), 2, times), frames: Vec::new(), ms: 0 }
    }

    fn log(&self) -> Arc<Log> {
        self.logs.log("a", now(self.ms)).expect("every channel has history")
    }

    /// Publishes, and returns the positions that the frames have.
    fn publish(&mut self, contents: &[&str]) -> Vec<String> {
        self.frames.clear();
        let log = self.log();
        log.publish(0, contents.iter().copied(), now(self.ms), &mut self.frames, |_, _, _| {});
        positions(&self.frames)
    }

    fn receive(&mut self, from: u64, first: u64, contents: &[&str]) -> Vec<String> {
        self.frames.clear();
        let entries = contents.iter().map(|&content| (content.into(), self.ms));
        let log = self.log();
        log.receive(origin(from), 1, first, entries, now(self.ms), &mut self.frames, |_, _, _| {});
        positions(&self.frames)
    }

    fn join(&self, since: &str) -> Joining {
        self.log().read(Start::Since(Position::parse(since)), now(self.ms))
    }

    fn recovered(&self, since: &str) -> Option<Vec<String>> {
        let joining = self.join(since);
        let texts = joining.missed.iter().map(|missed| missed.content.to_string()).collect();
        (joining.answer == Answer::Recovered).then_some(texts)
    }

    fn position(&self) -> String {
        self.log().read(Start::Now, now(self.ms)).position.text()
    }
}

fn positions(frames: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(frames).into_owned();
    let starts = text.match_indices("\"position\":\"").map(|(at, start)| at + start.len());
    starts.map(|at| text[at..].split('"').next().expect("a text ends").to_owned()).collect()
}

#[test]
fn positions_run_and_what_is_missed_is_what_comes_behind_them() {
    let mut relay = Relay::new(1, 100);
    let start = relay.position();
    let positions = relay.publish(&["1", "2", "3"]);
    assert_eq!(relay.recovered(&start), Some(vec!["1".into(), "2".into(), "3".into()]));
    assert_eq!(relay.recovered(&positions[0]), Some(vec!["2".into(), "3".into()]));
    assert_eq!(relay.recovered(&positions[2]), Some(vec![]));
    assert_eq!(relay.join(&positions[0]).position.text(), positions[0], "not further than what is told");
    assert_eq!(relay.join(&positions[2]).position.text(), positions[2]);
}

#[test]
fn the_position_is_known_on_an_empty_channel_and_nothing_missed_is_recovered() {
    let relay = Relay::new(1, 100);
    assert_eq!(relay.recovered(&relay.position()), Some(vec![]));
}

#[test]
fn what_has_left_the_ring_is_never_told_as_recovered() {
    let mut relay = Relay::new(1, 2);
    let start = relay.position();
    let positions = relay.publish(&["1", "2", "3"]);
    assert_eq!(relay.recovered(&start), None);
    assert_eq!(relay.recovered(&positions[0]), Some(vec!["2".into(), "3".into()]), "from floor - 1 on");
    relay.ms = 10_000;
    assert_eq!(relay.recovered(&positions[0]), None, "too old");
    assert_eq!(relay.recovered(&positions[2]), Some(vec![]));
}

#[test]
fn forged_and_malformed_positions_are_told_as_lost() {
    let mut relay = Relay::new(1, 9);
    let position = relay.publish(&["1"]).remove(0);
    for forged in [position.replace(".1", ".2"), String::new(), "AAAA-AAAAAC.7".into(), "x".repeat(600)] {
        assert_eq!(relay.recovered(&forged), None, "{forged}");
    }
}

/// A listener was faster than the link.
#[test]
fn ahead_of_this_relay_is_not_from_the_future() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    relay.receive(2, 1, &["1"]);
    let mut ahead = Position::parse(&relay.position()).expect("a position");
    ahead.merge(origin(2), 3);
    let joining = relay.join(&ahead.text());
    assert_eq!(joining.answer, Answer::Recovered);
    assert_eq!(joining.skip.and_then(|skip| skip.get(origin(2))), Some(3));
    assert_eq!(joining.position.get(origin(2)), Some(3), "a position never goes back");
}

#[test]
fn ahead_of_an_unknown_start_is_lost_and_skipped_all_the_same() {
    let mut relay = Relay::new(1, 9);
    relay.publish(&["1"]);
    let mut ahead = Position::parse(&relay.position()).expect("a position");
    ahead.merge(origin(2), 3);
    let joining = relay.join(&ahead.text());
    assert_eq!(joining.answer, Answer::NotRecovered);
    assert_eq!(joining.skip.and_then(|skip| skip.get(origin(2))), Some(3));
    let told = joining.position.text();
    assert_eq!(relay.recovered(&told), Some(vec![]), "nobody is told the same twice: {told}");
    relay.publish(&["2"]);
    assert_eq!(relay.recovered(&told), Some(vec!["2".into()]));
}

#[test]
fn an_origin_that_a_position_does_not_name_was_not_seen() {
    let mut relay = Relay::new(1, 3);
    let position = relay.publish(&["1"]).remove(0);
    relay.logs.boots().learn(origin(2), None);
    relay.receive(2, 1, &["2", "3"]);
    assert_eq!(relay.recovered(&position), Some(vec!["2".into(), "3".into()]));
    relay.receive(2, 3, &["4", "5"]);
    assert_eq!(relay.recovered(&position), None, "its first one has left the ring");
}

#[test]
fn a_start_that_ended_before_the_position_was_made_is_seen_whole() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    relay.receive(2, 1, &["1"]);
    relay.logs.boots().learn(origin(2), Some(0));
    // T is 20 s here, and a minute 1 s.
    let position = |minute| {
        let mut position = Position::of(minute, Tag::of("a"), std::iter::empty(), false);
        position.merge(origin(1), 0);
        position.text()
    };
    relay.ms = 5_000;
    assert_eq!(relay.recovered(&position(1005)), Some(vec!["1".into()]));
    assert_eq!(relay.recovered(&position(1011)), Some(vec![]));
}

#[test]
fn a_gap_is_told_once_and_nobody_recovers_from_before_it() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    let before = relay.receive(2, 1, &["1", "2"]).remove(1);
    relay.frames.clear();
    let log = relay.log();
    log.jump(origin(2), 1, 5, now(0), &mut relay.frames, |_, _, _| {});
    let gap = positions(&relay.frames).remove(0);
    log.jump(origin(2), 1, 5, now(0), &mut relay.frames, |_, _, _| panic!("it is known"));
    let behind = relay.receive(2, 5, &["5"]).remove(0);
    assert_eq!(relay.recovered(&before), None);
    assert_eq!(relay.recovered(&gap), Some(vec!["5".into()]));
    assert_eq!(relay.recovered(&behind), Some(vec![]));
    assert_eq!(relay.receive(2, 4, &["4", "5", "6"]).len(), 1, "what came before is left out");
}

#[test]
fn the_newest_ones_have_positions_of_their_own() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    relay.publish(&["1"]);
    let positions = relay.receive(2, 1, &["2", "3"]);
    let last = relay.log().read(Start::Last(1), now(0));
    assert_eq!((last.answer, last.missed.len(), &*last.missed[0].content), (Answer::Last, 1, "3"));
    assert_eq!(last.position.text(), positions[0]);
    assert_eq!(relay.recovered(&last.position.text()), Some(vec!["3".into()]));
    assert_eq!(relay.log().read(Start::Last(99), now(0)).missed.len(), 3);
    assert_eq!(relay.log().read(Start::Last(0), now(0)).position.text(), positions[1]);
}

#[test]
fn a_ring_is_filled_downwards_and_positions_of_others_hold() {
    let mut old = Relay::new(1, 9);
    let start = old.position();
    let positions = old.publish(&["1", "2", "3"]);
    let new = Relay::new(2, 9);
    new.logs.boots().learn(origin(1), None);
    for numbers in old.log().numbers() {
        new.log().adopt(numbers, now(0));
    }
    assert_eq!(new.recovered(&positions[2]), Some(vec![]), "by numbers alone");
    assert_eq!(new.recovered(&positions[1]), None);
    let (older, is_all) = old.log().older(&[(origin(1), 4)], 2 * (32 + 1));
    assert!(older.len() == 2 && !is_all);
    for (from, held) in older {
        assert!(new.log().prepend(from, held, now(0)));
    }
    assert_eq!(new.recovered(&positions[0]), Some(vec!["2".into(), "3".into()]));
    assert_eq!(new.recovered(&start), None);
    let held = Held { number: 3, accepted_ms: 0, content: "3".into() };
    assert!(!new.log().prepend(origin(1), held, now(0)), "it is there");
}

#[test]
fn who_is_behind_in_its_own_inbox_stands_in_line() {
    let relay = Relay::new(1, 9);
    let log = relay.log();
    let joins = |shard| log.join(shard, Start::Now, Room::ANY, now(0));
    assert!(joins(0).is_some() && joins(1).is_some());
    let publish = |shard, expected: u64| {
        let mut shards = 0;
        let placed = log.publish(shard, ["1"].into_iter(), now(0), &mut Vec::new(), |_, _, to| shards = to);
        assert_eq!(shards, expected);
        placed
    };
    assert_eq!(publish(0, 0b10), Placed::Here);
    assert_eq!(publish(1, 0b11), Placed::Elsewhere, "an item of shard 0 waits");
    let behind = log.join(1, Start::Now, Room::ANY, now(0)).and_then(|joining| joining.skip);
    assert_eq!(behind.and_then(|seen| seen.get(origin(1))), Some(2), "two items wait that it has nothing to do with");
    (0..2).for_each(|_| log.delivered(1));
    log.delivered(0);
    assert_eq!(publish(1, 0b01), Placed::Here);
    log.leave(0, now(0));
    log.delivered(0);
    assert_eq!(publish(1, 0), Placed::Here);
}

#[test]
fn unused_logs_are_forgotten_and_positions_of_theirs_are_told_as_lost() {
    let mut relay = Relay::new(1, 9);
    let position = relay.publish(&["1", "2"]).remove(1);
    let log = relay.log();
    relay.ms = 15_000;
    relay.logs.look_after(now(relay.ms), |_| false);
    assert_eq!(relay.logs.len(), 1);
    relay.ms = 40_000;
    relay.logs.look_after(now(relay.ms), |_| true);
    assert_eq!(relay.logs.len(), 1, "somebody listens");
    relay.logs.look_after(now(relay.ms), |_| false);
    assert_eq!((relay.logs.len(), relay.logs.bytes()), (0, 0));
    assert_eq!(log.publish(0, ["3"].into_iter(), now(relay.ms), &mut Vec::new(), |_, _, _| {}), Placed::Dropped);
    assert_eq!(relay.recovered(&position), None);
    let next = relay.publish(&["3"]).remove(0);
    assert!(next.ends_with(".4"), "no number comes twice: {next}");
    assert_eq!(relay.recovered(&relay.position()), Some(vec![]), "its own positions hold at once");
}

#[test]
fn the_oldest_of_the_largest_go_first() {
    let relay = Relay::new(1, 1_000_000);
    let publish = |channel: &str, count: usize| {
        let log = relay.logs.log(channel, now(0)).expect("it has history");
        let content = format!("\"{}\"", "x".repeat(1000));
        (0..count).for_each(|_| {
            log.publish(0, [&*content].into_iter(), now(0), &mut Vec::new(), |_, _, _| {});
        });
        log
    };
    let (small, large) = (publish("small", 100), publish("large", 800));
    relay.logs.look_after(now(0), |_| true);
    assert_eq!(small.sum(now(0)).entries, 100);
    let (bytes, wanted) = (relay.logs.bytes(), (1 << 20) / 4 * 3);
    assert!((wanted - 2000..=wanted).contains(&bytes), "{bytes}");
    publish("large", 2000);
    assert!(relay.logs.bytes() <= 1 << 20, "{}", relay.logs.bytes());
    assert!(large.sum(now(0)).entries > 500 && small.sum(now(0)).entries == 100);
}

#[test]
fn frames_have_channel_position_and_content() {
    let mut relay = Relay::new(1, 9);
    let position = relay.publish(&["{\"x\":1}"]).remove(0);
    let mut expected = Vec::new();
    frames::push_publish_at(&mut expected, "a", &position, "{\"x\":1}");
    assert_eq!(relay.frames, expected);
}
