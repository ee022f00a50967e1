//! The thread that looks at a file once a second.
//!
//! **Invariant:** when it is dropped, the thread has ended: nothing of it runs after `destroy`.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How often the file is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A thread that looks.
pub(super) struct Watch {
    /// Dropped to stop.
    stop: Option<Sender<()>>,
    joined: Option<JoinHandle<()>>,
}

impl Watch {
    /// Has `look` called once a second.
    ///
    /// # Errors
    /// The system has no thread to spare.
    pub(super) fn start(look: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let joined = Builder::new().name("pusu-file".into()).spawn(move || {
            while stopped.recv_timeout(LOOK_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                look();
            }
        })?;
        Ok(Self { stop: Some(stop), joined: Some(joined) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(joined) = self.joined.take() {
            // A panic of the author's `parse` has been printed, and ends the watching alone.
            let _ = joined.join();
        }
    }
}
