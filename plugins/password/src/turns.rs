//! Turns: how many comparisons there may be at a time, bounded by the memory that they take together.
//!
//! Knows no hash. Comparisons that take no memory worth naming need no turn. Where one finds no memory all the same, others
//! have it: it waits until it is the only one.

use crate::memory;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most memory that comparisons take together, unless one alone takes more.
pub(crate) const BYTES_MAX: u64 = 256 << 20;

/// The comparisons that go on.
pub(crate) struct Turns {
    /// What they may take together.
    bytes_max: u64,
    going_on: Mutex<GoingOn>,
    changed: Condvar,
}

#[derive(Default)]
struct GoingOn {
    bytes: u64,
    /// How many are the only one, or wait to be.
    alone: usize,
}

/// A part of the memory, given back when dropped.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    bytes: u64,
    is_alone: bool,
}

impl Turns {
    /// As the process has memory now.
    pub(crate) fn new() -> Self {
        // The other half is for threads, and for what is read.
        Self::of(memory::left().map_or(BYTES_MAX, |left| BYTES_MAX.min(left / 2)))
    }

    fn of(bytes_max: u64) -> Self {
        Self { bytes_max, going_on: Mutex::default(), changed: Condvar::new() }
    }

    /// The memory that comparisons take together, of which one takes `bytes`.
    pub(crate) fn bytes_max(&self, bytes: u64) -> u64 {
        if bytes == 0 { 0 } else { self.bytes_max.max(bytes) }
    }

    /// Waits until there is memory for a comparison that takes so much; `None`: not within `timeout`.
    pub(crate) fn take(&self, bytes: u64, timeout: Duration) -> Option<Turn<'_>> {
        let has_no_room = |going_on: &GoingOn| {
            let is_full = going_on.bytes > 0 && going_on.bytes.saturating_add(bytes) > self.bytes_max;
            is_full || going_on.alone > 0
        };
        let mut going_on = self.wait_while(self.locked(), timeout, has_no_room)?;
        going_on.bytes = going_on.bytes.saturating_add(bytes);
        Some(Turn { turns: self, bytes, is_alone: false })
    }

    fn locked(&self) -> MutexGuard<'_, GoingOn> {
        self.going_on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &self,
        going_on: MutexGuard<'a, GoingOn>,
        timeout: Duration,
        condition: impl Fn(&GoingOn) -> bool,
    ) -> Option<MutexGuard<'a, GoingOn>> {
        let waited = self.changed.wait_timeout_while(going_on, timeout, |going_on| condition(going_on));
        let (going_on, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (!condition(&going_on)).then_some(going_on)
    }
}

impl Turn<'_> {
    /// Waits until no other one goes on, and keeps them waiting from then on; false: it is so already, or will not be by
    /// `until`, and then the turn is over.
    pub(crate) fn be_alone(&mut self, until: Instant) -> bool {
        if self.is_alone {
            return false;
        }
        let turns = self.turns;
        let mut going_on = turns.locked();
        // Two that wait for each other would wait for ever.
        going_on.bytes = going_on.bytes.saturating_sub(self.bytes);
        going_on.alone += 1;
        turns.changed.notify_all();
        let timeout = until.saturating_duration_since(Instant::now());
        match turns.wait_while(going_on, timeout, |going_on| going_on.bytes > 0) {
            Some(mut going_on) => {
                going_on.bytes = self.bytes;
                self.is_alone = true;
                true
            }
            None => {
                self.bytes = 0;
                turns.locked().alone -= 1;
                turns.changed.notify_all();
                false
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut going_on = self.turns.locked();
        going_on.bytes = going_on.bytes.saturating_sub(self.bytes);
        going_on.alone -= usize::from(self.is_alone);
        drop(going_on);
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u64 = BYTES_MAX / 2;
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn there_is_room_for_as_many_as_fit_and_for_one_that_does_not() {
        let turns = Turns::of(BYTES_MAX);
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
        assert_eq!((turns.bytes_max(0), turns.bytes_max(1)), (0, BYTES_MAX));
        assert_eq!(Turns::of(HALF).bytes_max(BYTES_MAX), BYTES_MAX);
    }

    #[test]
    fn who_waits_has_the_next_turn() {
        let turns = Turns::of(BYTES_MAX);
        let first = turns.take(BYTES_MAX, Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| turns.take(1, LONG).is_some());
            drop(first);
            assert!(waits.join().unwrap());
        });
    }

    /// Each of three found no memory beside the others: one after the other is the only one.
    #[test]
    fn who_finds_no_memory_waits_until_it_is_alone() {
        let turns = Turns::of(BYTES_MAX);
        let mut held: Vec<_> = (0..3).map(|_| turns.take(1, Duration::ZERO).unwrap()).collect();
        assert!(!held[0].be_alone(Instant::now()), "the others go on");
        held.remove(0);
        std::thread::scope(|scope| {
            for mut turn in held.drain(..) {
                let turns = &turns;
                scope.spawn(move || {
                    assert!(turn.be_alone(Instant::now() + LONG));
                    assert!(turns.take(1, Duration::ZERO).is_none());
                    assert!(!turn.be_alone(Instant::now() + LONG), "it is alone already");
                });
            }
        });
        assert!(turns.take(BYTES_MAX, Duration::ZERO).is_some());
    }
}
