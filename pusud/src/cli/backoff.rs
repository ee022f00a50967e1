//! Backoff before connecting again: exponential, with full jitter, so that the listeners of a relay that was restarted
//! do not all come back at the same moment.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const MAX: Duration = Duration::from_secs(30);

/// Counts the attempts since the last success.
#[derive(Default)]
pub(super) struct Backoff {
    failed: u32,
}

impl Backoff {
    /// The wait before the next attempt: anything from nothing up to a bound that doubles each time.
    pub(super) fn wait(&mut self) -> Duration {
        let bound = self.bound();
        self.failed = self.failed.saturating_add(1);
        bound.mul_f64(random())
    }

    /// It worked: the next failure is the first again.
    pub(super) fn reset(&mut self) {
        self.failed = 0;
    }

    fn bound(&self) -> Duration {
        FIRST.saturating_mul(2_u32.saturating_pow(self.failed)).min(MAX)
    }
}

/// From 0 to 1. The standard library seeds its hash maps with randomness, which is good enough to spread waits.
fn random() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_its_end_and_starts_anew() {
        let mut backoff = Backoff::default();
        let mut bounds = Vec::new();
        for _ in 0..8 {
            bounds.push(backoff.bound().as_millis());
            let bound = backoff.bound();
            assert!(backoff.wait() <= bound);
        }
        assert_eq!(bounds, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        backoff.failed = u32::MAX;
        assert!(backoff.wait() <= MAX);
        backoff.reset();
        assert_eq!(backoff.bound(), FIRST);
    }

    #[test]
    fn waits_differ() {
        let mut backoff = Backoff { failed: 10 };
        assert_ne!(backoff.wait(), backoff.wait());
    }
}
