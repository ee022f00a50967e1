//! Loading a library and making its instance within a deadline, on a thread of its own (`pusu-auth-create`).
//!
//! A plugin that does not come back costs that thread, which cannot be ended, and nothing else waits for it. If it comes
//! back after all, what it has made is destroyed there at once.
//! **Invariant:** the number of threads that hang so is bounded ([`HANGING_MAX`]).

use super::worker::STACK_BYTES;
use anyhow::{Context, Result, bail, ensure};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SendError, sync_channel};
use std::thread;
use std::time::Duration;

/// Most threads that may hang in making an instance; with so many, none is made any more.
pub(super) const HANGING_MAX: usize = 4;

/// Those that hang now.
static HANGING: AtomicUsize = AtomicUsize::new(0);

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
    // Without room in it, so that a result which nobody takes comes back to the thread that has made it.
    let (sender, receiver) = sync_channel(0);
    let name = plugin.to_owned();
    let body = move || {
        let Err(SendError(late)) = sender.send(make()) else { return };
        tracing::warn!(
            plugin = name,
            "making an instance has ended, too late: {}",
            if late.is_ok() { "it is destroyed again" } else { "it has failed" }
        );
        drop(late);
        HANGING.fetch_sub(1, Ordering::Relaxed);
    };
    let thread = thread::Builder::new().name("pusu-auth-create".into()).stack_size(STACK_BYTES);
    thread.spawn(body).context("cannot be given a thread to be made on; raise the limit on processes")?;
    match receiver.recv_timeout(time) {
        Ok(made) => made,
        Err(RecvTimeoutError::Disconnected) => bail!("panicked while it was made"),
        Err(RecvTimeoutError::Timeout) => {
            // Before the receiver is dropped, which is what the thread notices.
            HANGING.fetch_add(1, Ordering::Relaxed);
            bail!("{}", too_slow(time))
        }
    }
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
