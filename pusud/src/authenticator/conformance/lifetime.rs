//! Checks of lifetimes: instances come and go, calls come and go, and nothing stays.

use super::calls::ORDINARY;
use super::measure::Held;
use super::subject::{Loaded, block_on};
use super::{Job, Passed};
use anyhow::Result;
use std::time::{Duration, Instant};

/// Instances that are made, unless the time ends first.
const INSTANCES: usize = 1000;
/// The same in processes of their own, which have more to do.
const PROCESSES: usize = 100;
const WARM_UP_PROCESSES: usize = 5;
/// Calls that are made, unless the time ends first.
const CALLS: usize = 5000;
/// The time that either may take.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Of both, this many come before anything is measured: caches fill and allocators take their stock.
const WARM_UP: usize = 100;
/// The daemon's own cost of an instance, which it never gives back, and what an allocator wastes on it.
const INSTANCE_BYTES: u64 = 256;

/// One instance.
pub(super) fn create(job: &Job) -> Result<Passed> {
    Loaded::of(job)?.create_and_destroy()?;
    Ok(Passed::default())
}

/// Many instances.
pub(super) fn many(job: &Job) -> Result<Passed> {
    let loaded = Loaded::of(job)?;
    let started = Instant::now();
    let (warm_up, instances) = if job.in_process { (WARM_UP_PROCESSES, PROCESSES) } else { (WARM_UP, INSTANCES) };
    for _ in 0..warm_up {
        loaded.create_and_destroy()?;
    }
    let before = Held::before(loaded.subject().has_runtime());
    let mut made = 0;
    while made < instances && started.elapsed() < TIME_MAX {
        loaded.create_and_destroy()?;
        made += 1;
    }
    before.check_growth(made, INSTANCE_BYTES).map(Passed::saying)
}

/// Many calls, to one instance.
pub(super) fn leaks(job: &Job) -> Result<Passed> {
    let loaded = Loaded::of(job)?;
    let instance = loaded.start()?;
    let started = Instant::now();
    let seen = block_on(async {
        for _ in 0..WARM_UP {
            instance.ask(ORDINARY).await;
        }
        let before = Held::before(loaded.subject().has_runtime());
        let mut made = 0;
        while made < CALLS && started.elapsed() < TIME_MAX {
            instance.ask(ORDINARY).await;
            made += 1;
        }
        before.check_growth(made, 0)
    })?;
    instance.judge()?;
    instance.stop()?;
    Ok(Passed::saying(seen))
}
