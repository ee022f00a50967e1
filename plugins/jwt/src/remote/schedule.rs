//! Times of fetches: as the answers say, for keys that nobody knows yet, and after failures.
//!
//! **Invariant:** between the beginnings of two fetches are at least [`PAUSE`], whoever asks for them, and there is never
//! more than one.

use std::time::{Duration, Instant};

/// Between the beginnings of two fetches.
pub(super) const PAUSE: Duration = Duration::from_secs(10);
/// The least and the most that an answer is kept, whatever it says.
const KEPT_MIN: Duration = Duration::from_secs(60);
const KEPT_MAX: Duration = Duration::from_secs(86_400);
/// For how long an answer is kept that does not say it.
const KEPT: Duration = Duration::from_secs(300);
/// Longest pause after failures.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The next fetch, and the one that is under way.
pub(super) struct Schedule {
    due: Instant,
    begun: Option<Instant>,
    is_under_way: bool,
    failures: u32,
}

impl Schedule {
    /// The first fetch is due.
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now, begun: None, is_under_way: false, failures: 0 }
    }

    /// When the next fetch is to begin.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// When the last fetch began.
    pub(super) fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// When a fetch may begin at the earliest.
    pub(super) fn earliest(&self, now: Instant) -> Instant {
        self.begun.map_or(now, |begun| now.max(begun + PAUSE))
    }

    /// Whether a fetch is under way.
    pub(super) fn is_under_way(&self) -> bool {
        self.is_under_way
    }

    /// Somebody needs a fetch that begins from now on.
    pub(super) fn ask(&mut self, now: Instant) {
        self.due = self.due.min(self.earliest(now));
    }

    /// A fetch begins.
    pub(super) fn begin(&mut self, now: Instant) {
        (self.begun, self.is_under_way) = (Some(now), true);
        // Until it has landed nothing else is due.
        self.due = now + KEPT_MAX;
    }

    /// A fetch has succeeded. `max_age` is how long its keys hold at most.
    pub(super) fn succeeded(&mut self, now: Instant, cache: Option<Duration>, max_age: Duration) {
        (self.is_under_way, self.failures) = (false, 0);
        let kept = cache.unwrap_or(KEPT).clamp(KEPT_MIN, KEPT_MAX);
        // Half of it is left for attempts that fail.
        self.due = (now + kept.min(max_age / 2)).max(self.earliest(now));
    }

    /// A fetch has failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.is_under_way = false;
        let pause = PAUSE * 2_u32.saturating_pow(self.failures.min(8));
        self.failures += 1;
        self.due = (now + pause.min(RETRY_MAX)).max(self.earliest(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE_MAX: Duration = Duration::from_secs(86_400 * 2);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn answers_say_when_the_next_one_is_due() {
        let start = Instant::now();
        for (cache, max_age, expected) in [
            (Some(seconds(600)), AGE_MAX, 600),
            (Some(seconds(0)), AGE_MAX, 60),
            (Some(seconds(1_000_000)), AGE_MAX, 86_400),
            (None, AGE_MAX, 300),
            (Some(seconds(600)), seconds(100), 50),
        ] {
            let mut schedule = Schedule::new(start);
            assert_eq!(schedule.due(), start);
            schedule.begin(start);
            schedule.succeeded(start, cache, max_age);
            assert_eq!(schedule.due(), start + seconds(expected), "{cache:?}");
        }
    }

    #[test]
    fn whoever_asks_waits_for_the_pause() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        schedule.begin(start);
        assert!(schedule.is_under_way() && schedule.due() > start + PAUSE);
        schedule.succeeded(start + seconds(1), Some(seconds(600)), AGE_MAX);
        for at in 1..9 {
            schedule.ask(start + seconds(at));
            assert_eq!(schedule.due(), start + PAUSE);
        }
        schedule.begin(start + PAUSE);
        schedule.succeeded(start + PAUSE, None, AGE_MAX);
        schedule.ask(start + seconds(100));
        assert_eq!(schedule.due(), start + seconds(100), "long after the last one it is due at once");
    }

    #[test]
    fn failures_are_repeated_more_and_more_slowly() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        let mut pauses = Vec::new();
        let mut now = start;
        for _ in 0..6 {
            schedule.begin(now);
            schedule.failed(now);
            pauses.push((schedule.due() - now).as_secs());
            now = schedule.due();
        }
        assert_eq!(pauses, [10, 20, 40, 60, 60, 60]);
        schedule.begin(now);
        schedule.succeeded(now, None, AGE_MAX);
        schedule.begin(now + seconds(60));
        schedule.failed(now + seconds(60));
        assert_eq!(schedule.due(), now + seconds(70));
    }
}
