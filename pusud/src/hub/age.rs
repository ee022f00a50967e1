//! The age of connections, as small as it can be: tenths of a second since the first one came, for 13 years.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static FIRST: OnceLock<Instant> = OnceLock::new();

/// Now.
pub(super) fn now() -> u32 {
    let tenths = FIRST.get_or_init(Instant::now).elapsed().as_millis() / 100;
    u32::try_from(tenths).unwrap_or(u32::MAX)
}

/// How long ago that was.
pub(super) fn since(moment: u32) -> Duration {
    Duration::from_millis(100) * now().saturating_sub(moment)
}
