//! Measurements: the comparisons that are made before any client asks, to know what they take, that they can be made at
//! all, and that no hash is one of the empty password.
//!
//! Owns the time and the turns that this takes. What to think of the figures stands in `cost`.

use crate::cost::{Cost, Takes, mebibytes};
use crate::hash::Match;
use crate::memory;
use crate::own_time::OwnTime;
use crate::secret::{Attempt, Secret};
use crate::turns::Turns;
use std::time::{Duration, Instant};

/// How often a comparison is measured that takes much of the time of an authorization.
const TRIES_MAX: u32 = 4;
/// How long hashes are compared with the empty password beside those that are measured. Others are found when somebody
/// comes without a password, who is not let in by them.
const EMPTY_MAX: Duration = Duration::from_secs(1);
/// What is wrong with a hash that lets in whoever has no password.
pub(crate) const OF_EMPTY: &str = "is a hash of the empty password, so clients without any would be let in; set \
                                   `allow_read_by_default: true` if everybody may read, or give it a password";

/// Whoever measures.
pub(crate) struct Measuring<'a> {
    /// How much longer, by the clock on the wall: others wait for it.
    left: Duration,
    turns: &'a Turns,
}

/// What is known of the comparison with one hash.
pub(crate) struct Measured {
    pub(crate) time: Duration,
    pub(crate) is_estimate: bool,
    /// What all of those take that take the same.
    pub(crate) takes: Takes,
}

impl<'a> Measuring<'a> {
    pub(crate) fn new(left: Duration, turns: &'a Turns) -> Self {
        Self { left, turns }
    }

    /// Measures one of `count` comparisons that take the same, or estimates it where there is no time. It is measured
    /// several times if it would take more than a part of `timeout`.
    ///
    /// # Errors
    /// It is a hash of the empty password, or cannot be compared.
    pub(crate) fn measure(
        &mut self,
        secret: &Secret,
        cost: &Cost,
        count: usize,
        timeout: Duration,
    ) -> Result<Measured, String> {
        let Some(mut time) = self.time(secret, cost, cost.estimate())? else {
            self.look_for_memory(cost)?;
            let takes = Takes::estimated(cost, count);
            return Ok(Measured { time: cost.estimate(), is_estimate: true, takes });
        };
        // What may be refused is measured again, since the machine may have had something else to do.
        let mut tries = 1;
        while tries < TRIES_MAX && Takes::measured(cost, time, count).time > timeout / 2 {
            let Some(again) = self.time(secret, cost, time)? else { break };
            time = time.min(again);
            tries += 1;
        }
        let takes = if OwnTime::IS_KNOWN { Takes::measured } else { Takes::measured_beside_others };
        Ok(Measured { time, is_estimate: false, takes: takes(cost, time, count) })
    }

    /// Looks for the empty password in further hashes, the quick ones first, while there is time.
    ///
    /// # Errors
    /// As [`Self::measure`], with the entry.
    pub(crate) fn look_for_empty<'s>(
        &mut self,
        others: impl Iterator<Item = (usize, &'s Secret, &'s Cost, Duration)>,
    ) -> Result<(), (usize, String)> {
        self.left = self.left.min(EMPTY_MAX);
        for (entry, secret, cost, time) in others {
            if self.time(secret, cost, time).map_err(|text| (entry, text))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The time that one comparison takes, which is expected to be about `expected`; `None`: there is none left for it.
    fn time(&mut self, secret: &Secret, cost: &Cost, expected: Duration) -> Result<Option<Duration>, String> {
        if expected > self.left {
            return Ok(None);
        }
        let began = Instant::now();
        let Some(mut turn) = self.turns.take(cost.bytes, self.left) else {
            self.left = Duration::ZERO;
            return Ok(None);
        };
        let own = OwnTime::now();
        let compared = secret.is_in_turn(&Attempt::new(b""), Some(&mut turn), began + self.left);
        let time = own.elapsed();
        self.left = self.left.saturating_sub(began.elapsed());
        match compared {
            Match::No => Ok(Some(time)),
            Match::Yes => Err(OF_EMPTY.into()),
            Match::NoMemory => Err(no_memory(cost)),
            Match::Undecided(why) => Err(format!("cannot be compared: {why}")),
        }
    }

    /// Whether there is memory for a comparison that is not made.
    fn look_for_memory(&mut self, cost: &Cost) -> Result<(), String> {
        // While others compare, they may have it.
        let Some(mut turn) = self.turns.take(cost.bytes, self.left) else { return Ok(()) };
        let is_there = memory::has(cost.bytes) || !turn.be_alone(Instant::now() + self.left) || memory::has(cost.bytes);
        if is_there { Ok(()) } else { Err(no_memory(cost)) }
    }
}

fn no_memory(cost: &Cost) -> String {
    format!(
        "{}: each comparison takes {}, and there is not enough memory for one: with `isolation: process` raise \
         `isolation_memory`; or make the hash anew with `pusud hash-password`",
        cost.parameters,
        mebibytes(cost.bytes)
    )
}
