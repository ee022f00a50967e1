//! Warnings about a plugin that misbehaves, at a rate that no client can turn into a flood of log lines.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two warnings about one plugin.
const EVERY: Duration = Duration::from_secs(1);

/// What was warned about lately.
#[derive(Default)]
pub(super) struct Complaints(Mutex<Lately>);

#[derive(Default)]
struct Lately {
    last: Option<Instant>,
    held_back: u64,
}

impl Complaints {
    /// Warns that `plugin` does `what`, unless there was a warning within the last second: then it is only counted, and
    /// the next warning says how many were held back.
    pub(super) fn warn(&self, plugin: &str, what: impl Display) {
        if let Some(held_back) = self.may_speak(Instant::now()) {
            match held_back {
                0 => tracing::warn!(plugin, "{what}"),
                more => tracing::warn!(plugin, "{what} (and {more} more warnings before this one)"),
            }
        }
    }

    fn may_speak(&self, now: Instant) -> Option<u64> {
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lately.last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            lately.held_back += 1;
            return None;
        }
        lately.last = Some(now);
        Some(std::mem::take(&mut lately.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_in_a_second_and_the_rest_is_counted() {
        let (complaints, start) = (Complaints::default(), Instant::now());
        assert_eq!(complaints.may_speak(start), Some(0));
        assert_eq!(complaints.may_speak(start + EVERY / 2), None);
        assert_eq!(complaints.may_speak(start + EVERY / 2), None);
        assert_eq!(complaints.may_speak(start + EVERY), Some(2));
        assert_eq!(complaints.may_speak(start + EVERY * 2), Some(0));
    }
}
