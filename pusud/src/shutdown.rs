//! Placeholder for the stop signal; replaced at merge.

use std::io;

/// Stops the relay.
#[derive(Debug, Clone)]
pub struct Shutdown;

impl Shutdown {
    /// Stops on SIGTERM and SIGINT.
    pub fn on_signals() -> io::Result<Self> {
        Ok(Self)
    }
}
