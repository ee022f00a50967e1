//! The request to stop: a signal from the operator, or the program that embeds the relay.

use crate::system::signals::Signals;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// A wait for the request to stop. It can come more than once: the second one means at once.
pub struct Shutdown {
    source: Source,
}

enum Source {
    Signals(Signals),
    Trigger(UnboundedReceiver<&'static str>),
}

/// Asks the relay with the matching [`Shutdown`] to stop.
#[derive(Clone)]
pub struct Trigger(UnboundedSender<&'static str>);

impl Shutdown {
    /// Stops at SIGTERM or SIGINT; elsewhere than on Unix at Ctrl-C.
    pub fn on_signals(signals: Signals) -> Self {
        Self { source: Source::Signals(signals) }
    }

    /// Stops when the trigger says so.
    pub fn on_trigger() -> (Trigger, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Trigger(sender), Self { source: Source::Trigger(receiver) })
    }

    /// Starts to wait, inside a runtime.
    pub fn listen(self) -> Listening {
        Listening(match self.source {
            Source::Signals(signals) => signals.stops(),
            Source::Trigger(receiver) => receiver,
        })
    }
}

impl Trigger {
    /// Asks for the stop. The second time it is immediate.
    pub fn stop(&self) {
        // An error means that the relay has ended.
        self.0.send("the program").ok();
    }
}

/// A wait that has begun.
pub struct Listening(UnboundedReceiver<&'static str>);

impl Listening {
    /// Waits for the next request to stop, and says in a word where it came from.
    pub async fn requested(&mut self) -> &'static str {
        match self.0.recv().await {
            Some(by) => by,
            // Every trigger is gone, and nobody can ask any more.
            None => std::future::pending().await,
        }
    }
}
