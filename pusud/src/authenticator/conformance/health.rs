//! The check of `pusu.health/1`: the answer comes at once, and with a reason if it is not a good one.

use super::subject::Loaded;
use super::{Job, Passed};
use crate::authenticator::decider::Condition;
use anyhow::{Context, Result, bail};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

/// How often it is asked, and how long is waited in between: the ABI allows once a second.
const TIMES: usize = 3;
const PAUSE: Duration = Duration::from_millis(1100);
/// What is at once, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Asks an instance that nobody else asks.
pub(super) fn at_once(job: &Job) -> Result<Passed> {
    let loaded = Loaded::of(job)?;
    let decider = loaded.create(loaded.host())?;
    if !decider.offers().tells_health {
        return Ok(Passed::saying(super::NOT_OFFERED));
    }
    let mut slowest = Duration::ZERO;
    let mut note = String::new();
    for time in 0..TIMES {
        if time > 0 {
            thread::sleep(PAUSE);
        }
        let (done, answer) = sync_channel(1);
        let asked = Arc::clone(&decider);
        let started = Instant::now();
        // One that hangs is left alone: the process ends with the check.
        thread::spawn(move || done.send(asked.health()));
        let answer = answer.recv_timeout(AT_ONCE);
        let Ok(condition) = answer.with_context(|| format!("`health` has not come back within {AT_ONCE:?}"))? else {
            bail!("its process has ended while it was asked");
        };
        slowest = slowest.max(started.elapsed());
        note = match condition {
            Condition::Good => "good".to_owned(),
            Condition::Degraded(why) | Condition::Bad(why) if why.is_empty() => {
                bail!("says that it is not well, and does not say why through `set_error`")
            }
            Condition::Degraded(why) => format!("degraded: {why}"),
            Condition::Bad(why) => format!("bad: {why}"),
        };
    }
    drop(decider);
    Ok(Passed::saying(format!("{note}, within {slowest:.1?}")))
}
