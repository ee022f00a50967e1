//! Turns: how many comparisons there may be at a time, bounded by the memory that they take together.
//!
//! Knows no hash. Comparisons that take no memory worth naming need no turn.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The most memory that comparisons take together, unless one alone takes more.
pub(crate) const BYTES_MAX: u64 = 256 << 20;

/// The comparisons that go on.
#[derive(Default)]
pub(crate) struct Turns {
    bytes: Mutex<u64>,
    changed: Condvar,
}

/// A part of the memory, given back when dropped.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    bytes: u64,
}

impl Turns {
    /// Waits until there is memory for a comparison that takes so much; `None`: not within `timeout`.
    pub(crate) fn take(&self, bytes: u64, timeout: Duration) -> Option<Turn<'_>> {
        let has_no_room = |taken: &mut u64| *taken > 0 && taken.saturating_add(bytes) > BYTES_MAX;
        let taken = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(taken, timeout, has_no_room);
        let (mut taken, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() && has_no_room(&mut taken) {
            return None;
        }
        *taken = taken.saturating_add(bytes);
        Some(Turn { turns: self, bytes })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut taken = self.turns.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(self.bytes);
        drop(taken);
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u64 = BYTES_MAX / 2;

    #[test]
    fn there_is_room_for_as_many_as_fit_and_for_one_that_does_not() {
        let turns = Turns::default();
        let first = turns.take(HALF, Duration::ZERO).unwrap();
        let second = turns.take(HALF, Duration::ZERO).unwrap();
        assert!(turns.take(1, Duration::ZERO).is_none());
        assert!(turns.take(0, Duration::ZERO).is_some());
        drop(first);
        assert!(turns.take(HALF + 1, Duration::ZERO).is_none());
        drop(second);
        let alone = turns.take(4 * BYTES_MAX, Duration::ZERO).unwrap();
        assert!(turns.take(1, Duration::ZERO).is_none());
        drop(alone);
        assert!(turns.take(HALF, Duration::ZERO).is_some());
    }

    #[test]
    fn who_waits_has_the_next_turn() {
        let turns = Turns::default();
        let first = turns.take(BYTES_MAX, Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| turns.take(1, Duration::from_secs(60)).is_some());
            drop(first);
            assert!(waits.join().unwrap());
        });
    }
}
