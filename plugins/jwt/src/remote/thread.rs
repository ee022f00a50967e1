//! The one thread on which keys are fetched.
//!
//! **Invariant:** when it is dropped, a fetch that was under way is dropped, and the thread has ended.

use super::Remote;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime;
use tokio::sync::oneshot;

/// How long the end waits for a look-up of a host's name, which the system may not interrupt.
const LOOKUP_WAIT: Duration = Duration::from_secs(1);

/// A thread that fetches when something is due.
pub(crate) struct Fetching {
    /// Dropped to stop.
    stop: Option<oneshot::Sender<()>>,
    joined: Option<JoinHandle<()>>,
}

impl Fetching {
    /// Starts the thread, which begins with a fetch.
    ///
    /// # Errors
    /// The system has no thread or no file to spare.
    pub(super) fn start(remote: Arc<Remote>) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().thread_name("pusu-jwt-name").build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let joined = Builder::new().name("pusu-jwt-keys".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // Nothing is ever sent: that the other side is dropped is the sign.
                    _ = stopped => {}
                    () = run(&remote) => {}
                }
            });
            runtime.shutdown_timeout(LOOKUP_WAIT);
        })?;
        Ok(Self { stop: Some(stop), joined: Some(joined) })
    }
}

async fn run(remote: &Remote) {
    loop {
        let due = remote.state().schedule.due();
        if due <= Instant::now() {
            remote.fetch().await;
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {}
            () = remote.woken.notified() => {}
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(joined) = self.joined.take() {
            // It has panicked only if the runtime itself is broken; then there is nothing left to stop.
            let _ = joined.join();
        }
    }
}
