//! Three relays over a model of a cluster of three NATS servers, through cut routes, killed and stopped servers and relays,
//! slow consumers, servers that end as planned, and full inboxes, a thousand times, each time by another seed.
//! Afterwards everything has healed, all relays are linked again, and not one message came twice or out of order or was
//! lost without being counted.
//!
//! The clock is tokio's paused one: a minute of simulated time takes some milliseconds.

mod checker;
mod cluster;
mod connection;
mod dialling;
mod gate;
mod relay;
mod routes;
mod server;
mod story;
mod stream;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Another seed, or fewer, for looking at one that failed.
const SEED_VARIABLE: &str = "PUSU_SIMULATION_SEED";

fn run(seeds: std::ops::Range<u64>) {
    let seeds = match std::env::var(SEED_VARIABLE) {
        Ok(seed) => {
            let seed = seed.parse().expect("a seed is a number");
            seed..seed + 1
        }
        Err(_) => seeds,
    };
    for seed in seeds {
        let told = catch_unwind(AssertUnwindSafe(|| story::tell(seed)));
        assert!(told.is_ok(), "seed {seed} has failed; set {SEED_VARIABLE}={seed} to run it alone");
    }
}

#[test]
fn seeds_0_to_249() {
    run(0..250);
}

#[test]
fn seeds_250_to_499() {
    run(250..500);
}

#[test]
fn seeds_500_to_749() {
    run(500..750);
}

#[test]
fn seeds_750_to_999() {
    run(750..1000);
}
