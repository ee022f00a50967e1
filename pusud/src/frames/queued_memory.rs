//! The account of queued memory, one a shard and their sum: data that clients have not taken yet, and messages that they
//! have not finished.
//!
//! A buffer that many listeners share is counted once, for as long as it lives, so the figure is what it really costs.
//! A shard keeps its account in a cell of its own thread, where making and dropping a buffer find it without being told;
//! the others see it as of the shard's last [`QueuedMemory::excess`].
//! **Invariant:** what is taken from the account is what was put into it, by the same thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// So many bytes are held by this thread from now on.
pub fn hold(bytes: usize) {
    HELD.set(HELD.get() + bytes);
}

/// So many bytes are held no more.
pub fn release(bytes: usize) {
    HELD.set(HELD.get() - bytes);
}

/// What this thread holds, in bytes.
pub fn held() -> usize {
    HELD.get()
}

/// The accounts of all shards, and what they may hold together.
pub struct QueuedMemory {
    by_shard: Box<[ShardBytes]>,
    bytes_max: usize,
}

/// Each shard writes its own often and reads the others' hardly ever: none shares a cache line.
#[repr(align(128))]
#[derive(Default)]
struct ShardBytes(AtomicUsize);

impl QueuedMemory {
    /// Accounts for so many `shards`, which may hold `bytes_max` together.
    pub fn new(shards: usize, bytes_max: usize) -> Self {
        Self { by_shard: (0..shards.max(1)).map(|_| ShardBytes::default()).collect(), bytes_max }
    }

    /// How many bytes shard number `shard`, whose thread calls this, has to let go of: what is too much in all, if it
    /// holds more than its equal part. Where there is too much in all, some shard does. `passing`: what it holds besides,
    /// on its way from and to other threads.
    pub fn excess(&self, shard: usize, passing: usize) -> usize {
        let own = held() + passing;
        self.by_shard[shard].0.store(own, Ordering::Relaxed);
        let part = self.bytes_max / self.by_shard.len();
        if own <= part {
            return 0;
        }
        self.held_by_all().saturating_sub(self.bytes_max).min(own - part)
    }

    /// What all shards hold, in bytes, as each has said at its last flush.
    pub fn held_by_all(&self) -> usize {
        self.by_shard.iter().map(|bytes| bytes.0.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_lets_go_when_all_hold_too_much_and_it_holds_more_than_its_part() {
        let memory = QueuedMemory::new(2, 100);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                hold(30);
                assert_eq!(memory.excess(1, 0), 0);
            });
        });
        hold(70);
        assert_eq!(memory.excess(0, 0), 0, "together they fill it");
        hold(5);
        assert_eq!((memory.excess(0, 0), memory.excess(0, 7)), (5, 12));
        release(40);
        assert_eq!((held(), memory.excess(0, 0)), (35, 0));
        release(35);
    }

    #[test]
    fn a_shard_within_its_part_lets_go_of_nothing() {
        let memory = QueuedMemory::new(2, 100);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                hold(80);
                assert_eq!(memory.excess(1, 0), 0, "nobody else holds anything yet");
            });
        });
        hold(40);
        assert_eq!(memory.excess(0, 0), 0);
        release(40);
    }
}
