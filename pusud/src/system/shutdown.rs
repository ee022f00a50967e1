//! The request to stop: a signal from the operator, or the program that embeds the relay.

use std::io;
use tokio::sync::mpsc;

/// A wait for the request to stop. It can come more than once: the second one means at once.
pub struct Shutdown {
    source: Source,
}

enum Source {
    Signals,
    Trigger(mpsc::Receiver<()>),
}

/// Asks the relay with the matching [`Shutdown`] to stop.
#[derive(Clone)]
pub struct Trigger(mpsc::Sender<()>);

impl Shutdown {
    /// Stops at SIGTERM or SIGINT; elsewhere than on Unix at Ctrl-C. The signals are caught from the first wait on.
    pub fn on_signals() -> Self {
        Self { source: Source::Signals }
    }

    /// Stops when the trigger says so.
    pub fn on_trigger() -> (Trigger, Self) {
        let (sender, receiver) = mpsc::channel(2);
        (Trigger(sender), Self { source: Source::Trigger(receiver) })
    }

    /// Starts to wait, inside a runtime.
    ///
    /// # Errors
    /// The system does not let the process catch the signals.
    pub fn listen(self) -> io::Result<Listening> {
        Ok(match self.source {
            Source::Signals => Listening::Signals(signals::Signals::catch()?),
            Source::Trigger(receiver) => Listening::Trigger(receiver),
        })
    }
}

impl Trigger {
    /// Asks for the stop. The second time it is immediate.
    pub fn stop(&self) {
        // Full or closed means that the relay has been told twice or has ended.
        self.0.try_send(()).ok();
    }
}

/// A wait that has begun.
pub enum Listening {
    /// For a signal.
    Signals(signals::Signals),
    /// For a trigger.
    Trigger(mpsc::Receiver<()>),
}

impl Listening {
    /// Waits for the next request to stop, and says in a word where it came from.
    pub async fn requested(&mut self) -> &'static str {
        match self {
            Self::Signals(signals) => signals.next().await,
            Self::Trigger(receiver) => match receiver.recv().await {
                Some(()) => "the program",
                // Every trigger is gone, and nobody can ask any more.
                None => std::future::pending().await,
            },
        }
    }
}

/// The operating system's part.
#[cfg(unix)]
pub(crate) mod signals {
    use std::io;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The signals that stop a daemon.
    pub struct Signals {
        terminate: Signal,
        interrupt: Signal,
    }

    impl Signals {
        pub(super) fn catch() -> io::Result<Self> {
            Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
        }

        pub(super) async fn next(&mut self) -> &'static str {
            tokio::select! {
                _ = self.terminate.recv() => "SIGTERM",
                _ = self.interrupt.recv() => "SIGINT",
            }
        }
    }
}

/// The operating system's part.
#[cfg(not(unix))]
pub mod signals {
    use std::io;

    /// Ctrl-C, the one that every system has.
    pub struct Signals;

    impl Signals {
        pub(super) fn catch() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) -> &'static str {
            match tokio::signal::ctrl_c().await {
                Ok(()) => "Ctrl-C",
                // It cannot be caught, and then it ends the process by itself.
                Err(_) => std::future::pending().await,
            }
        }
    }
}
