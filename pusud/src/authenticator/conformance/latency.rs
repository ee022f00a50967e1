//! Latencies of calls: a few percentiles and a histogram whose buckets double.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The times of many calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many calls.
    pub calls: usize,
    /// Half of them took at most this long.
    pub p50: Duration,
    /// 99 % of them took at most this long.
    pub p99: Duration,
    /// The slowest.
    pub max: Duration,
    /// Upper bound, and how many calls took at most that and more than the bound before. Bounds double.
    pub buckets: Vec<(Duration, usize)>,
}

impl Latency {
    /// Sorts the times of calls.
    pub(super) fn of(mut taken: Vec<Duration>) -> Self {
        taken.sort_unstable();
        let at = |percent: usize| taken.get((taken.len() * percent / 100).min(taken.len().saturating_sub(1)));
        let percentile = |percent| at(percent).copied().unwrap_or_default();
        let mut buckets = Vec::new();
        let mut rest = &taken[..];
        let mut bound = Duration::from_micros(1);
        while !rest.is_empty() {
            let within = rest.partition_point(|time| *time <= bound);
            if within > 0 || !buckets.is_empty() {
                buckets.push((bound, within));
            }
            rest = &rest[within..];
            bound *= 2;
        }
        Self { calls: taken.len(), p50: percentile(50), p99: percentile(99), max: percentile(100), buckets }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls: p50 {:.1?}, p99 {:.1?}, max {:.1?}", self.calls, self.p50, self.p99, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_buckets() {
        let latency = Latency::of((1..=100).rev().map(Duration::from_micros).collect());
        assert_eq!(latency.calls, 100);
        assert_eq!(latency.p50, Duration::from_micros(51));
        assert_eq!((latency.p99, latency.max), (Duration::from_micros(100), Duration::from_micros(100)));
        let bounds: Vec<_> = latency.buckets.iter().map(|(bound, calls)| (bound.as_micros(), *calls)).collect();
        assert_eq!(bounds, [(1, 1), (2, 1), (4, 2), (8, 4), (16, 8), (32, 16), (64, 32), (128, 36)]);
        assert_eq!(Latency::of(Vec::new()).buckets, []);
    }
}
