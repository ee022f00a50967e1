//! The rate of a plugin's lines for the log: so many at once, then so many a second. What is beyond is counted.
//!
//! It stands before anything is made of a line. What the log takes of each kind of line is a limit of its own
//! (system/logging/limit.rs).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lines that may come one after the other.
const BURST: u32 = 200;
/// The time in which another line may come: 100 a second.
const INTERVAL: Duration = Duration::from_millis(10);

/// What one plugin has used of its part.
#[derive(Default)]
pub(super) struct LogRate(Mutex<Used>);

#[derive(Default)]
struct Used {
    /// When all of its part would be there again.
    full_at: Option<Instant>,
    left_out: u64,
}

impl LogRate {
    /// Whether another line passes now; if so, how many were left out before it.
    pub(super) fn passes(&self, now: Instant) -> Option<u64> {
        let mut used = self.lock();
        let full_at = used.full_at.map_or(now, |full_at| full_at.max(now));
        if full_at > now + INTERVAL * (BURST - 1) {
            used.left_out += 1;
            return None;
        }
        used.full_at = Some(full_at + INTERVAL);
        Some(std::mem::take(&mut used.left_out))
    }

    /// A line that has passed is left out for another reason.
    #[cfg(unix)]
    pub(super) fn leave_out(&self, lines: u64) {
        self.lock().left_out += lines;
    }

    /// How many were left out and have not been told of.
    pub(super) fn left_out(&self) -> u64 {
        std::mem::take(&mut self.lock().left_out)
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says in the log how many lines of the plugin were left out.
pub(super) fn tell(plugin: &str, left_out: u64) {
    if left_out > 0 {
        tracing::warn!(plugin, "{left_out} lines of the plugin were left out: it logs more than 100 a second");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_hundred_a_second_and_the_rest_is_counted() {
        let (rate, start) = (LogRate::default(), Instant::now());
        let pass = |after| (0..1000).filter(|_| rate.passes(start + after).is_some()).count();
        assert_eq!(pass(Duration::ZERO), 200);
        assert_eq!(pass(Duration::from_secs(1)), 100);
        assert_eq!(rate.left_out(), 900, "and 800 were told of with the first line of the second");
        assert_eq!(pass(Duration::from_secs(60)), 200);
        assert_eq!(rate.passes(start + Duration::from_secs(61)), Some(800));
    }
}
