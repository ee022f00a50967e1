//! The end of entries that were missing for a while: older ones stand behind younger ones.

use super::*;
use std::sync::atomic::Ordering;

impl Relay {
    /// What another relay has accepted before, and this one has been told of just now.
    fn heal(&mut self, from: u64, first: u64, ages_ms: &[i64]) {
        let entries = ages_ms.iter().map(|age| ("\"healed\"".into(), self.ms - age));
        let log = self.log();
        self.frames.clear();
        log.receive(origin(from), 1, first, entries, now(self.ms), &mut self.frames, |_, _, _| {});
    }

    fn expired(&self) -> u64 {
        self.logs.counts().expired.load(Ordering::Relaxed)
    }
}

#[test]
fn what_is_too_old_goes_also_from_behind_what_is_younger() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    let start = relay.position();
    let own = relay.publish(&["1"]).remove(0);
    relay.heal(2, 1, &[9000, 8000]);
    relay.publish(&["2"]);
    assert_eq!(relay.recovered(&own).map(|missed| missed.len()), Some(3));
    relay.ms = 1999;
    assert_eq!(relay.log().newest(9, now(relay.ms)).len(), 3, "one of the healed ones is over");
    assert_eq!(relay.recovered(&own), None, "it has not seen that one");
    relay.ms = 2000;
    assert_eq!(relay.log().read(Start::Last(9), now(relay.ms)).missed.len(), 2);
    assert_eq!((relay.recovered(&start), relay.expired()), (None, 2));
    let behind = relay.position();
    relay.publish(&["3"]);
    assert_eq!(relay.recovered(&behind), Some(vec!["3".into()]), "all else is as ever");
    relay.ms = 10_000;
    assert_eq!(relay.log().newest(9, now(relay.ms)).len(), 1, "the younger ones have the time that they have");
    assert_eq!(relay.expired(), 4);
}

#[test]
fn what_has_expired_is_a_beginning_of_its_origin() {
    let mut relay = Relay::new(1, 9);
    relay.logs.boots().learn(origin(2), None);
    relay.publish(&["1"]);
    // Ages grow on the way: that of the first has not.
    relay.heal(2, 1, &[4000, 4500, 1000]);
    relay.ms = 5500;
    let left: Vec<u64> = relay.log().held(origin(2), 1, 9, 1000).iter().map(|held| held.number).collect();
    assert_eq!(left, [1, 2, 3], "nobody has looked");
    relay.logs.look_after(now(relay.ms), |_| true);
    let left: Vec<u64> = relay.log().held(origin(2), 1, 9, 1000).iter().map(|held| held.number).collect();
    assert_eq!((left, relay.expired()), (vec![3], 2));
    assert_eq!(relay.log().numbers_of(origin(2)).map(|numbers| numbers.floor), Some(3));
}

/// Then the first is the oldest again, and nobody walks over the ring.
#[test]
fn rings_are_found_in_order_again() {
    let mut relay = Relay::new(1, 3);
    relay.logs.boots().learn(origin(2), None);
    relay.publish(&["1"]);
    relay.heal(2, 1, &[9000]);
    for ms in [1000, 2000, 3000, 4000] {
        relay.ms = ms;
        relay.publish(&["2"]);
        assert!(relay.log().newest(9, now(ms)).iter().all(|entry| entry.age_ms < 10_000));
    }
    assert!(!relay.log().lock().ring.may_hide_before(i64::MAX));
    assert_eq!(relay.logs.counts().displaced.load(Ordering::Relaxed) + relay.expired(), 3);
}
