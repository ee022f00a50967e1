//! A histogram of times: a plain array with fixed bounds, which belongs to whoever counts in it.

use std::time::Duration;

/// The upper bounds of all but the last place, in seconds.
pub const HISTOGRAM_BOUNDS: [f64; PLACES - 1] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    0.5, 1.0, 2.5, 5.0, 10.0,
];
const PLACES: usize = 20;

/// How many times there were of each size, and their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; PLACES],
    nanoseconds: u64,
}

impl Histogram {
    /// Something took so long.
    pub fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.counts[HISTOGRAM_BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.nanoseconds = self.nanoseconds.saturating_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds another one to this one.
    pub fn add(&mut self, other: &Self) {
        let Self { counts, nanoseconds } = other;
        self.counts.iter_mut().zip(counts).for_each(|(count, more)| *count += more);
        self.nanoseconds = self.nanoseconds.saturating_add(*nanoseconds);
    }

    /// How many there were up to each bound that are above the one before it, and behind them those above the last.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// All of them together, in seconds.
    pub fn sum(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_once_at_the_first_bound_that_it_is_within() {
        let mut all = Histogram::default();
        for took in [0, 10, 11, 999, 1000, 1001, 10_000_000, 10_000_001, 3_600_000_000] {
            let mut one = Histogram::default();
            one.observe(Duration::from_micros(took));
            assert_eq!(one.counts().iter().sum::<u64>(), 1, "{took}");
            all.add(&one);
        }
        let mut expected = [0; PLACES];
        for (place, count) in [(0, 2), (1, 1), (6, 2), (7, 1), (18, 1), (19, 2)] {
            expected[place] = count;
        }
        assert_eq!(all.counts(), expected);
        assert!((all.sum() - 3_620.003_022).abs() < 1e-6, "{}", all.sum());
    }
}
