//! The timer of a shard's batches: how long a flush takes, and how long publications wait for the end of it.
//!
//! It looks at the clock three times in every second batch that publishes something, and never in between: so it costs the
//! same however many publications and listeners there are.

use crate::routing::Times;
use std::time::Instant;

/// Of one shard.
#[derive(Default)]
pub(super) struct BatchTimer {
    is_on: bool,
    /// Whether the batch before was measured.
    rests: bool,
    /// This batch has begun, measured or not.
    has_begun: bool,
    accepted: Option<Instant>,
    flush_began: Option<Instant>,
    /// Something was for listeners of this shard.
    has_fanned_out: bool,
}

impl BatchTimer {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, ..Self::default() }
    }

    /// Whether anything is to be measured at all.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// A publication was accepted in this shard.
    #[inline]
    pub(super) fn accepted(&mut self) {
        if self.is_on && !self.has_begun {
            self.begin();
        }
    }

    #[cold]
    fn begin(&mut self) {
        self.has_begun = true;
        self.rests = !self.rests;
        if self.rests {
            self.accepted = Some(Instant::now());
        }
    }

    /// Publications came from elsewhere, accepted there at this time, if that was measured.
    pub(super) fn came(&mut self, accepted: Option<Instant>) {
        if self.is_on && self.accepted.is_none() {
            self.has_begun |= accepted.is_some();
            self.accepted = accepted;
        }
    }

    /// When the first publication of this batch was accepted, if that is measured.
    pub(super) fn accepted_at(&self) -> Option<Instant> {
        self.accepted
    }

    /// Something of this batch was for listeners of this shard.
    #[inline]
    pub(super) fn fanned_out(&mut self) {
        self.has_fanned_out = true;
    }

    /// A turn of the flush begins, of which a batch may need several.
    pub(super) fn flush_begins(&mut self) {
        if self.accepted.is_some() && self.flush_began.is_none() {
            self.flush_began = Some(Instant::now());
        }
    }

    /// Everything has been offered to the kernel: the batch is over.
    pub(super) fn flushed(&mut self, times: &mut Times) {
        self.has_begun = false;
        let has_fanned_out = std::mem::take(&mut self.has_fanned_out);
        if let Some((accepted, began)) = self.accepted.take().zip(self.flush_began.take())
            && has_fanned_out
        {
            let now = Instant::now();
            times.accepted_to_flushed.observe(now.saturating_duration_since(accepted));
            times.fan_out.observe(now.saturating_duration_since(began));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(times: &Times) -> (u64, u64) {
        (times.fan_out.counts().iter().sum(), times.accepted_to_flushed.counts().iter().sum())
    }

    fn batch(timer: &mut BatchTimer, times: &mut Times, publications: usize) {
        (0..publications).for_each(|_| timer.accepted());
        timer.flush_begins();
        timer.fanned_out();
        timer.flushed(times);
    }

    #[test]
    fn every_second_batch_is_measured_however_many_publications_it_has() {
        let (mut timer, mut times) = (BatchTimer::new(true), Times::default());
        for n in 1..=10u64 {
            batch(&mut timer, &mut times, n as usize);
            assert_eq!(counted(&times), (n.div_ceil(2), n.div_ceil(2)), "behind batch {n}");
        }
    }

    #[test]
    fn what_nobody_publishes_or_listens_to_is_not_measured() {
        let (mut timer, mut times) = (BatchTimer::new(true), Times::default());
        batch(&mut timer, &mut times, 0);
        timer.accepted();
        timer.flush_begins();
        timer.flushed(&mut times);
        assert_eq!(counted(&times), (0, 0));
    }

    #[test]
    fn what_comes_from_another_shard_counts_from_where_it_was_accepted() {
        let (mut timer, mut times) = (BatchTimer::new(true), Times::default());
        let accepted = Instant::now().checked_sub(std::time::Duration::from_secs(3)).expect("the machine runs longer");
        timer.came(Some(accepted));
        assert_eq!(timer.accepted_at(), Some(accepted));
        batch(&mut timer, &mut times, 1);
        assert!(times.accepted_to_flushed.sum() > 3.0 && times.fan_out.sum() < 3.0);
    }

    #[test]
    fn nothing_is_measured_where_nobody_can_ask() {
        let (mut timer, mut times) = (BatchTimer::new(false), Times::default());
        timer.came(Some(Instant::now()));
        batch(&mut timer, &mut times, 1);
        assert_eq!((counted(&times), timer.accepted_at()), ((0, 0), None));
    }
}
