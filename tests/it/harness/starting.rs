//! A daemon whose process has been started, and which may not serve yet.

use super::daemon::serving_address;
use super::process::Process;
use super::{DEADLINE, Daemon, Log, Namespace, PluginsDir, run};
use rustls::ClientConfig;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A daemon that starts.
pub(crate) struct Starting {
    pub(super) child: Child,
    pub(super) log: Log,
    pub(super) process: Process,
    pub(super) dir: TempDir,
    pub(super) plugins: PluginsDir,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) namespace: Option<Namespace>,
}

impl Starting {
    /// Starts one with the settings in `dir`.
    pub(super) fn new(
        process: Process,
        dir: TempDir,
        plugins: PluginsDir,
        tls: Option<Arc<ClientConfig>>,
        namespace: Option<Namespace>,
    ) -> Self {
        let (child, log) = process.spawn(dir.path());
        Self { child, log, process, dir, plugins, tls, namespace }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        run(Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()])).succeeds();
    }

    /// Waits until it serves clients.
    pub(crate) fn serving(self) -> Daemon {
        let address = self.log.wait_for("`serving clients`", serving_address);
        Daemon::of(self, address)
    }

    /// The same where the log is not collected: its control socket says it.
    #[cfg(unix)]
    pub(crate) fn serving_unheard(mut self) -> Daemon {
        let began = Instant::now();
        loop {
            if let Some(status) = super::asking::ask(self.dir.path()) {
                let address: SocketAddr = status["address"].as_str().unwrap().parse().unwrap();
                return Daemon::of(self, address);
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it has ended");
            assert!(began.elapsed() < DEADLINE, "it does not serve");
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Waits until the process has ended by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        assert!(self.log.ends(), "still running after {DEADLINE:?}; its log:\n{}", self.log.text());
        self.child.wait().unwrap()
    }
}
