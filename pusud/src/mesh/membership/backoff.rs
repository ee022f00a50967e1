//! Backoff of dials: the next one comes after a random time up to a bound that doubles with every failure in a row
//! ("full jitter").

use rand::{Rng, RngExt as _};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const MAX: Duration = Duration::from_secs(5);

/// How often dialling has failed in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The time from the beginning of the attempt that has failed to that of the next one.
    pub(crate) fn next(&mut self, random: &mut impl Rng) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.failures.min(5)).min(MAX);
        self.failures += 1;
        bound.mul_f64(random.random::<f64>())
    }

    /// It has worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    #[test]
    fn the_bound_doubles_up_to_the_end_and_begins_anew() {
        let mut random = StdRng::seed_from_u64(7);
        let mut longest = [Duration::ZERO; 8];
        for _ in 0..500 {
            let mut backoff = Backoff::default();
            for longest in &mut longest {
                *longest = backoff.next(&mut random).max(*longest);
            }
            backoff.reset();
            assert!(backoff.next(&mut random) <= FIRST);
        }
        for (n, longest) in longest.into_iter().enumerate() {
            let bound = FIRST.saturating_mul(1 << n).min(MAX);
            assert!(longest <= bound && longest > bound.mul_f64(0.9), "attempt {n}: {longest:?} of {bound:?}");
        }
    }
}
