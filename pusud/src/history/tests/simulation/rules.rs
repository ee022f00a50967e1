//! Each rule left out once: the judge finds what comes of it, under one of these seeds. Each is named by the story that a model of
//! relays has told without it.
//!
//! Random faults do not meet the stories of five other rules, each of which has one of its own in [`stories`](super::stories): that
//! relays ask ([`Safeguard::Ask`]) and tell news ([`Safeguard::News`]) of a relay that is away (the next relay that joins brings
//! the same), that overflow is told (the next publication shows the hole), that origins which ended long ago are not live, and that
//! whoever is absent long after its end is seen whole. Of the last two the first one is needed only where relays keep different
//! things: a start is forgotten no sooner than twice the longest time to live after its end, so that nothing of it is in a ring
//! any more. It stays, since settings may differ for as long as a change of them takes.

use super::class::{Class, Without};
use super::world::World;
use crate::history::safeguard::Safeguard;

/// One of these seeds fails without this rule, and all hold with it.
fn finds(class: Class, without: Without, seeds: &[u64]) {
    let fails = |without| seeds.iter().any(|seed| World::new(class, without, *seed).run().is_err());
    assert!(fails(without), "{class:?} without {without:?} holds");
    assert!(!fails(Without::Nothing), "{class:?} fails anyway");
}

/// A shard takes number 5 and another one 6. A third one gets 6 first, with a position that includes 5: who leaves there has lost 5,
/// or gets it twice.
#[test]
fn inboxes_are_filled_under_the_lock() {
    finds(Class::None, Without::PushUnderLock, &[0, 1]);
}

/// A shard takes number 6 and delivers it at once, while 5 of another shard waits in its inbox: the position of 6 says that 5 was seen.
#[test]
fn the_appending_shard_keeps_the_order() {
    finds(Class::None, Without::OwnShardInOrder, &[0, 1]);
}

/// The ring was read up to 6, and 5 and 6 still wait in the inbox: both would come twice.
#[test]
fn who_joins_is_not_delivered_what_it_has_been_told() {
    finds(Class::None, Without::JoinBehindWhatWaits, &[4, 12]);
}

/// Who has seen a:10 and b:5 is replayed b:6, which stands before a:8 there. The frame that was stored says a:7: cut behind it, a:8 to
/// a:10 come twice.
#[test]
fn positions_run_during_a_replay() {
    finds(Class::None, Without::RunningPosition, &[0, 1]);
}

/// `subscribe_ok` says where the log stands, 20 follow, and the connection breaks behind 3: 17 are lost in silence.
#[test]
fn a_replay_begins_with_the_position_that_was_given() {
    finds(Class::None, Without::OldPositionFirst, &[0, 1]);
}

/// Who has seen a:410 is at a relay that is at a:300. A message of another origin says a:300 there: back elsewhere, 301 to 410 come twice.
#[test]
fn positions_of_who_is_ahead_are_merged() {
    finds(Class::Links, Without::MergedWithSkip, &[1, 2]);
}

/// A listener moves from the origin to a relay, faster than the message does: it is told for nothing, and gets the message twice.
#[test]
fn who_is_ahead_is_not_from_the_future() {
    finds(Class::Links, Without::Safeguard(Safeguard::AheadIsNotTheFuture), &[1, 2]);
}

/// Who comes from a start that nobody knows is told. Later a link heals, and brings what it has seen.
#[test]
fn what_was_seen_of_unknown_starts_is_left_out() {
    finds(Class::BigAll, Without::Safeguard(Safeguard::SkipOfUnknownStarts), &[1, 2]);
}

/// All relays are new, and the position is one of the old ones.
#[test]
fn unknown_starts_object() {
    finds(Class::BigAll, Without::Safeguard(Safeguard::UnknownStartsObject), &[4]);
}

/// The first message of an origin comes while the listener is away, and would be taken for seen.
#[test]
fn of_whom_a_position_does_not_name_nothing_was_seen() {
    finds(Class::Drain, Without::Safeguard(Safeguard::AbsentIsNothing), &[0, 1]);
}

/// A gap told 5 to 7 as lost. Who comes back with 4 would never hear of them.
#[test]
fn nobody_recovers_from_before_a_gap() {
    finds(Class::CutOffAndKill, Without::Safeguard(Safeguard::GapRaisesFloor), &[242, 299]);
}

/// A relay's own publications leave its ring like those of others.
#[test]
fn the_floor_of_a_relays_own_publications_counts() {
    finds(Class::All, Without::Safeguard(Safeguard::OwnFloor), &[6, 7]);
}

/// A relay has the last publications of one that is gone. Another one comes back, and is told only of the first one's own.
#[test]
fn numbers_of_all_origins_are_told() {
    finds(Class::BigAll, Without::Safeguard(Safeguard::NumbersOfAll), &[0, 1, 2]);
}

/// A relay with listeners takes over the number of a new origin: what it has not got is never told.
#[test]
fn only_who_joins_takes_numbers_over() {
    finds(Class::Links, Without::Safeguard(Safeguard::AdoptWhileJoiningOnly), &[0, 1]);
}

/// A listener is away while two relays restart in turn, and is told for nothing.
#[test]
fn rings_come_before_clients() {
    finds(Class::Drain, Without::Safeguard(Safeguard::RingsBeforeReady), &[2, 4]);
}

/// A relay that stops takes another one's last publication along.
#[test]
fn last_numbers_are_told() {
    finds(Class::BigAll, Without::Safeguard(Safeguard::LastNumbers), &[0, 1, 9]);
}

/// How often each class fails without a rule: `PUSU_HISTORY_WITHOUT=GapRaisesFloor PUSU_HISTORY_SEEDS=100`.
#[test]
fn search() {
    let Ok(only) = std::env::var("PUSU_HISTORY_WITHOUT") else { return };
    let count = std::env::var("PUSU_HISTORY_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(25);
    let rules = super::class::ALL_SAFEGUARDS.map(Without::Safeguard);
    for without in rules.into_iter().filter(|without| format!("{without:?}") == format!("Safeguard({only})")) {
        for class in super::class::ALL {
            let failing: Vec<_> = (0..count).filter(|seed| World::new(class, without, *seed).run().is_err()).collect();
            println!("{without:?} {class:?}: {} of {count}: {failing:?}", failing.len());
        }
    }
}
