//! SIGHUP, where the system has it: the operator's request to read the settings again.

#[cfg(not(unix))]
pub use elsewhere::Sighups;
#[cfg(unix)]
pub use unix::Sighups;

#[cfg(unix)]
mod unix {
    use std::io;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The signal, which from here on does not end the process any more.
    pub struct Sighups(Signal);

    impl Sighups {
        /// Catches it, inside a runtime.
        ///
        /// # Errors
        /// The system does not let the process catch it.
        pub fn catch() -> io::Result<Self> {
            signal(SignalKind::hangup()).map(Self)
        }

        /// Waits for the next one. Several that nobody has waited for are one.
        pub async fn next(&mut self) {
            if self.0.recv().await.is_none() {
                // The runtime's driver is gone, and no signal comes any more.
                std::future::pending().await
            }
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::io;

    /// There is none: the daemon is restarted instead.
    pub struct Sighups;

    impl Sighups {
        /// Catches nothing.
        ///
        /// # Errors
        /// Never.
        pub fn catch() -> io::Result<Self> {
            Ok(Self)
        }

        /// Never comes.
        pub async fn next(&mut self) {
            std::future::pending().await
        }
    }
}
