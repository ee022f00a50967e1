//! Notifications to the service manager that has started the daemon, in systemd's protocol.
//!
//! It says something only where NOTIFY_SOCKET is set, and on Unix; elsewhere every call does nothing.

#[cfg(not(unix))]
pub use elsewhere::ServiceManager;
#[cfg(unix)]
pub use unix::ServiceManager;

#[cfg(unix)]
mod unix {
    use sd_notify::NotifyState;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;
    use tracing::warn;

    /// The service manager, if there is one. What it does not take is warned about once.
    #[derive(Default)]
    pub struct ServiceManager {
        has_failed: AtomicBool,
    }

    impl ServiceManager {
        /// The daemon serves; `status` says so in words, for `systemctl status`.
        pub fn ready(&self, status: &str) {
            self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
        }

        /// The settings are being read again. [`Self::ready`] ends it, whatever has become of that.
        pub fn reloading(&self) {
            match NotifyState::monotonic_usec_now() {
                Ok(now) => self.tell(&[NotifyState::Reloading, now]),
                Err(_) => self.tell(&[NotifyState::Reloading]),
            }
        }

        /// The daemon stops, and asks for so much time to do it in.
        pub fn stopping(&self, status: &str, time: Duration) {
            let time = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
            self.tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(time), NotifyState::Status(status)]);
        }

        /// The daemon is in order, until the next time that this is due.
        pub fn alive(&self) {
            self.tell(&[NotifyState::Watchdog]);
        }

        /// How often it wants to hear [`Self::alive`] at the least; `None`: it does not watch.
        pub fn watchdog_period(&self) -> Option<Duration> {
            sd_notify::watchdog_enabled().filter(|period| !period.is_zero())
        }

        fn tell(&self, states: &[NotifyState<'_>]) {
            if let Err(error) = sd_notify::notify(states)
                && !self.has_failed.swap(true, Ordering::Relaxed)
            {
                warn!(%error, "cannot notify the service manager (NOTIFY_SOCKET)");
            }
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::time::Duration;

    /// There is none.
    #[derive(Default)]
    pub struct ServiceManager;

    impl ServiceManager {
        /// Does nothing.
        pub fn ready(&self, _status: &str) {}

        /// Does nothing.
        pub fn reloading(&self) {}

        /// Does nothing.
        pub fn stopping(&self, _status: &str, _time: Duration) {}

        /// Does nothing.
        pub fn alive(&self) {}

        /// Nobody watches.
        pub fn watchdog_period(&self) -> Option<Duration> {
            None
        }
    }
}
