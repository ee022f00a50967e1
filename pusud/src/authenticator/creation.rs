//! Loading a library and making its instance within a deadline, on a thread of its own (`pusu-auth-create`).
//!
//! A plugin that does not come back costs that thread, which cannot be ended, and nothing else waits for it. If it comes
//! back after all, what it has made is destroyed there at once.
//! **Invariant:** the number of threads that hang so is bounded ([`HANGING_MAX`]).

use super::worker::STACK_BYTES;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Most threads that may hang in making an instance; with so many, none is made any more.
pub(super) const HANGING_MAX: usize = 4;

/// Those that hang now.
static HANGING: AtomicUsize = AtomicUsize::new(0);

/// Threads that are about to load a library, of which one at most has its turn.
static LOADING: AtomicUsize = AtomicUsize::new(0);

/// Does `load`, which may hang, and holds the lock of the system's loader then.
pub(super) fn loading<T>(load: impl FnOnce() -> T) -> T {
    LOADING.fetch_add(1, Ordering::Relaxed);
    let loaded = load();
    LOADING.fetch_sub(1, Ordering::Relaxed);
    loaded
}

/// Whether a thread hangs in loading a library.
pub fn loading_hangs() -> bool {
    hanging() > 0 && LOADING.load(Ordering::Relaxed) > 0
}

/// How many threads hang in making an instance.
pub(super) fn hanging() -> usize {
    HANGING.load(Ordering::Relaxed)
}

/// Has `make` done on a thread of its own, within `time`. Past that its result is dropped there as soon as it comes.
///
/// # Errors
/// That of `make`; or the time is up; or too many hang already. The caller adds which file it is about.
pub(super) fn within<T: Send + 'static>(
    plugin: &str,
    time: Duration,
    make: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    ensure!(
        hanging() < HANGING_MAX,
        "is not loaded: {HANGING_MAX} threads hang in making an instance, and no more may; restart the daemon"
    );
    let desk = Arc::new((Mutex::new(Desk::Awaited), Condvar::new()));
    let (name, theirs) = (plugin.to_owned(), Arc::clone(&desk));
    let body = move || {
        let made = catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| Err(anyhow!("panicked while it was made")));
        let (desk, is_made) = &*theirs;
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*desk, Desk::Awaited) {
            *desk = Desk::Made(made);
            is_made.notify_all();
            return;
        }
        drop(desk);
        tracing::warn!(
            plugin = name,
            "making an instance has ended, too late: {}",
            if made.is_ok() { "it is destroyed again" } else { "it has failed" }
        );
        drop(made);
        HANGING.fetch_sub(1, Ordering::Relaxed);
    };
    let thread = thread::Builder::new().name("pusu-auth-create".into()).stack_size(STACK_BYTES);
    thread.spawn(body).context("cannot be given a thread to be made on; raise the limit on processes")?;
    // No channel: while a library is being loaded, whatever keeps something for the first time for its thread has to wait.
    let (desk, is_made) = &*desk;
    let awaited = desk.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = is_made.wait_timeout_while(awaited, time, |desk| matches!(desk, Desk::Awaited));
    let mut desk = waited.unwrap_or_else(PoisonError::into_inner).0;
    match std::mem::replace(&mut *desk, Desk::Left) {
        Desk::Made(made) => made,
        Desk::Awaited | Desk::Left => {
            // Under the lock, so that the thread has not come back yet.
            HANGING.fetch_add(1, Ordering::Relaxed);
            let loader = match loading_hangs() {
                true => {
                    "; while it hangs in being loaded it holds the lock of the system's loader, for which \
                         authorizations may have to wait: restart a daemon that serves"
                }
                false => "",
            };
            bail!("{}{loader}", too_slow(time))
        }
    }
}

/// Where a thread leaves what it has made.
enum Desk<T> {
    Awaited,
    Made(Result<T>),
    /// Nobody waits any more.
    Left,
}

/// What is said where the time is up.
pub(super) fn too_slow(time: Duration) -> String {
    format!(
        "is not loaded and created within {time:?} (`authenticator_create_timeout` in the settings): something in it \
         hangs, or waits for a service that does not answer"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Instant;

    /// Says on which thread it was dropped.
    struct Made(mpsc::Sender<Option<String>>);

    impl Drop for Made {
        fn drop(&mut self) {
            drop(self.0.send(thread::current().name().map(str::to_owned)));
        }
    }

    #[test]
    fn what_comes_too_late_is_dropped_where_it_was_made() {
        let (dropped, on) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let started = Instant::now();
        let made = within("Test", Duration::from_millis(20), move || {
            let released = gone.recv();
            assert!(released.is_ok());
            Ok(Made(dropped))
        });
        let error = format!("{:#}", made.err().expect("the time is up"));
        assert!(error.contains("within 20ms") && error.contains("`authenticator_create_timeout`"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10) && hanging() == 1);
        go.send(()).unwrap();
        assert_eq!(on.recv_timeout(Duration::from_secs(10)).unwrap().as_deref(), Some("pusu-auth-create"));
        while hanging() > 0 {
            assert!(started.elapsed() < Duration::from_secs(10));
            thread::yield_now();
        }
        assert_eq!(within("Test", Duration::from_secs(10), || Ok(7)).unwrap(), 7);
        let error = within("Test", Duration::from_secs(10), || -> Result<()> { bail!("no") }).unwrap_err();
        assert_eq!(error.to_string(), "no");
    }
}
