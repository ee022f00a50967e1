//! How long something took, where the machine now and then stands still: a virtual machine that is not given its turn
//! says nothing about the daemon in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);
/// A look that comes later than this was held up.
const LATE: Duration = Duration::from_millis(100);

/// Does `work`, and says how long it took without the time in which nothing ran.
pub(crate) fn time_without_stalls<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut stalled = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let looked = Instant::now();
                std::thread::park_timeout(LOOK);
                let late = looked.elapsed().saturating_sub(LOOK);
                stalled += if late > LATE { late } else { Duration::ZERO };
            }
            stalled
        });
        let started = Instant::now();
        let done = work();
        let took = started.elapsed();
        is_over.store(true, Ordering::Relaxed);
        let stalled = watcher.join().unwrap();
        if !stalled.is_zero() {
            println!("the machine stood still for {stalled:?} of {took:?}");
        }
        (done, took.saturating_sub(stalled))
    })
}
