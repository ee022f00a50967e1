//! The tally of a measurement: counts, and times as HDR histograms (3 significant digits), which add up over threads.

use super::super::checking::Faults;
use hdrhistogram::Histogram;

/// The longest time that is told from longer ones, in nanoseconds: an hour.
const TIME_MAX: u64 = 3_600_000_000_000;

/// Times in nanoseconds.
#[derive(Clone)]
pub(crate) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_max(TIME_MAX, 3).expect("constant bounds that are in order"))
    }
}

impl Times {
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds);
    }

    fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// The time that so many percent are not longer than, in nanoseconds; 0 where there is none.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        self.0.value_at_percentile(percent)
    }

    /// The longest time, in nanoseconds.
    pub(crate) fn max(&self) -> u64 {
        self.0.max()
    }
}

/// What one thread's listeners have seen.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    /// From the time on the message to when its last byte was read.
    pub(crate) latency: Times,
    /// From the first packet to `subscribe_ok`.
    pub(crate) connect: Times,
    /// Deliveries of messages that were sent after the warm-up.
    pub(crate) measured: u64,
    /// When the last of those arrived.
    pub(crate) last: u64,
    /// Messages of others on the channels of this run.
    pub(crate) foreign: u64,
    pub(crate) faults: Faults,
}

impl Tally {
    /// Adds what another thread has seen.
    pub(crate) fn merge(&mut self, other: Self) {
        self.latency.merge(&other.latency);
        self.connect.merge(&other.connect);
        self.measured += other.measured;
        self.last = self.last.max(other.last);
        self.foreign += other.foreign;
        self.faults.merge(other.faults);
    }
}
