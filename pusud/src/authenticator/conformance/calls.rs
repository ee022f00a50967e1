//! Checks of calls: odd authorizations, many at once, answers that come too late, and how long all of it takes.

use super::latency::Latency;
use super::subject::{Loaded, block_on, word};
use super::{Job, Passed};
use anyhow::{Context, Result};
use futures_util::future::join_all;
use std::time::{Duration, Instant};

/// Calls at once.
const CONCURRENT: usize = 64;
/// Calls whose time is up before they are answered, and as many whose client goes away.
const LATE: usize = 20;
/// Long enough for a call to be under way, too short for many plugins to answer it.
const MOMENT: Duration = Duration::from_micros(300);
/// Calls that are timed, unless [`LATENCY_TIME_MAX`] ends first.
const LATENCY_CALLS: usize = 1000;
const LATENCY_TIME_MAX: Duration = Duration::from_secs(5);

/// What checks ask that do not care for the answer.
pub(super) const ORDINARY: &[u8] = b"conformance";

/// One call with this authorization.
pub(super) fn one(job: &Job, authorization: &[u8]) -> Result<Passed> {
    let loaded = Loaded::of(job)?;
    let instance = loaded.start()?;
    let verdict = block_on(async { Ok(instance.ask(authorization).await) })?;
    // Before its counts are read the instance is asked again: an answer that came twice has been counted by then.
    block_on(async { Ok(instance.ask(ORDINARY).await) })?;
    instance.judge()?;
    instance.stop()?;
    Ok(Passed::saying(word(&verdict)))
}

/// Many calls at once.
pub(super) fn concurrent(job: &Job) -> Result<Passed> {
    let loaded = Loaded::of(job)?;
    let instance = loaded.start()?;
    let authorizations: Vec<_> = (0..CONCURRENT).map(|number| format!("conformance {number}")).collect();
    block_on(async {
        join_all(authorizations.iter().map(|authorization| instance.ask(authorization.as_bytes()))).await;
        Ok(())
    })?;
    instance.judge()?;
    instance.stop()?;
    Ok(Passed::default())
}

/// Calls that nobody waits for any more, then ordinary ones.
pub(super) fn late(job: &Job) -> Result<Passed> {
    let loaded = Loaded::of(job)?;
    let hurried = loaded.start_with(MOMENT)?;
    block_on(async {
        join_all((0..LATE).map(|_| hurried.ask(ORDINARY))).await;
        Ok(())
    })?;
    hurried.stop().context("after calls whose time was up")?;
    let abandoned = loaded.start()?;
    block_on(async {
        for _ in 0..LATE {
            // Whether it was answered within that moment is no matter.
            let _ = tokio::time::timeout(MOMENT, abandoned.ask(ORDINARY)).await;
        }
        abandoned.ask(ORDINARY).await;
        Ok(())
    })?;
    abandoned.stop().context("after calls whose client had gone")?;
    let afterwards = loaded.start()?;
    block_on(async { Ok(afterwards.ask(ORDINARY).await) })?;
    afterwards.judge().context("after calls that nobody waited for")?;
    afterwards.stop()?;
    Ok(Passed::default())
}

/// One call after the other, timed.
pub(super) fn latency(job: &Job) -> Result<Passed> {
    let loaded = Loaded::of(job)?;
    let instance = loaded.start()?;
    let started = Instant::now();
    let taken = block_on(async {
        let mut taken = Vec::with_capacity(LATENCY_CALLS);
        while taken.len() < LATENCY_CALLS && started.elapsed() < LATENCY_TIME_MAX {
            let asked = Instant::now();
            instance.ask(ORDINARY).await;
            taken.push(asked.elapsed());
        }
        Ok(taken)
    })?;
    instance.judge()?;
    instance.stop()?;
    let latency = Latency::of(taken);
    Ok(Passed { note: latency.to_string(), latency: Some(latency) })
}
