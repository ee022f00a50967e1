//! How long something took, where the machine now and then stands still: a virtual machine that is not given its turn
//! says nothing about the daemon in it.

use super::checker::now;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);
/// A look that comes later than this was held up.
const LATE: Duration = Duration::from_millis(100);

/// Looks whether the machine stands still, until it is asked or dropped.
pub(crate) struct StallWatch {
    is_over: Arc<AtomicBool>,
    watcher: Option<JoinHandle<Stalls>>,
}

/// When the machine stood still, on the clock of [`now`]: beginning and end of each time.
#[derive(Default)]
pub(crate) struct Stalls(Vec<[Duration; 2]>);

impl StallWatch {
    /// Looks from here on.
    pub(crate) fn begin() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let shared = is_over.clone();
        let watcher = thread::spawn(move || {
            let mut stalls = Stalls::default();
            while !shared.load(Ordering::Relaxed) {
                let looked = Instant::now();
                thread::park_timeout(LOOK);
                let late = looked.elapsed().saturating_sub(LOOK);
                if late > LATE {
                    let end = now();
                    stalls.0.push([end.saturating_sub(late), end]);
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
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Stalls {
    /// How long it stood still between two moments.
    pub(crate) fn between(&self, from: Duration, to: Duration) -> Duration {
        self.0.iter().map(|[begin, end]| (*end).min(to).saturating_sub((*begin).max(from))).sum()
    }
}

/// Does `work`, and says how long it took without the time in which nothing ran.
pub(crate) fn time_without_stalls<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let watch = StallWatch::begin();
    let (began, started) = (now(), Instant::now());
    let done = work();
    let (took, ended) = (started.elapsed(), now());
    let stalled = watch.end().between(began, ended);
    if !stalled.is_zero() {
        println!("the machine stood still for {stalled:?} of {took:?}");
    }
    (done, took.saturating_sub(stalled))
}
