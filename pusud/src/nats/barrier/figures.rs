//! Figures of barriers. Only counts.

use std::time::Duration;

/// What has become of barriers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::nats) struct Figures {
    /// How many have been answered by all.
    pub passed: u64,
    /// How many were given up.
    pub expired: u64,
    /// How long the last one took.
    pub last: Option<Duration>,
    /// The longest.
    pub longest: Option<Duration>,
}

impl Figures {
    /// One was passed, and took so long.
    pub(super) fn pass(&mut self, took: Duration) {
        self.passed += 1;
        self.last = Some(took);
        self.longest = self.longest.max(Some(took));
    }
}
