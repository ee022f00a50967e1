//! Whether a peer acknowledges fast enough for subscriptions to wait for it: measured over time.
//!
//! A peer that has once been too slow is measured by pings, and waited for again when it has answered them fast; the longer
//! the sooner it has been too slow again. So one that is always a little too slow does not cost each subscription a second.

use std::time::Duration;
use tokio::time::Instant;

/// An answer to a ping within this time is a fast one: half of what subscriptions wait at the most.
const FAST: Duration = Duration::from_millis(500);
/// Between two pings to a peer that answers slowly.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Who is too slow again within this time has to be fast for longer.
const REMEMBERED: Duration = Duration::from_secs(60);
/// For how long a peer has to be fast that has been too slow twice; doubled with each time.
const CALM_MIN: Duration = Duration::from_secs(1);
/// The longest.
const CALM_MAX: Duration = Duration::from_secs(60);

/// How fast one peer is.
#[derive(Default)]
pub(crate) struct Pace {
    lag: Option<Lag>,
    /// When it was last found to be fast again, and for how long it had to be.
    recovered: Option<(Instant, Duration)>,
}

/// A peer that is too slow to be waited for.
struct Lag {
    /// What it has to acknowledge first.
    until: Option<u64>,
    calm: Duration,
    fast_since: Option<Instant>,
    /// When it is to be sent a ping.
    probe_at: Option<Instant>,
}

impl Pace {
    /// Whether the peer is too slow to be waited for.
    pub(crate) fn is_lagging(&self) -> bool {
        self.lag.is_some()
    }

    /// Something has been waited for too long, and `last` is the last number that the peer has to acknowledge. True: that
    /// is new.
    pub(crate) fn lag(&mut self, last: u64, now: Instant) -> bool {
        if self.lag.is_some() {
            return false;
        }
        let calm = match self.recovered {
            Some((at, calm)) if now.saturating_duration_since(at) < REMEMBERED => (calm * 2).clamp(CALM_MIN, CALM_MAX),
            _ => Duration::ZERO,
        };
        self.lag = Some(Lag { until: Some(last), calm, fast_since: None, probe_at: None });
        true
    }

    /// The peer has acknowledged everything up to `number`.
    pub(crate) fn acknowledge(&mut self, number: u64, now: Instant) {
        if let Some(lag) = &mut self.lag
            && lag.until.take_if(|until| *until <= number).is_some()
        {
            lag.probe_at = Some(now);
        }
    }

    /// The peer has answered a ping. True: it has caught up just now.
    pub(crate) fn answer(&mut self, took: Duration, now: Instant) -> bool {
        let Some(lag) = self.lag.as_mut().filter(|lag| lag.until.is_none()) else { return false };
        if took > FAST {
            (lag.fast_since, lag.probe_at) = (None, Some(now + PROBE_INTERVAL));
            return false;
        }
        let calm_at = *lag.fast_since.get_or_insert(now) + lag.calm;
        if now < calm_at {
            lag.probe_at = Some(calm_at.min(now + PROBE_INTERVAL));
            return false;
        }
        self.recovered = Some((now, lag.calm));
        self.lag = None;
        true
    }

    /// When the peer is to be sent a ping.
    pub(crate) fn probe_at(&self) -> Option<Instant> {
        self.lag.as_ref()?.probe_at
    }

    /// Whether the peer is to be sent a ping now.
    pub(crate) fn probe(&mut self, now: Instant) -> bool {
        self.lag.as_mut().is_some_and(|lag| lag.probe_at.take_if(|at| *at <= now).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_millis(1100);

    #[test]
    fn who_has_been_slow_once_is_waited_for_as_soon_as_it_is_fast() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert!(pace.lag(5, now) && !pace.lag(6, now) && pace.is_lagging());
        assert!(!pace.answer(FAST, now), "it has not acknowledged");
        pace.acknowledge(4, now);
        assert!(!pace.probe(now));
        pace.acknowledge(5, now);
        assert!(pace.probe(now) && !pace.probe(now));
        assert!(pace.answer(FAST, now) && !pace.is_lagging());
    }

    #[test]
    fn who_is_always_a_little_too_slow_is_not_waited_for_again() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        pace.lag(1, now);
        for number in 1..100 {
            now += SLOW;
            pace.acknowledge(number, now);
            assert!(!pace.answer(SLOW, now) && pace.is_lagging());
        }
    }

    #[test]
    fn who_is_slow_again_and_again_has_to_be_fast_for_longer() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        let mut calms = Vec::new();
        for _ in 0..9 {
            pace.lag(1, now);
            pace.acknowledge(1, now);
            let began = now;
            while !pace.answer(Duration::ZERO, now) {
                now = pace.probe_at().expect("it is measured");
                assert!(pace.probe(now));
            }
            calms.push((now - began).as_secs());
        }
        assert_eq!(calms, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        now += REMEMBERED;
        pace.lag(1, now);
        pace.acknowledge(1, now);
        assert!(pace.answer(Duration::ZERO, now), "that was long ago");
    }
}
