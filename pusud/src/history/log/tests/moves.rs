//! Positions that come from elsewhere: of other channels, other clocks, and beside relays that give no numbers.

use super::{Relay, Room, now, origin};
use crate::history::{Answer, Logs, Position, Rule, Settings, Start};
use std::time::Duration;

/// `T`, in milliseconds; a minute has one second.
const RETENTION_MS: i64 = 20_000;

#[test]
fn a_position_of_another_channel_is_told_as_lost() {
    let mut relay = Relay::new(1, 9);
    let (first, second) = (relay.publish(&["1", "2", "3"]).remove(0), relay.position());
    let other = relay.logs.log("b", now(0)).expect("it has history");
    other.publish(0, ["4", "5"].into_iter(), now(0), &mut Vec::new(), |_, _, _| {});
    for position in [&first, &second] {
        let joining = other.read(Start::Since(Position::parse(position)), now(0));
        assert_eq!((joining.answer, joining.skip), (Answer::NotRecovered, None), "{position}");
    }
    assert_eq!(relay.recovered(&first), Some(vec!["2".into(), "3".into()]));
}

#[test]
fn a_clock_that_is_too_far_ahead_is_not_believed() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    relay.logs.boots().learn(origin(3), None);
    relay.receive(2, 1, &["1"]);
    relay.publish(&["0"]);
    let position = |ahead_ms| {
        let mut position = Position::parse(&relay.position()).expect("it is one");
        position.minute = now(ahead_ms).minute;
        position.text()
    };
    let (near, far) = (position(RETENTION_MS / 2), position(RETENTION_MS / 2 + 1000));
    // Another relay publishes and ends before whoever has these comes back.
    relay.receive(3, 1, &["2"]);
    relay.logs.boots().learn(origin(3), Some(0));
    assert_eq!(relay.recovered(&near), Some(vec!["2".into()]));
    assert_eq!(relay.recovered(&far), None, "it would be taken for one that was made after the end");
}

#[test]
fn a_channel_that_keeps_for_less_time_names_starts_for_less_time() {
    let rule = |channel: &str, seconds| Rule {
        channels: vec![channel.into()],
        size: 9,
        ttl: Duration::from_secs(seconds),
        name: None,
    };
    let settings = Settings { rules: vec![rule("short", 60), rule("long", 24 * 60 * 60)], bytes_max: 1 << 20 };
    let logs = Logs::new(settings, origin(1), 1);
    logs.boots().learn(origin(2), None);
    let named = |channel: &str, ms| {
        let log = logs.log(channel, now(ms)).expect("it has history");
        log.publish(0, ["1"].into_iter(), now(ms), &mut Vec::new(), |_, _, _| {});
        let position = log.read(Start::Now, now(ms)).position;
        assert_eq!(log.read(Start::Since(Some(position.clone())), now(ms)).answer, Answer::Recovered);
        position.get(origin(2)).is_some()
    };
    for channel in ["short", "long"] {
        let log = logs.log(channel, now(0)).expect("it has history");
        log.receive(origin(2), 1, 1, [("2".into(), 0)].into_iter(), now(0), &mut Vec::new(), |_, _, _| {});
        assert!(named(channel, 0));
    }
    logs.boots().learn(origin(2), Some(0));
    // Two hours later: `long` keeps what the start has published, and names it.
    let later = 2 * 60 * 60 * 1000;
    assert_eq!((named("short", later), named("long", later)), (false, true));
    // Whoever has seen less of it than there was has lost something, however long ago it ended.
    for hours in [3, 4, 30, 150] {
        let at = now(hours * 60 * 60 * 1000);
        logs.boots().forget(at);
        let log = logs.log("short", at).expect("it has history");
        log.publish(0, ["1"].into_iter(), at, &mut Vec::new(), |_, _, _| {});
        let mut before = log.read(Start::Now, now(0)).position;
        before.merge(origin(2), 0);
        assert_eq!(log.read(Start::Since(Some(before)), at).answer, Answer::NotRecovered, "after {hours} h");
    }
}

#[test]
fn who_comes_from_elsewhere_beside_a_relay_without_numbers_is_told() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    relay.receive(2, 1, &["1"]);
    let elsewhere = relay.position();
    let unnumbered = |relay: &Relay, content: &str| {
        let contents = [content.into()].into_iter();
        relay.log().receive_next(origin(1).unnumbered(), contents, now(relay.ms), &mut Vec::new(), |_, _, _| {});
    };
    unnumbered(&relay, "2");
    assert_eq!(relay.recovered(&elsewhere), None, "it may have had the same under another number");
    let here = relay.position();
    unnumbered(&relay, "3");
    assert_eq!(relay.recovered(&here), Some(vec!["3".into()]));
    // When it is long over, positions from elsewhere hold again.
    relay.ms = RETENTION_MS;
    let mut elsewhere = Position::parse(&elsewhere).expect("it is one");
    elsewhere.minute = now(relay.ms).minute;
    assert_eq!(relay.recovered(&elsewhere.text()), Some(vec![]));
}

#[test]
fn where_nothing_was_published_there_is_no_history() {
    let mut relay = Relay::new(1, 9);
    let log = relay.log();
    assert_eq!(relay.logs.bytes(), 0);
    let position = relay.position();
    log.join(0, Start::Now, Room::ANY, now(0)).expect("it is there");
    log.join(1, Start::Now, Room::ANY, now(0)).expect("it is there");
    relay.logs.leave("a", 0, now(0));
    assert_eq!(relay.logs.len(), 1, "a shard listens");
    relay.logs.leave("a", 1, now(0));
    assert!(relay.logs.is_empty());
    assert_eq!(relay.recovered(&position), Some(vec![]), "nothing was missed");
    // Many that nobody listens to any more are nowhere.
    for number in 0..1000 {
        let name = format!("b.{number}");
        let log = relay.logs.log(&name, now(0)).expect("it has history");
        log.join(0, Start::Now, Room::ANY, now(0)).expect("it is there");
        relay.logs.leave(&name, 0, now(0));
        assert!(relay.logs.log_to_read("c", now(0)).is_some());
    }
    assert_eq!((relay.logs.len(), relay.logs.bytes()), (1, 0));
    // With a message it is one.
    relay.publish(&["1"]);
    assert!(relay.logs.bytes() > 400);
    relay.logs.leave("a", 0, now(0));
    assert_eq!(relay.logs.len(), 1);
}
