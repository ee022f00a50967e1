//! The rate limit of one client's publications.

use std::time::{Duration, Instant};

/// When a client that publishes evenly would be at its next message (the generic cell rate algorithm): one time is all
/// there is to remember.
#[derive(Debug)]
pub(crate) struct PublishRate {
    next: Instant,
}

impl PublishRate {
    /// A client that has not published yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self { next: now }
    }

    /// Counts one message; false if it comes too early for `rate` messages a second, with `burst` at once above that.
    pub(crate) fn allows(&mut self, now: Instant, rate: u32, burst: u32) -> bool {
        let each = Duration::from_secs(1) / rate.max(1);
        let next = self.next.max(now);
        if next - now > each.saturating_mul(burst) {
            return false;
        }
        self.next = next + each;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let start = Instant::now();
        let mut rate = PublishRate::new(start);
        let allowed = |rate: &mut PublishRate, after_ms| {
            let now = start + Duration::from_millis(after_ms);
            (0..100).take_while(|_| rate.allows(now, 10, 5)).count()
        };
        assert_eq!(allowed(&mut rate, 0), 6, "one, and five at once above that");
        assert_eq!(allowed(&mut rate, 99), 0);
        assert_eq!(allowed(&mut rate, 100), 1);
        assert_eq!(allowed(&mut rate, 400), 3);
        assert_eq!(allowed(&mut rate, 60_000), 6, "what was not used does not add up for ever");
    }
}
