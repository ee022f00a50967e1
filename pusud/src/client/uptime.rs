//! The clock that authorizations end by: it runs evenly, also while the machine sleeps, and nobody sets it.
//!
//! The clock of `Instant` stands still while the machine sleeps, and so do the runtime's timers. This one has a timer
//! of its own, which rings as soon as the machine is awake again. Where nothing ends nobody reads it.
//! **Invariant:** a wait ends no later than a moment after its time, however long the machine has slept meanwhile.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment: the time since the machine was started, sleep included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uptime(Duration);

impl Uptime {
    /// This one.
    pub fn now() -> Self {
        Self(system::now())
    }

    /// So much later; `None` is later than the clock can say.
    pub fn checked_add(self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).filter(|sum| *sum < Duration::MAX / 2).map(Self)
    }

    /// How long after `other`; nothing if before.
    pub fn saturating_since(self, other: Self) -> Duration {
        self.0.saturating_sub(other.0)
    }

    /// Returns when it is `self`, or sooner: whoever waits looks at the clock again.
    pub async fn wait(self, timer: &mut Timer) {
        timer.wait(self).await;
    }
}

impl Add<Duration> for Uptime {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

impl Sub<Duration> for Uptime {
    type Output = Self;

    /// The start of the machine is the first moment.
    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(time))
    }
}

pub(super) use system::Timer;

#[cfg(target_os = "linux")]
mod system {
    use super::Uptime;
    use rustix::fd::{AsFd as _, OwnedFd};
    use rustix::io::{Errno, read};
    use rustix::time::{ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
    use rustix::time::{clock_gettime, timerfd_create, timerfd_settime};
    use std::io;
    use std::time::Duration;
    use tokio::io::unix::AsyncFd;
    use tokio::time::sleep;

    /// Where the system is out of files: the clock is looked at so often.
    const LOOK: Duration = Duration::from_millis(500);

    pub(super) fn now() -> Duration {
        let now = clock_gettime(ClockId::Boottime);
        Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
    }

    /// The timer of one thread. It is made when it is first used.
    #[derive(Default)]
    pub struct Timer(Option<AsyncFd<OwnedFd>>);

    impl Timer {
        pub(super) async fn wait(&mut self, until: Uptime) {
            if let Err(error) = self.ring(until).await {
                tracing::debug!(%error, "the timer for ends of authorizations cannot be used: the clock is looked at");
                sleep(LOOK).await;
            }
        }

        async fn ring(&mut self, until: Uptime) -> io::Result<()> {
            let timer = match &mut self.0 {
                Some(timer) => timer,
                none => {
                    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
                    none.insert(watched(timerfd_create(TimerfdClockId::Boottime, flags)?)?)
                }
            };
            let at = Itimerspec { it_interval: Timespec::default(), it_value: timespec(until) };
            timerfd_settime(timer.get_ref(), TimerfdTimerFlags::ABSTIME, &at)?;
            let mut ready = timer.readable().await?;
            let rung = read(timer.get_ref().as_fd(), &mut [0; 8]);
            ready.clear_ready();
            match rung {
                // It was for an earlier wait that was given up.
                Ok(_) | Err(Errno::AGAIN) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
    }

    #[expect(deprecated, reason = "sound for a file that the value owns; what takes its place is unsafe")]
    fn watched(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
        AsyncFd::new(timer)
    }

    fn timespec(at: Uptime) -> Timespec {
        // Nought would switch the timer off.
        let at = at.0.max(Duration::from_nanos(1));
        Timespec { tv_sec: at.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: at.subsec_nanos().into() }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[tokio::test]
        async fn it_rings_when_it_is_time_and_again_for_another_wait() {
            let mut timer = Timer::default();
            let far = Uptime::now() + Duration::from_secs(3600);
            let given_up = tokio::time::timeout(Duration::from_millis(5), timer.wait(far)).await;
            assert!(given_up.is_err(), "an hour has not passed");
            for _ in 0..2 {
                let until = Uptime::now() + Duration::from_millis(5);
                while Uptime::now() < until {
                    let rung = tokio::time::timeout(Duration::from_secs(20), timer.wait(until)).await;
                    assert!(rung.is_ok(), "it does not ring");
                }
            }
            // What is past rings at once.
            let past = tokio::time::timeout(Duration::from_secs(20), timer.wait(Uptime(Duration::ZERO))).await;
            assert!(past.is_ok(), "it does not ring");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Uptime;
    use std::time::Duration;
    use tokio::time::sleep;

    /// The runtime's timers may stand still while the machine sleeps, so the clock is looked at so often.
    const LOOK: Duration = Duration::from_millis(500);

    /// On macOS this one runs while the machine sleeps; the standard library's does not.
    #[cfg(unix)]
    pub(super) fn now() -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
    }

    /// The counter behind this clock runs while the machine sleeps.
    #[cfg(not(unix))]
    pub(super) fn now() -> Duration {
        use std::sync::OnceLock;
        use std::time::Instant;
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed() + Duration::from_secs(1)
    }

    /// There is none but the runtime's.
    #[derive(Default)]
    pub struct Timer;

    impl Timer {
        pub(super) async fn wait(&mut self, until: Uptime) {
            sleep(until.saturating_since(Uptime::now()).min(LOOK)).await;
        }
    }
}
