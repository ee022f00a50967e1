//! The time that a thread itself has computed, which other programs do not make longer. Where the system does not tell
//! it, the clock on the wall stands in.

use std::time::Duration;

/// A moment of this thread.
pub(crate) struct OwnTime(inner::Moment);

impl OwnTime {
    /// Whether the system tells it.
    pub(crate) const IS_KNOWN: bool = inner::IS_KNOWN;

    pub(crate) fn now() -> Self {
        Self(inner::now())
    }

    /// How long this thread, which has to be the same, has computed since.
    pub(crate) fn elapsed(&self) -> Duration {
        inner::now().saturating_sub(self.0)
    }
}

#[cfg(any(target_os = "android", target_os = "freebsd", target_os = "linux", target_os = "macos"))]
mod inner {
    use rustix::time::{ClockId, clock_gettime};
    use std::time::Duration;

    pub(super) const IS_KNOWN: bool = true;
    pub(super) type Moment = Duration;

    pub(super) fn now() -> Moment {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        // Neither is ever negative.
        let (seconds, nanoseconds) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
        Duration::new(seconds.unwrap_or_default(), nanoseconds.unwrap_or_default())
    }
}

#[cfg(not(any(target_os = "android", target_os = "freebsd", target_os = "linux", target_os = "macos")))]
mod inner {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    pub(super) const IS_KNOWN: bool = false;
    pub(super) type Moment = Duration;
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn now() -> Moment {
        BEGINNING.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What another thread computes, and waiting for it, is not this one's.
    #[test]
    #[cfg(any(target_os = "android", target_os = "freebsd", target_os = "linux", target_os = "macos"))]
    fn others_do_not_make_it_longer() {
        const LONG: Duration = Duration::from_millis(100);
        let began = OwnTime::now();
        let other = std::thread::spawn(|| {
            let began = OwnTime::now();
            while began.elapsed() < LONG {}
        });
        other.join().unwrap();
        assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    }
}
