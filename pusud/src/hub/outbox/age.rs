//! The age of connections, as small as it can be: tenths of a second since the first one came, for 13 years.

use super::Outbox;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

static FIRST: OnceLock<Instant> = OnceLock::new();

/// Now.
fn now() -> u32 {
    let tenths = FIRST.get_or_init(Instant::now).elapsed().as_millis() / 100;
    u32::try_from(tenths).unwrap_or(u32::MAX)
}

impl Outbox {
    /// Its client has come.
    pub(in crate::hub) fn note_joined(&self) {
        self.joined.set(now());
    }

    /// When its client came; what is less was before.
    pub(in crate::hub) fn joined(&self) -> u32 {
        self.joined.get()
    }

    /// How long ago its client came.
    pub(in crate::hub) fn connected_for(&self) -> Duration {
        Duration::from_millis(100) * now().saturating_sub(self.joined.get())
    }
}
