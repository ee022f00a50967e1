//! Times of history: a monotonic clock for ages, and minutes of the wall clock for positions.

use super::position::{MINUTE_MAX, Minute};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The beginning of 2020, in seconds of Unix time: minutes of positions count from here.
const EPOCH_SECONDS: u64 = 1_577_836_800;

/// A moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Milliseconds since the relay's start. What came from other relays may be older, and is negative then.
    pub ms: i64,
    /// The minute of the wall clock.
    pub minute: Minute,
}

/// What other relays say of ages counts up to here, in milliseconds, so that whatever is passed on is a number that relays take:
/// 35 000 years.
const AGE_MAX_MS: u64 = 1 << 50;

impl Now {
    /// The time so many milliseconds ago.
    pub(super) fn before(self, age_ms: u64) -> i64 {
        self.ms - age_ms.min(AGE_MAX_MS).cast_signed()
    }

    /// The minute of an earlier time, in milliseconds since the relay's start.
    pub(super) fn minute_at(self, ms: i64, times: Times) -> Minute {
        let ago = Minute::try_from((self.ms - ms).max(0) / times.minute_ms).unwrap_or(Minute::MAX);
        self.minute.saturating_sub(ago)
    }
}

/// Where moments come from.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    /// The wall clock at the start, in milliseconds since the epoch. Setting it later changes nothing.
    start_ms: u64,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = wall.saturating_sub(Duration::from_secs(EPOCH_SECONDS));
        Self { start: Instant::now(), start_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Now.
    pub fn now(&self) -> Now {
        let ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let minute = Minute::try_from(self.start_ms.saturating_add(ms) / 60_000).unwrap_or(MINUTE_MAX);
        Now { ms: i64::try_from(ms).unwrap_or(i64::MAX), minute: minute.min(MINUTE_MAX) }
    }
}

/// Times that all relays of a network have in common where their settings are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// How long a start of a relay that has ended is remembered as one, in milliseconds: twice the longest time to live, an hour
    /// at least.
    pub retention_ms: i64,
    /// The length of a minute, in milliseconds. Shorter ones are for simulations.
    pub minute_ms: i64,
}

impl Times {
    /// Those of a relay that keeps publications for this long at most.
    pub fn of_ttl(ttl: Duration) -> Self {
        let hour = Duration::from_secs(60 * 60);
        let retention = (2 * ttl).max(hour);
        Self { retention_ms: i64::try_from(retention.as_millis()).unwrap_or(i64::MAX), minute_ms: 60_000 }
    }

    /// Half the retention, in minutes of positions: by so much the clocks of relays may differ.
    pub(super) fn half_minutes(self) -> Minute {
        Minute::try_from(self.retention_ms / 2 / self.minute_ms).unwrap_or(MINUTE_MAX)
    }
}
