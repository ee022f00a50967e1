//! The check of `pusu.grants/1`: news of grants come in any order, also of those that the instance has never heard of.

use super::calls::ORDINARY;
use super::measure::Held;
use super::subject::{Instance, Loaded, block_on};
use super::{Job, Passed};
use crate::authenticator::decider::Gone;
use crate::authenticator::grants::Heard;
use anyhow::{Result, anyhow};
use pusu_plugin_abi as abi;
use std::thread;

/// Rounds that are made, and before anything is measured.
const ROUNDS: u64 = 1000;
const WARM_UP: u64 = 100;
/// Tickets that no request of a check has.
const FIRST_TICKET: u64 = 1 << 40;
/// Why grants end; the last is one that there may be later.
const WHY: [i32; 6] = [
    abi::ENDED_EXPIRED,
    abi::ENDED_REVOKED,
    abi::ENDED_REFUSED,
    abi::ENDED_REPLACED,
    abi::ENDED_CLOSED,
    abi::ENDED_CLOSED + 1000,
];

/// Tells an instance of grants that others gave, while it is asked.
pub(super) fn stood(job: &Job) -> Result<Passed> {
    let loaded = Loaded::of(job)?;
    let instance = loaded.start_for_news()?;
    if !instance.offers().hears {
        instance.stop()?;
        return Ok(Passed::saying(super::NOT_OFFERED));
    }
    tell(&instance, 0..WARM_UP)?;
    let before = Held::before(loaded.subject().has_runtime());
    tell(&instance, WARM_UP..WARM_UP + ROUNDS)?;
    let seen = before.check_growth(usize::try_from(ROUNDS)?, 0)?;
    instance.judge()?;
    instance.stop()?;
    Ok(Passed::saying(seen))
}

fn tell(instance: &Instance, rounds: std::ops::Range<u64>) -> Result<()> {
    thread::scope(|scope| {
        let telling = scope.spawn(|| rounds.into_iter().try_for_each(|round| one_round(instance, round)));
        block_on(async {
            while !telling.is_finished() {
                instance.ask(ORDINARY).await;
            }
            Ok(())
        })?;
        let told = telling.join().map_err(|_| anyhow!("the thread that told it has died"))?;
        told.map_err(|Gone| anyhow!("its process has ended while it was told of a grant"))
    })
}

/// One grant that is unknown, one that is adopted and ends, and one whose end is told twice.
fn one_round(instance: &Instance, round: u64) -> Result<(), Gone> {
    let why = |at: u64| WHY[((round + at) % WHY.len() as u64) as usize];
    let (unknown, adopted) = (FIRST_TICKET + 2 * round, FIRST_TICKET + 2 * round + 1);
    let subject = match round % 3 {
        0 => String::new(),
        1 => "conformance".to_owned(),
        _ => "s".repeat(abi::SUBJECT_BYTES_MAX),
    };
    let expires_unix_ms = if round.is_multiple_of(2) { 0 } else { u64::MAX };
    for heard in [
        Heard::Ended(unknown, why(0)),
        Heard::Adopted(adopted, subject, expires_unix_ms),
        Heard::Ended(adopted, why(1)),
        Heard::Ended(adopted, why(2)),
    ] {
        instance.decider().hear(0, &heard)?;
    }
    Ok(())
}
