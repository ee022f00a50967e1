//! How long something took, where the machine now and then stands still: a virtual machine that is not given its turn
//! says nothing about the daemon in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
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

/// Looks whether the machine stands still, until it is asked or dropped.
pub(crate) struct StallWatch {
    is_over: Arc<AtomicBool>,
    watcher: Option<JoinHandle<Stalls>>,
}

impl StallWatch {
    /// Looks from here on.
    pub(crate) fn begin() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let shared = is_over.clone();
        let watcher = thread::spawn(move || {
            let mut stalls = Stalls::default();
            while !shared.load(Ordering::Relaxed) {
                let due = Instant::now() + LOOK;
                thread::park_timeout(LOOK);
                let now = Instant::now();
                if now.saturating_duration_since(due) > LATE {
                    stalls.0.push((due, now));
                }
            }
            stalls
        });
        Self { is_over, watcher: Some(watcher) }
    }

    /// What it has seen.
    pub(crate) fn end(mut self) -> Stalls {
        self.is_over.store(true, Ordering::Relaxed);
        self.watcher.take().expect("it ends once").join().unwrap()
    }
}

impl Drop for StallWatch {
    /// Also where the work has failed.
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Does `work`, and says when nothing ran meanwhile.
pub(crate) fn watch_stalls<T>(work: impl FnOnce() -> T) -> (T, Stalls) {
    let watch = StallWatch::begin();
    let started = Instant::now();
    let done = work();
    let took = started.elapsed();
    let stalls = watch.end();
    if !stalls.0.is_empty() {
        println!("the machine stood still for {:?} of {took:?}", stalls.sum());
    }
    (done, stalls)
}

/// Does `work`, and says how long it took without the time in which nothing ran.
pub(crate) fn time_without_stalls<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let ((done, from, to), stalls) = watch_stalls(|| {
        let started = Instant::now();
        (work(), started, Instant::now())
    });
    (done, stalls.time_between(from, to))
}
