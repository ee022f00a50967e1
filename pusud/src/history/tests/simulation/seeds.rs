//! Twelve hundred seeds, and more for those who have hours.

use super::class::{ALL, Class, Without};
use super::judge::Outcome;
use super::world::World;
use std::time::{Duration, Instant};

/// One seed alone, for looking at one that failed.
const SEED_VARIABLE: &str = "PUSU_HISTORY_SEED";
/// How long further seeds are tried, and with which they begin.
const MINUTES_VARIABLE: &str = "PUSU_HISTORY_MINUTES";
const FIRST_VARIABLE: &str = "PUSU_RANDOM_SEED";

fn given(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("it is a number"))
}

/// Runs one kind under some seeds.
fn run(class: Class, seeds: std::ops::Range<u64>) {
    let seeds = given(SEED_VARIABLE).map_or(seeds, |seed| seed..seed + 1);
    let mut sum = Outcome::default();
    for seed in seeds {
        match World::new(class, Without::Nothing, seed).run() {
            Ok(outcome) => sum.add(outcome),
            Err(failure) => panic!("{class:?}, {SEED_VARIABLE}={seed}: {failure}"),
        }
    }
    println!("{class:?}: {sum:?}");
}

#[test]
fn without_faults() {
    run(Class::None, 0..100);
}

#[test]
fn rolling_restarts() {
    run(Class::Drain, 0..150);
}

#[test]
fn links_that_break() {
    run(Class::Links, 0..150);
}

#[test]
fn kills() {
    run(Class::Kill, 0..150);
}

#[test]
fn everything() {
    run(Class::All, 0..150);
}

#[test]
fn everything_with_large_rings() {
    run(Class::BigAll, 0..150);
}

#[test]
fn over_what_loses() {
    run(Class::Lossy, 0..150);
}

#[test]
fn relays_that_are_cut_off_and_killed() {
    run(Class::CutOffAndKill, 0..100);
}

#[test]
fn bounds_that_are_nearly_reached() {
    run(Class::Bounds, 0..150);
}

/// `make soak-history MINUTES=60`: seeds of all kinds, and each that fails.
#[test]
fn for_hours() {
    let Some(minutes) = given(MINUTES_VARIABLE) else { return };
    let ends = Instant::now() + Duration::from_secs(60 * minutes);
    let first = given(FIRST_VARIABLE).unwrap_or_else(|| fastrand::u64(..1 << 32));
    let (mut failed, mut sums) = (Vec::new(), ALL.map(|_| Outcome::default()));
    for seed in (first..).take_while(|_| Instant::now() < ends) {
        for (class, sum) in ALL.into_iter().zip(&mut sums) {
            match World::new(class, Without::Nothing, seed).run() {
                Ok(outcome) => sum.add(outcome),
                Err(failure) => {
                    println!("{class:?}, {SEED_VARIABLE}={seed}: {failure}");
                    failed.push((class, seed));
                }
            }
        }
    }
    ALL.into_iter().zip(sums).for_each(|(class, sum)| println!("{class:?}: {sum:?}"));
    assert!(failed.is_empty(), "{failed:?}");
}
