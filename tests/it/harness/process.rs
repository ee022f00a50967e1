//! How a daemon's process is started.

use super::Log;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What the process is started with, besides its settings.
pub(crate) struct Process {
    /// A command that becomes the daemon, if any.
    pub(super) runner: Vec<OsString>,
    /// Variables of its environment.
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// How much it logs.
    pub(super) log_level: &'static str,
    /// For people, or for programs.
    pub(super) log_format: &'static str,
}

impl Process {
    /// Starts one with the settings in `dir`.
    pub(super) fn spawn(&self, dir: &Path) -> (Child, Log) {
        let words: Vec<OsString> = self.runner.iter().cloned().chain([env!("CARGO_BIN_EXE_pusud").into()]).collect();
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(["run", "--log-format", self.log_format, "--log-level", self.log_level, "--config"])
            .arg(dir.join("settings.yaml"))
            // Whoever runs the tests may be a service itself.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::of(child.stderr.take().unwrap());
        (child, log)
    }
}
