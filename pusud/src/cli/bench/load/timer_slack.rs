//! Timer slack: how late this thread may be woken from a sleep.
//!
//! Linux makes all sleeps up to 50 us longer to save wake-ups, which a paced measurement would count as latency.

/// Asks for sleeps that end on time. Where it is refused they end a little later.
#[cfg(target_os = "linux")]
pub(super) fn make_smallest() {
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1)).ok();
}

/// Elsewhere there is nothing to ask for.
#[cfg(not(target_os = "linux"))]
pub(super) fn make_smallest() {}
