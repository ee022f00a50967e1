//! Asking a daemon how it is without starting a process for every question: tests that wait for a state of many relays
//! would measure those processes.

use super::Daemon;
use serde_json::{Value, json};

impl Daemon {
    /// What it answers at its control socket, which is what [`Daemon::status`] shows.
    #[cfg(unix)]
    pub(crate) fn asked(&self) -> Value {
        use super::DEADLINE;
        use std::io::{Read as _, Write as _};
        let mut socket = std::os::unix::net::UnixStream::connect(self.dir().join("control.sock")).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.write_all(b"{\"version\":1,\"command\":\"status\"}\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        answer["status"].take()
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
