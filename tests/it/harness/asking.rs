//! Asking a daemon how it is without starting a process for every question: tests that wait for a state of many relays
//! would measure those processes.

use super::{DEADLINE, Daemon};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What the daemon with its settings in `dir` answers at its control socket; `None`: there is none yet.
#[cfg(unix)]
pub(super) fn ask(dir: &Path) -> Option<Value> {
    let mut socket = UnixStream::connect(dir.join("control.sock")).ok()?;
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(b"{\"version\":1,\"command\":\"status\"}\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let mut answer: Value = serde_json::from_str(&answer).ok()?;
    Some(answer["status"].take())
}

impl Daemon {
    /// What it answers at its control socket, which is what [`Daemon::status`] shows.
    #[cfg(unix)]
    pub(crate) fn asked(&self) -> Value {
        ask(self.dir()).expect("a relay that serves answers")
    }

    /// Fails if it has disconnected anybody.
    #[track_caller]
    pub(crate) fn expect_nobody_disconnected(&self) {
        assert_eq!(self.asked()["disconnects"], json!([]), "{}", self.log().text());
    }

    /// Elsewhere the command knows how to ask.
    #[cfg(not(unix))]
    pub(crate) fn asked(&self) -> Value {
        self.status()
    }
}
