//! Each rule left out once: the judge finds what comes of it, under one of these seeds.
//!
//! Not shown so, as their stories need what these runs do not have: that relays ask and tell news (what one survivor has comes by the
//! numbers of the next relay that joins), that origins which ended long ago are not live, that whoever is absent after its end is
//! seen whole, and that overflow is told (the next publication shows the hole).

use super::class::{Class, Without};
use super::world::World;
use crate::history::safeguard::Safeguard;

/// One of these seeds fails without this rule, and all hold with it.
fn finds(class: Class, without: Without, seeds: &[u64]) {
    let fails = |without| seeds.iter().any(|seed| World::new(class, without, *seed).run().is_err());
    assert!(fails(without), "{class:?} without {without:?} holds");
    assert!(!fails(Without::Nothing), "{class:?} fails anyway");
}

#[test]
fn inboxes_are_filled_under_the_lock() {
    finds(Class::None, Without::PushUnderLock, &[0, 1]);
}

#[test]
fn the_appending_shard_keeps_the_order() {
    finds(Class::None, Without::OwnShardInOrder, &[0, 1]);
}

#[test]
fn who_joins_is_not_delivered_what_it_has_been_told() {
    finds(Class::None, Without::JoinBehindWhatWaits, &[4, 12]);
}

#[test]
fn positions_run_during_a_replay() {
    finds(Class::None, Without::RunningPosition, &[0, 1]);
}

#[test]
fn a_replay_begins_with_the_position_that_was_given() {
    finds(Class::None, Without::OldPositionFirst, &[0, 1]);
}

#[test]
fn positions_of_who_is_ahead_are_merged() {
    finds(Class::Links, Without::MergedWithSkip, &[1, 2]);
}

#[test]
fn who_is_ahead_is_not_from_the_future() {
    finds(Class::Links, Without::Safeguard(Safeguard::AheadIsNotTheFuture), &[1, 2]);
}

#[test]
fn what_was_seen_of_unknown_starts_is_left_out() {
    finds(Class::BigAll, Without::Safeguard(Safeguard::SkipOfUnknownStarts), &[1, 2]);
}

#[test]
fn unknown_starts_object() {
    finds(Class::BigAll, Without::Safeguard(Safeguard::UnknownStartsObject), &[4]);
}

#[test]
fn of_whom_a_position_does_not_name_nothing_was_seen() {
    finds(Class::Drain, Without::Safeguard(Safeguard::AbsentIsNothing), &[0, 1]);
}

#[test]
fn nobody_recovers_from_before_a_gap() {
    finds(Class::BigAll, Without::Safeguard(Safeguard::GapRaisesFloor), &[79, 83]);
}

#[test]
fn the_floor_of_a_relays_own_publications_counts() {
    finds(Class::All, Without::Safeguard(Safeguard::OwnFloor), &[6, 7]);
}

#[test]
fn numbers_of_all_origins_are_told() {
    finds(Class::BigAll, Without::Safeguard(Safeguard::NumbersOfAll), &[0, 1, 2]);
}

#[test]
fn only_who_joins_takes_numbers_over() {
    finds(Class::Links, Without::Safeguard(Safeguard::AdoptWhileJoiningOnly), &[0, 1]);
}

#[test]
fn rings_come_before_clients() {
    finds(Class::Drain, Without::Safeguard(Safeguard::RingsBeforeReady), &[2, 4]);
}

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
