//! The time of a run, which its messages carry, and sleeping until a point of it.

use std::time::{Duration, Instant};
use tokio::time::sleep;

/// tokio's timers tick in milliseconds; the rest of a sleep is the thread's.
const COARSE: Duration = Duration::from_millis(2);

/// Nanoseconds since the run began.
#[derive(Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> u64 {
        nanoseconds(self.0.elapsed())
    }

    /// Sleeps until `time`, but not longer than `most`. Blocks the thread for the last two milliseconds, so only a
    /// thread that has nothing else to do may call it.
    pub(super) async fn sleep_until(self, time: u64, most: Duration) {
        let left = Duration::from_nanos(time.saturating_sub(self.now())).min(most);
        if left > COARSE {
            sleep(left - COARSE).await;
        }
        let left = Duration::from_nanos(time.saturating_sub(self.now())).min(COARSE);
        if !left.is_zero() {
            std::thread::sleep(left);
        }
    }
}

/// A time that is as long as this.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
