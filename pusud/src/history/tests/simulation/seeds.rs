//! A thousand seeds, and more for those who have hours.

use super::class::{Class, Without};
use super::world::World;

/// One seed alone, for looking at one that failed.
const SEED_VARIABLE: &str = "PUSU_HISTORY_SEED";

/// Runs one kind under some seeds.
fn run(class: Class, seeds: std::ops::Range<u64>) {
    let seeds = match std::env::var(SEED_VARIABLE) {
        Ok(seed) => {
            let seed = seed.parse().expect("a seed is a number");
            seed..seed + 1
        }
        Err(_) => seeds,
    };
    let mut sum = super::judge::Outcome::default();
    for seed in seeds {
        match World::new(class, Without::Nothing, seed).run() {
            Ok(outcome) => {
                sum.published += outcome.published;
                sum.pairs += outcome.pairs;
                sum.told += outcome.told;
                sum.excused += outcome.excused;
            }
            Err(failure) => panic!("{class:?}, seed {seed}: {failure}"),
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
    run(Class::Drain, 0..100);
}

#[test]
fn links_that_break() {
    run(Class::Links, 0..100);
}

#[test]
fn kills() {
    run(Class::Kill, 0..100);
}

#[test]
fn everything() {
    run(Class::All, 0..100);
}

#[test]
fn everything_with_large_rings() {
    run(Class::BigAll, 0..100);
}

#[test]
fn over_what_loses() {
    run(Class::Lossy, 0..100);
}
