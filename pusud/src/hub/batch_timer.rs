//! The timer of a shard's batches: how long a flush takes, and how long publications wait for the end of it.
//!
//! It looks at the clock three times in every second batch that publishes something, and never in between: so it costs the
//! same however many publications and listeners there are.

use crate::routing::{LANES, Times};
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
    /// Something was for listeners of this shard.
    has_fanned_out: bool,
    flush_began: Option<Instant>,
    flushing: Option<Flushing>,
}

/// A batch that is measured, whose listeners all stand in the lanes.
struct Flushing {
    accepted: Instant,
    began: Instant,
    /// How far the lanes have to be flushed.
    until: [u64; LANES],
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
        if self.rests && self.flushing.is_none() {
            self.accepted = Some(Instant::now());
        }
    }

    /// Publications came from elsewhere, accepted there at this time, if that was measured.
    pub(super) fn came(&mut self, accepted: Option<Instant>) {
        if self.is_on && self.accepted.is_none() && self.flushing.is_none() {
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

    /// A batch goes to its listeners.
    pub(super) fn flush_begins(&mut self) {
        if self.accepted.is_some() {
            self.flush_began = Some(Instant::now());
        }
    }

    /// The whole batch stands in the lanes, which have to be flushed `until` there. What is accepted from here on is of the
    /// next batch.
    pub(super) fn queued(&mut self, until: [u64; LANES]) {
        self.has_begun = false;
        let has_fanned_out = std::mem::take(&mut self.has_fanned_out);
        if let Some((accepted, began)) = self.accepted.take().zip(self.flush_began.take())
            && has_fanned_out
        {
            self.flushing = Some(Flushing { accepted, began, until });
        }
    }

    /// The lanes have been `flushed` so far.
    pub(super) fn flushed(&mut self, flushed: [u64; LANES], times: &mut Times) {
        let is_over = |batch: &mut Flushing| flushed.iter().zip(batch.until).all(|(flushed, until)| *flushed >= until);
        if let Some(batch) = self.flushing.take_if(is_over) {
            let now = Instant::now();
            times.accepted_to_flushed.observe(now.saturating_duration_since(batch.accepted));
            times.fan_out.observe(now.saturating_duration_since(batch.began));
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
        timer.queued([1; LANES]);
        timer.flushed([1; LANES], times);
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
        timer.queued([1; LANES]);
        timer.flushed([1; LANES], &mut times);
        assert_eq!(counted(&times), (0, 0));
    }

    #[test]
    fn a_batch_is_over_when_its_own_listeners_have_it_whatever_is_published_behind_it() {
        let (mut timer, mut times) = (BatchTimer::new(true), Times::default());
        let mut turn = |timer: &mut BatchTimer, queued: u64, flushed: u64| {
            timer.accepted();
            timer.flush_begins();
            timer.fanned_out();
            timer.queued([queued; LANES]);
            timer.flushed([flushed; LANES], &mut times);
            counted(&times).0
        };
        let seen: Vec<u64> = (1..=9).map(|n| turn(&mut timer, 3 * n, n)).collect();
        assert_eq!(seen, [0, 0, 1, 1, 1, 1, 1, 1, 1], "the second one that is measured waits for 15");
        assert_eq!(timer.accepted_at(), None, "what is published meanwhile is not stamped");
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
