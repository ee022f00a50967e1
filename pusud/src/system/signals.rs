//! The signals of the operator: SIGTERM and SIGINT stop the daemon, SIGHUP has the settings read again.
//!
//! They are caught from the daemon's first instruction on, by a thread of its own: no call into a plugin delays a stop,
//! and SIGHUP waits until the relay serves. **Invariant:** a wish to stop that nobody waits for ends the process at once.

#[cfg(not(unix))]
pub use elsewhere::Signals;
#[cfg(unix)]
pub use unix::Signals;

use std::sync::Arc;
use tokio::sync::Notify;

/// Wishes that the settings be read again. Several that nobody has waited for are one.
#[derive(Clone, Default)]
pub struct Sighups(Arc<Notify>);

impl Sighups {
    /// Waits for the next one; it may have come before.
    pub async fn next(&self) {
        self.0.notified().await;
    }
}

#[cfg(unix)]
mod unix {
    use super::Sighups;
    use crate::system::logging;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator;
    use signal_hook::low_level;
    use std::sync::{Arc, Mutex};
    use std::{io, thread};
    use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
    use tracing::warn;

    /// Whoever waits for wishes to stop, while somebody does.
    type Stops = Arc<Mutex<Option<UnboundedSender<&'static str>>>>;

    /// The signals, which from here on do not end the process by themselves any more.
    pub struct Signals {
        stops: Stops,
        sighups: Sighups,
    }

    impl Signals {
        /// Catches them.
        ///
        /// # Errors
        /// The system does not let the process catch them, or is out of threads.
        pub fn catch() -> io::Result<Self> {
            let mut caught = iterator::Signals::new([SIGTERM, SIGINT, SIGHUP])?;
            let (stops, sighups) = (Stops::default(), Sighups::default());
            let (to_stops, to_sighups) = (stops.clone(), sighups.clone());
            let pass_on = move || {
                for signal in caught.forever() {
                    match signal {
                        SIGHUP => to_sighups.0.notify_one(),
                        SIGINT => stop(&to_stops, "SIGINT"),
                        _ => stop(&to_stops, "SIGTERM"),
                    }
                }
            };
            // It ends with the process.
            thread::Builder::new().name("signals".into()).spawn(pass_on)?;
            Ok(Self { stops, sighups })
        }

        /// SIGHUP.
        pub fn sighups(&self) -> Sighups {
            self.sighups.clone()
        }

        /// SIGTERM and SIGINT, from here on.
        pub(in crate::system) fn stops(&self) -> UnboundedReceiver<&'static str> {
            let (sender, receiver) = mpsc::unbounded_channel();
            *self.stops.lock().expect("nothing panics while it holds the sender") = Some(sender);
            receiver
        }
    }

    fn stop(stops: &Stops, by: &'static str) {
        let stops = stops.lock().expect("nothing panics while it holds the sender");
        if stops.as_ref().is_none_or(|stops| stops.send(by).is_err()) {
            // The relay does not serve yet, or no more: another thread may be in a call into a plugin, for as long as it
            // likes, and nothing would be lost. Destructors do not run, since that call may need what they destroy.
            warn!(by, "ended at once: no clients are served");
            logging::finish_log();
            low_level::exit(0);
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::Sighups;
    use std::io;
    use tokio::sync::mpsc::{self, UnboundedReceiver};

    /// Ctrl-C, the one that every system has. Until the relay serves it ends the process by itself.
    pub struct Signals;

    impl Signals {
        /// Catches nothing yet.
        ///
        /// # Errors
        /// Never.
        pub fn catch() -> io::Result<Self> {
            Ok(Self)
        }

        /// Never comes: the daemon is restarted instead.
        pub fn sighups(&self) -> Sighups {
            Sighups::default()
        }

        /// Ctrl-C, from here on. Called inside a runtime.
        pub(in crate::system) fn stops(&self) -> UnboundedReceiver<&'static str> {
            let (sender, receiver) = mpsc::unbounded_channel();
            tokio::spawn(async move {
                // An error: it cannot be caught, and then it ends the process by itself.
                while tokio::signal::ctrl_c().await.is_ok() && sender.send("Ctrl-C").is_ok() {}
            });
            receiver
        }
    }
}
