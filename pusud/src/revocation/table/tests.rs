use super::*;
use crate::revocation::clock::Now;
use crate::revocation::entries::REVOCATIONS_MAX;
use std::sync::Arc;

fn alice() -> Whom {
    Whom::Subject("alice".into())
}

fn standing(revocations: &Revocations, subject: &str, authorization: &str) -> Standing {
    revocations.standing(subject, &revocations.hashes(authorization.as_bytes()))
}

/// All changes, as a peer gets them.
fn told(revocations: &Revocations) -> Vec<Entry> {
    revocations.after(0, 0, |_, _| false).0
}

#[test]
fn one_subject_or_one_authorization_is_revoked_and_no_other() {
    let revocations = Revocations::default();
    let (alice_1, alice_2) = (standing(&revocations, "alice", "1"), standing(&revocations, "alice", "2"));
    let (bob, nobody) = (standing(&revocations, "bob", "1"), standing(&revocations, "", "3"));
    assert!(!revocations.revokes(&alice_1));
    let version = revocations.version();
    revocations.revoke(alice(), None, drop).unwrap();
    assert_ne!(revocations.version(), version);
    assert!(revocations.revokes(&alice_1) && revocations.revokes(&alice_2));
    assert!(!revocations.revokes(&bob) && !revocations.revokes(&nobody) && !revocations.revokes(&Standing::default()));
    revocations.lift(&alice()).unwrap();
    assert!(!revocations.revokes(&alice_1) && revocations.lift(&alice()).is_none());
    let hash = revocations.hashes(b"1")[0].unwrap();
    revocations.revoke(Whom::AuthorizationHash(hash), None, drop).unwrap();
    assert!(revocations.revokes(&alice_1) && revocations.revokes(&bob) && !revocations.revokes(&alice_2));
}

#[test]
fn a_revocation_ends_by_itself() {
    let revocations = Revocations::default();
    revocations.revoke(alice(), Some(Duration::ZERO), drop).unwrap();
    assert!(!revocations.revokes(&standing(&revocations, "alice", "")) && revocations.list().is_empty());
    revocations.revoke(alice(), Some(Duration::from_secs(3600)), drop).unwrap();
    assert!(revocations.revokes(&standing(&revocations, "alice", "")) && revocations.list().len() == 1);
}

/// As a relay that was away may have it.
#[test]
fn what_ends_by_itself_keeps_an_earlier_word_away() {
    let (one, other) = (Revocations::default(), Revocations::default());
    one.revoke(alice(), None, drop).unwrap();
    other.take(told(&one), None, drop).unwrap();
    let earlier = told(&other);
    one.revoke(alice(), Some(Duration::ZERO), drop).unwrap();
    one.take(earlier, None, drop).unwrap();
    assert!(one.list().is_empty() && one.all().len() == 1, "it stays ended, and is kept over a restart");
    other.take(told(&one), None, drop).unwrap();
    assert!(other.list().is_empty(), "the other one learns of it");
}

#[test]
fn the_later_word_holds_in_whatever_order_relays_hear_them() {
    let one = Revocations::default();
    one.revoke(alice(), None, drop).unwrap();
    let revoked = told(&one);
    let other = Revocations::default();
    other.take(revoked.clone(), Some(7), drop).unwrap();
    assert_eq!(other.list(), one.list());
    assert!(other.after(0, 7, |_, _| false).0.is_empty(), "the link that has told is not told");
    assert_eq!(told(&other), revoked, "others are");
    other.lift(&alice()).unwrap();
    // A relay that was away brings it back, and is told of the lift.
    other.take(revoked, Some(8), drop).unwrap();
    assert!(other.list().is_empty());
    one.take(told(&other), None, drop).unwrap();
    assert!(one.list().is_empty() && one.all() == other.all());
    one.revoke(alice(), None, drop).unwrap();
    other.take(told(&one), None, drop).unwrap();
    assert_eq!(other.list().len(), 1, "revoked again");
}

#[test]
fn a_clock_that_is_behind_lifts_all_the_same() {
    let revocations = Revocations::default();
    let ahead = Stamp { time_ms: revocations.now_ms() + 1_000_000, writer: 1 };
    revocations.take(vec![Entry { whom: alice(), stamp: ahead, until_ms: 0, is_lifted: false }], None, drop).unwrap();
    revocations.lift(&alice()).unwrap();
    assert!(revocations.list().is_empty());
}

#[test]
fn past_the_bound_nothing_is_lost_and_what_has_ended_makes_room() {
    let revocations = Revocations::default();
    let numbered = |number: usize| Whom::Subject(number.to_string());
    for number in 0..REVOCATIONS_MAX {
        let lasting = (number == 5).then_some(Duration::from_millis(1));
        revocations.revoke(numbered(number), lasting, drop).unwrap();
    }
    while revocations.list().len() == REVOCATIONS_MAX {
        std::thread::yield_now();
    }
    revocations.revoke(alice(), None, drop).unwrap();
    assert_eq!(revocations.revoke(numbered(REVOCATIONS_MAX), None, drop), Err(NoRoom));
    assert!(revocations.revoke(numbered(1), None, drop).is_ok(), "one that is revoked already takes no more room");
    revocations.lift(&numbered(1)).unwrap();
    revocations.revoke(numbered(REVOCATIONS_MAX), None, drop).unwrap();
    assert_eq!(revocations.list().len(), REVOCATIONS_MAX);
}

#[test]
fn a_link_is_told_piece_by_piece_and_of_every_change() {
    let revocations = Revocations::default();
    for number in 0..10 {
        revocations.revoke(Whom::Subject(number.to_string()), None, drop).unwrap();
    }
    revocations.lift(&Whom::Subject("3".into())).unwrap();
    let (mut got, mut number) = (Vec::new(), 0);
    while number < revocations.last() {
        let mut room = 3;
        let (some, last) = revocations.after(number, 0, |_, _| {
            room -= 1;
            room < 0
        });
        assert!(some.len() <= 3 && last > number);
        (number, got) = (last, [got, some].concat());
    }
    assert_eq!(got.len(), 10);
    assert!(got.last().unwrap().is_lifted);
}

#[test]
fn whoever_is_told_of_a_change_finds_it_in_the_table() {
    let revocations = std::sync::Arc::new(Revocations::default());
    let (told, table) = (std::sync::Arc::new(Mutex::new(Vec::new())), revocations.clone());
    let heard = told.clone();
    revocations.on_change(move |change| heard.lock().unwrap().push((change.revoked.len(), table.list().len())));
    revocations.revoke(alice(), None, drop).unwrap();
    revocations.lift(&alice()).unwrap();
    assert_eq!(*told.lock().unwrap(), [(1, 1), (0, 0)]);
}

const HOUR_MS: u64 = 3_600_000;

/// A table whose clocks both began with 0, and what sets them.
fn clocked() -> (Revocations, impl Fn(u64, u64)) {
    let clocks = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let set = clocks.clone();
    let read = move || {
        let [steady_ms, wall_ms] = clocks.each_ref().map(|clock| clock.load(Ordering::Relaxed));
        Now { steady_ms, wall_ms }
    };
    let revocations = Revocations::by_clock(HashKeys::own(HashKeys::generate()), Clock::set_by(read));
    let set = move |steady_ms, wall_ms| {
        [steady_ms, wall_ms].into_iter().zip(&*set).for_each(|(to, clock)| clock.store(to, Ordering::Relaxed));
    };
    (revocations, set)
}

/// As where a machine without a clock of its own learns the time after the relay has started.
#[test]
fn an_end_does_not_move_when_the_systems_clock_is_set() {
    let (revocations, set) = clocked();
    let holds = || revocations.revokes(&standing(&revocations, "alice", ""));
    set(5, 5);
    revocations.revoke(alice(), Some(Duration::from_millis(HOUR_MS)), drop).unwrap();
    for wall_ms in [1_000 * HOUR_MS, 0, 500 * HOUR_MS] {
        set(HOUR_MS, wall_ms);
        assert!(holds());
        let until: Vec<u64> =
            [revocations.list(), revocations.all()].concat().iter().map(|held| held.until_ms).collect();
        assert_eq!(until, [wall_ms + 5; 2], "people and the file are told by the clock as it is set then");
        set(HOUR_MS + 5, wall_ms);
        assert!(!holds() && revocations.list().is_empty());
    }
    let (_, again) = revocations.revoke(alice(), Some(Duration::from_millis(7)), drop).unwrap();
    assert_eq!(again.until_ms, 500 * HOUR_MS + 7);
}

#[test]
fn what_was_taken_in_and_what_the_file_had_lasts_as_long_when_the_clock_is_set_later() {
    let (here, set) = clocked();
    let stamp = Stamp { time_ms: 1, writer: 1 };
    let entry =
        |subject: &str, until_ms| Entry { whom: Whom::Subject(subject.into()), stamp, until_ms, is_lifted: false };
    set(10, 700 * HOUR_MS);
    here.restore(vec![entry("kept", 700 * HOUR_MS + 20)]).unwrap();
    // The peer's clock says 1000.
    let told_ms = 1000;
    here.take(vec![entry("told", told_ms + 20).by_clock(here.now_ms(), told_ms)], Some(7), drop).unwrap();
    set(29, 0);
    assert_eq!(here.list().len(), 2);
    let told_on: Vec<u64> = told(&here).iter().map(|entry| entry.until_ms - here.now_ms()).collect();
    assert_eq!(told_on, [1, 1], "others are told how much is left");
    set(30, 0);
    assert!(here.list().is_empty());
}

#[test]
fn an_entry_is_kept_while_either_clock_says_so() {
    const KEPT_MS: u64 = 30 * 24 * HOUR_MS;
    let (revocations, set) = clocked();
    revocations.revoke(alice(), Some(Duration::from_millis(1)), drop).unwrap();
    for (steady_ms, wall_ms, is_kept) in
        [(2 * KEPT_MS, 0, true), (0, 2 * KEPT_MS, true), (2 * KEPT_MS, 2 * KEPT_MS, false)]
    {
        set(steady_ms, wall_ms);
        assert_eq!(revocations.all().len(), usize::from(is_kept), "{steady_ms} {wall_ms}");
    }
}
