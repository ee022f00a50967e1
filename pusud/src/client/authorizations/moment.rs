//! One moment on the two clocks that authorizations go by.

use crate::client::uptime::Uptime;
use std::time::{Duration, SystemTime};

/// One moment on both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// Runs evenly, also while the machine sleeps, and is what authorizations end by.
    pub uptime: Uptime,
    /// What authenticators go by. It may be set at any time.
    pub wall: SystemTime,
}

impl Moment {
    /// This one.
    pub(crate) fn now() -> Self {
        Self { uptime: Uptime::now(), wall: SystemTime::now() }
    }

    /// So much later. `None` is later than the clock can say.
    pub(crate) fn after(self, time: Duration) -> Option<Uptime> {
        self.uptime.checked_add(time)
    }

    /// When `wall` will be. `None` is later than the clock can say.
    pub(crate) fn until(self, wall: SystemTime) -> Option<Uptime> {
        // Past already: now.
        self.uptime.checked_add(wall.duration_since(self.wall).unwrap_or_default())
    }
}
