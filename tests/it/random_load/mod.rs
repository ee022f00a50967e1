//! Random loads, for a minute, or for as many as `PUSU_RANDOM_MINUTES` says (`make random-load MINUTES=30`): from one
//! source to two thousand, messages from 10 bytes to a megabyte, in bursts or one after the other, on relays of one and of
//! three shards, alone and in a network of three. Who reads gets everything, in order and once, and is never cut; no relay
//! takes more memory than `pusud check` says, also beside a crowd that publishes more than anybody reads.
//!
//! Each scenario follows from a number. A failure prints it, and `PUSU_RANDOM_SEED` begins with it.

mod readers;
mod scenario;
mod sources;
mod stage;

use crate::harness::{Daemon, Memory, Network, Raw, Setup, many_open_files, memory_ceiling};
use scenario::Scenario;
use stage::Stage;
use std::env;
use std::time::{Duration, Instant};

/// After so many there is enough to look into.
const FAILURES_MAX: usize = 10;

/// A number in the environment.
fn given<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: expected a number, found {text:?}")))
}

#[test]
fn who_reads_gets_everything_and_is_never_cut() {
    many_open_files();
    let minutes: f64 = given("PUSU_RANDOM_MINUTES").unwrap_or(1.0);
    let first: u64 = given("PUSU_RANDOM_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("the first seed is {first}");
    let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let mut failures = Vec::new();
    let mut done = 0;
    for seed in first.. {
        if Instant::now() >= end || failures.len() == FAILURES_MAX {
            break;
        }
        let scenario = Scenario::of_seed(seed);
        let began = Instant::now();
        let outcome = run(&scenario);
        let took = began.elapsed().as_secs_f64();
        match outcome {
            Ok(memory) => println!("{scenario}: {memory}, {took:.1} s"),
            Err(failure) => {
                println!("{scenario}: FAILED after {took:.1} s: {failure}");
                failures.push(format!("{scenario}: {failure}"));
            }
        }
        done += 1;
    }
    println!("{done} scenarios");
    let (count, list) = (failures.len(), failures.join("\n"));
    assert!(failures.is_empty(), "{count} of {done} scenarios failed; PUSU_RANDOM_SEED=… repeats one:\n{list}");
}

/// Does one scenario on relays of its own; what they took of memory, in words.
fn run(scenario: &Scenario) -> Result<String, String> {
    let setup = |setup: Setup| setup.shards(scenario.shards).settings(&scenario.settings());
    if scenario.relays > 1 {
        let network = Network::with(scenario.relays, |_, relay| setup(relay));
        return run_on(scenario, network.relays());
    }
    run_on(scenario, &[setup(Setup::on_shards(1)).start()])
}

fn run_on(scenario: &Scenario, relays: &[Daemon]) -> Result<String, String> {
    let addresses: Vec<_> = relays.iter().map(Daemon::address).collect();
    let memories: Vec<_> = relays.iter().map(Memory::of).collect();
    let stage = Stage::new(scenario, addresses);
    let slow: Vec<_> =
        (0..scenario.slow).map(|at| Raw::listening_with_small_buffer(stage.address(at), stage.not_read())).collect();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..scenario.readers).map(|at| readers::subscribed(&stage, at)).collect();
        for (at, reader) in readers.into_iter().enumerate() {
            let stage = &stage;
            scope.spawn(move || readers::read(stage, at, reader));
        }
        sources::publish(&stage);
    });
    drop(slow);
    if let Some(failure) = stage.failure() {
        return Err(format!("{failure}{}", said(relays)));
    }
    let mut shown = Vec::new();
    for (relay, memory) in relays.iter().zip(memories) {
        let (peak, ceiling) = (memory.peak(), memory_ceiling(relay));
        if peak > ceiling {
            return Err(format!("{} MiB of memory, more than the {} that check says", mib(peak), mib(ceiling)));
        }
        shown.push(format!("{} of {} MiB", mib(peak), mib(ceiling)));
    }
    Ok(shown.join(", "))
}

fn mib(bytes: usize) -> usize {
    bytes.div_ceil(1024 * 1024)
}

/// What the relays have logged that may explain it, the first of it.
fn said(relays: &[Daemon]) -> String {
    let telling = |line: &&String| [r#""WARN""#, r#""ERROR""#].iter().any(|words| line.contains(words));
    let lines: Vec<_> = relays.iter().flat_map(|relay| relay.log().lines()).collect();
    lines.iter().filter(telling).take(3).map(|line| format!("\n    {line}")).collect()
}
