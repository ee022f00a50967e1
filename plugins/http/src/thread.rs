//! The one thread on which all connections of an instance live.
//!
//! **Invariant:** when it is dropped, everything that was under way on it is dropped, and the thread has ended.

use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

/// How long the end waits for a look-up of a host's name, which the system may not interrupt.
const LOOKUP_WAIT: Duration = Duration::from_secs(1);

/// A thread with a runtime of its own.
pub(crate) struct Thread {
    handle: Handle,
    /// Dropped to stop.
    stop: Option<oneshot::Sender<()>>,
    joined: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread or no file to spare.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().thread_name("pusu-http-name").build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let joined = Builder::new().name("pusu-http".into()).spawn(move || {
            // Nothing is ever sent: that the other side is dropped is the sign.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_timeout(LOOKUP_WAIT);
        })?;
        Ok(Self { handle, stop: Some(stop), joined: Some(joined) })
    }

    /// Runs `task` on the thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(joined) = self.joined.take() {
            // It has panicked only if the runtime itself is broken; then there is nothing left to stop.
            let _ = joined.join();
        }
    }
}
