//! Costs: the time and memory that one comparison with a hash takes, estimated before any is made and measured then.
//!
//! Owns the bounds: what is refused, and what is warned about. What else the machine has to do at the moment refuses
//! nothing: times are those that the thread itself computes, and where the system does not tell these, what the estimate
//! finds good passes.
//! **Invariant:** nothing is compared whose estimate is beyond the bounds, so that a hash cannot stop a relay's start.

use crate::turns::Turns;
use pusu_plugin_api::{Host, Level};
use std::time::Duration;

/// The longest comparison, as it is estimated.
const TIME_MAX: Duration = Duration::from_secs(10);
/// The most memory that one comparison may take.
const BYTES_MAX: u64 = 1024 << 20;
/// A comparison, or all of one authorization, that takes longer is warned about.
pub(crate) const TIME_USUAL: Duration = Duration::from_secs(1);
/// A comparison that takes more memory is warned about.
pub(crate) const BYTES_USUAL: u64 = 256 << 20;

/// How much slower than ever again a thread may compute while it is measured, by the quickest of several tries: others
/// have a part of the core and its caches.
const MEASURED_MARGIN: u32 = 2;
/// How much quicker than the estimate a machine may be.
const ESTIMATED_MARGIN: u32 = 4;
/// Why an authorization takes so long.
const WHOEVER: &str = "since it is compared with every hash, whoever asks";

/// The time that the relay gives an authorization.
pub(crate) fn timeout(host: &Host) -> Option<Duration> {
    host.entry().and_then(|entry| entry.authorize_timeout)
}

/// What one comparison takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cost {
    /// The parameters in words; equal ones cost the same.
    pub(crate) parameters: String,
    /// Memory, beside a few KiB.
    pub(crate) bytes: u64,
    pub(crate) work: Work,
}

/// The steps of a comparison, by the function that takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Blocks of 1 KiB that are filled, in all passes.
    Argon2Blocks(u64),
    /// Expansions of the key, twice each.
    BcryptRounds(u64),
    /// Blocks of 128 bytes that are mixed, twice each.
    ScryptBlocks(u64),
    /// Iterations, of all blocks of the hash.
    Pbkdf2Iterations(u64),
    ShaCryptRounds(u64),
}

impl Work {
    /// About how long it takes on a server of 2020, built for speed; measured, and good to a factor of two or so.
    fn estimate(self) -> Duration {
        let (count, nanoseconds) = match self {
            Self::Argon2Blocks(count) => (count, 700),
            Self::BcryptRounds(count) => (count, 55_000),
            Self::ScryptBlocks(count) => (count, 350),
            Self::Pbkdf2Iterations(count) => (count, 700),
            Self::ShaCryptRounds(count) => (count, 900),
        };
        Duration::from_nanos(count.saturating_mul(nanoseconds))
    }
}

impl Cost {
    /// About how long one comparison takes, on a usual machine.
    pub(crate) fn estimate(&self) -> Duration {
        self.work.estimate()
    }

    /// # Errors
    /// It is beyond the bounds; the text has the figure and the way out.
    pub(crate) fn check(&self) -> Result<(), String> {
        let too_much = |figure: String, bound: String| {
            Err(format!(
                "{}: each comparison would take {figure}, and at most {bound} is taken; make the hash anew with \
                 `pusud hash-password`",
                self.parameters
            ))
        };
        if self.bytes > BYTES_MAX {
            return too_much(format!("{} of memory", mebibytes(self.bytes)), mebibytes(BYTES_MAX));
        }
        if self.estimate() > TIME_MAX {
            return too_much(format!("about {}", seconds(self.estimate())), seconds(TIME_MAX));
        }
        Ok(())
    }
}

/// What it takes to compare one attempt with all passwords.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Takes {
    /// The memory of one comparison, at most.
    pub(crate) bytes: u64,
    /// The time of all of them, about.
    pub(crate) time: Duration,
    /// The least that all of them take, however idle the machine is.
    pub(crate) time_min: Duration,
    /// The time of all of them on a usual server.
    pub(crate) estimate: Duration,
}

impl Takes {
    /// What so many comparisons with these parameters take, of which one took `time` in the quickest of several tries.
    pub(crate) fn measured(cost: &Cost, time: Duration, count: usize) -> Self {
        Self::of(cost, time, MEASURED_MARGIN, count)
    }

    /// The same where the time has in it what others did meanwhile: then it refuses only what an estimate does, too.
    pub(crate) fn measured_beside_others(cost: &Cost, time: Duration, count: usize) -> Self {
        let takes = Self::measured(cost, time, count);
        Self { time_min: takes.time_min.min(takes.estimate), ..takes }
    }

    /// What so many comparisons with these parameters take that nobody has made.
    pub(crate) fn estimated(cost: &Cost, count: usize) -> Self {
        Self::of(cost, cost.estimate(), ESTIMATED_MARGIN, count)
    }

    fn of(cost: &Cost, time: Duration, margin: u32, count: usize) -> Self {
        let all = |time: Duration| time.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
        let time = all(time);
        Self { bytes: cost.bytes, time, time_min: time / margin, estimate: all(cost.estimate()) }
    }

    /// With further passwords.
    pub(crate) fn and(self, more: Self) -> Self {
        Self {
            bytes: self.bytes.max(more.bytes),
            time: self.time.saturating_add(more.time),
            time_min: self.time_min.saturating_add(more.time_min),
            estimate: self.estimate.saturating_add(more.estimate),
        }
    }

    /// # Errors
    /// No authorization would be decided in the time that the relay gives it; the text has both and the ways out.
    pub(crate) fn check(self, host: &Host) -> Result<(), String> {
        let Some(timeout) = timeout(host).filter(|timeout| self.time_min > *timeout) else { return Ok(()) };
        Err(format!(
            "an authorization takes about {}, {WHOEVER}, and the relay waits {} for it (`limits.authorize_call_timeout`), so \
             that nobody could connect: take hashes that cost less (`pusud hash-password`) or fewer of them, passwords \
             themselves, out of files (`!file`), or raise `limits.authorize_call_timeout`",
            seconds(self.time),
            seconds(timeout)
        ))
    }

    /// The same while the relay compares passwords for others, which makes its cores slower: what a usual server has the time
    /// for passes. A change that withdraws a password must not fail because many come at the moment.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(crate) fn check_again(self, host: &Host) -> Result<(), String> {
        if timeout(host).is_some_and(|timeout| self.estimate <= timeout) { Ok(()) } else { self.check(host) }
    }

    /// Says in the log what an operator has to reckon with.
    pub(crate) fn tell(self, turns: &Turns, host: &Host) {
        let time = seconds(self.time);
        if let Some(timeout) = timeout(host).filter(|timeout| self.time > *timeout) {
            host.warn(format_args!(
                "an authorization takes {time}, {WHOEVER}, and `limits.authorize_call_timeout` is {}: it may be that nobody \
                 can be let in; take fewer hashes, or others",
                seconds(timeout)
            ));
        } else if self.time > TIME_USUAL {
            host.warn(format_args!("an authorization takes {time}, {WHOEVER}: take fewer hashes, or others"));
        }
        let at_most = turns.bytes_max(self.bytes);
        host.memory_bytes_max().set(at_most as f64);
        if at_most > 0 {
            let text = format!(
                "comparing passwords takes {} for a client, and at most {} for all that come at a time",
                mebibytes(self.bytes),
                mebibytes(at_most)
            );
            host.log_about(Level::Info, None, text, &[("memory_bytes_max", &at_most.to_string())]);
        }
    }
}

/// Memory in words, rounded up.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// A time in words.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        whole @ 1..=9 => format!("{whole}.{} s", time.subsec_millis() / 100),
        whole @ 10..=119 => format!("{whole} s"),
        whole @ 120..=7199 => format!("{} minutes", whole / 60),
        whole => format!("{} hours", whole / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_read_well() {
        for (milliseconds, words) in
            [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (9990, "9.9 s"), (10_000, "10 s"), (180_000, "3 minutes")]
        {
            assert_eq!(seconds(Duration::from_millis(milliseconds)), words);
        }
        assert_eq!(seconds(Duration::from_secs(36 * 3600)), "36 hours");
        assert_eq!((mebibytes(1), mebibytes(256 << 20)), ("1 MiB".to_owned(), "256 MiB".to_owned()));
    }

    #[test]
    fn the_bounds_themselves_are_taken() {
        let cost = |bytes, work| Cost { parameters: "x".into(), bytes, work };
        assert_eq!(cost(BYTES_MAX, Work::Argon2Blocks(BYTES_MAX / 1024)).check(), Ok(()));
        assert!(cost(BYTES_MAX + 1, Work::Argon2Blocks(1)).check().unwrap_err().contains("1025 MiB of memory"));
        assert!(cost(0, Work::ScryptBlocks(u64::MAX)).check().is_err());
        assert_eq!(cost(0, Work::BcryptRounds(1 << 17)).check(), Ok(()));
        let error = cost(0, Work::BcryptRounds(1 << 31)).check().unwrap_err();
        assert!(
            error.starts_with("x: each comparison would take about 32 hours, and at most 10 s is taken"),
            "{error}"
        );
    }
}
