//! The clocks of the table: a steady one, by which revocations end, and the system's, by which changes are ordered and which
//! people read.
//!
//! **Invariant:** whoever sets the system's clock while the relay runs moves no end.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What the clocks say, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Now {
    /// By the steady clock: what the system's clock said when this one began, and the time that has passed since.
    pub(super) steady_ms: u64,
    /// By the system's clock.
    pub(super) wall_ms: u64,
}

/// The clocks.
pub(super) struct Clock(Box<dyn Fn() -> Now + Send + Sync>);

impl Clock {
    /// Those of the system. The steady one begins now.
    pub(super) fn of_system() -> Self {
        let (began, began_ms) = (Instant::now(), wall_ms());
        Self(Box::new(move || {
            let passed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            Now { steady_ms: began_ms.saturating_add(passed), wall_ms: wall_ms() }
        }))
    }

    /// One that says what a test has it say.
    #[cfg(test)]
    pub(super) fn set_by(now: impl Fn() -> Now + Send + Sync + 'static) -> Self {
        Self(Box::new(now))
    }

    pub(super) fn now(&self) -> Now {
        (self.0)()
    }
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
