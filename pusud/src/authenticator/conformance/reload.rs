//! The check of `pusu.reload/1`: it can be done often, and where it fails nothing has changed.

use super::calls::ORDINARY;
use super::measure::Held;
use super::subject::{Instance, Loaded, block_on, word};
use super::{Job, Passed};
use crate::authenticator::library::NO_REASON;
use anyhow::{Context, Result, bail, ensure};
use std::thread;

/// Reloads that are made, and before anything is measured.
const TIMES: usize = 100;
const WARM_UP: usize = 10;
/// Authorizations whose answers are compared.
const ASKED: [&[u8]; 3] = [ORDINARY, b"", b"conformance again"];

/// Has an instance reload while it is asked: with all files there, and where the system opens no further one.
pub(super) fn again(job: &Job) -> Result<Passed> {
    let loaded = Loaded::of(job)?;
    let instance = loaded.start()?;
    if !instance.offers().reloads {
        instance.stop()?;
        return Ok(Passed::saying(super::NOT_OFFERED));
    }
    let answers = answers(&instance)?;
    let mut failed = repeat(&instance, WARM_UP)?;
    let before = Held::before(loaded.subject().has_runtime());
    failed = repeat(&instance, TIMES)?.or(failed);
    let mut seen = before.check_growth(TIMES, 0)?;
    compare(&instance, &answers, if failed.is_some() { "failed" } else { "read the same files" })?;
    if let Some(why) = &failed {
        seen = format!("{seen}; it has failed: {why}");
    } else if !job.in_process
        && let Err(why) = without_files(|| reload(&instance))?
    {
        compare(&instance, &answers, "failed")?;
        seen = format!("{seen}; where no file can be opened it fails: {why}");
        // The daemon would make a new instance by now. Whoever asks this one again gets what is right all the same.
        if let Err(why) = reload(&instance)? {
            bail!("reloads no more after one that has failed: {why}");
        }
        compare(&instance, &answers, "read the same files")?;
    }
    instance.judge()?;
    instance.stop()?;
    Ok(Passed::saying(seen))
}

/// Reloads while it is asked. Gives the reason of one that has failed.
fn repeat(instance: &Instance, times: usize) -> Result<Option<String>> {
    thread::scope(|scope| {
        let reloading = scope.spawn(|| {
            let mut failed = None;
            for _ in 0..times {
                failed = reload(instance)?.err().or(failed);
            }
            anyhow::Ok(failed)
        });
        block_on(async {
            while !reloading.is_finished() {
                instance.ask(ORDINARY).await;
            }
            Ok(())
        })?;
        reloading.join().unwrap_or_else(|_| bail!("the thread that had it reload has died"))
    })
}

/// One reload, and the reason if it fails.
fn reload(instance: &Instance) -> Result<Result<(), String>> {
    let outcome = instance.reload().context("cannot reload any more")?;
    if let Err(why) = &outcome {
        ensure!(!why.ends_with(NO_REASON), "has failed in `reload`, and has not said why through `set_error`");
        ensure!(instance.decider().is_up(), "its process has ended in `reload`");
    }
    Ok(outcome)
}

fn answers(instance: &Instance) -> Result<Vec<&'static str>> {
    block_on(async {
        let mut answers = Vec::new();
        for authorization in ASKED {
            answers.push(word(&instance.ask(authorization).await));
        }
        Ok(answers)
    })
}

fn compare(instance: &Instance, before: &[&str], reload: &str) -> Result<()> {
    let now = answers(instance)?;
    for (was, is) in before.iter().zip(now) {
        ensure!(*was == is, "an authorization was {was:?} before a reload that has {reload}, and is {is:?} after it");
    }
    Ok(())
}

/// Does something while no further file can be opened in this process.
#[cfg(unix)]
fn without_files<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), maximum: limit.maximum }).context("cannot limit files")?;
    let done = body();
    setrlimit(Resource::Nofile, limit).context("cannot lift the limit on files again")?;
    done
}

#[cfg(not(unix))]
fn without_files<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    body()
}
