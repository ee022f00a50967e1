//! How long something took, where the machine now and then stands still: a virtual machine that is not given its turn
//! says nothing about the daemon in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);
/// A look that comes later than this was held up.
const LATE: Duration = Duration::from_millis(100);

/// When nothing ran: from when to when, in order.
#[derive(Default)]
pub(crate) struct Stalls(Vec<(Instant, Instant)>);

impl Stalls {
    /// The time between two moments in which something ran; none if the second one is the earlier.
    pub(crate) fn time_between(&self, from: Instant, to: Instant) -> Duration {
        let overlap = |stall: &(Instant, Instant)| stall.1.min(to).saturating_duration_since(stall.0.max(from));
        to.saturating_duration_since(from).saturating_sub(self.0.iter().map(overlap).sum())
    }

    /// The time in which nothing ran.
    fn sum(&self) -> Duration {
        self.0.iter().map(|(from, to)| *to - *from).sum()
    }
}

/// Does `work`, and says when nothing ran meanwhile.
pub(crate) fn watch_stalls<T>(work: impl FnOnce() -> T) -> (T, Stalls) {
    /// Ends the watch when the work is done, and when it has failed.
    struct Watch<'a>(&'a AtomicBool);

    impl Drop for Watch<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut stalls = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let due = Instant::now() + LOOK;
                std::thread::park_timeout(LOOK);
                let now = Instant::now();
                if now.saturating_duration_since(due) > LATE {
                    stalls.push((due, now));
                }
            }
            Stalls(stalls)
        });
        let watch = Watch(&is_over);
        let started = Instant::now();
        let done = work();
        drop(watch);
        let took = started.elapsed();
        let stalls = watcher.join().unwrap();
        if !stalls.0.is_empty() {
            println!("the machine stood still for {:?} of {took:?}", stalls.sum());
        }
        (done, stalls)
    })
}

/// Does `work`, and says how long it took without the time in which nothing ran.
pub(crate) fn time_without_stalls<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let ((done, from, to), stalls) = watch_stalls(|| {
        let started = Instant::now();
        (work(), started, Instant::now())
    });
    (done, stalls.time_between(from, to))
}
