//! Those who read as fast as they can, each on a thread of its own, and check what they get.

use super::stage::{CHANNEL, Stage};
use crate::harness::{DEADLINE, Ended, Listener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How often one that gets nothing looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);

/// Reader number `at`, subscribed.
pub(super) fn subscribed(stage: &Stage<'_>, at: usize) -> Listener {
    let mut listener = Listener::connect(stage.address(at));
    listener.subscribe(CHANNEL);
    listener
}

/// Reads until everything is there, or it is known that it will not be.
pub(super) fn read(stage: &Stage<'_>, at: usize, mut listener: Listener) {
    // The checker says with a panic what comes twice or in the wrong order.
    let read = catch_unwind(AssertUnwindSafe(|| read_all(stage, at, &mut listener))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
        Err(said.unwrap_or("a panic").to_owned())
    });
    if let Err(failure) = read {
        let (received, all) = (listener.checker.received, stage.scenario.messages());
        stage.fail(format!("reader {at}, with {received} of {all} messages: {failure}"));
    }
}

fn read_all(stage: &Stage<'_>, at: usize, listener: &mut Listener) -> Result<(), String> {
    let expected = stage.scenario.messages() as u64;
    let mut last = Instant::now();
    while listener.checker.received < expected {
        let before = listener.checker.received;
        match listener.next(LOOK) {
            Ok(Some(other)) => return Err(format!("the relay said {other}")),
            Ok(None) => {}
            Err(Ended::Closed(code)) => return Err(format!("closed with {code}")),
            Err(Ended::Cut) => return Err("cut without a word".into()),
        }
        if listener.checker.received > before {
            last = Instant::now();
            stage.has_read(at, listener.checker.received as usize);
        } else if stage.has_failed() {
            return Ok(());
        } else if last.elapsed() > DEADLINE {
            return Err(format!("nothing came for {DEADLINE:?}"));
        }
    }
    let rounds = stage.scenario.rounds as u64;
    for source in 0..stage.scenario.sources {
        let arrived = listener.checker.arrived_of(CHANNEL, source);
        if arrived != (rounds, rounds) {
            return Err(format!(
                "of {rounds} messages of source {source} came {} up to number {}",
                arrived.0, arrived.1
            ));
        }
    }
    Ok(())
}
