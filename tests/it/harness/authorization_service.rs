//! A service that is asked for authorizations over HTTP, in Python and of its own process.

use super::{DEADLINE, Running, script};
use serde_json::Value;
use std::cell::Cell;
use std::io::Write as _;
use std::process::{ChildStdin, Stdio};
use std::time::Instant;

/// The service of `tests/clients/authorization_service.py`; dropping it ends the process.
pub(crate) struct AuthorizationService {
    /// Its process.
    pub(crate) process: Running,
    stdin: ChildStdin,
    /// The port that it answers on.
    pub(crate) port: u16,
    /// How often [`Self::requests`] has asked.
    asked: Cell<u32>,
}

impl AuthorizationService {
    /// Starts it with these arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = Running::start(script("authorization_service.py").args(arguments).stdin(Stdio::piped()));
        let port = process.stdout.wait_for("the service", |line| line.strip_prefix("listening on ")?.parse().ok());
        Self { stdin: process.take_stdin(), process, port, asked: Cell::new(0) }
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/authorize", self.port)
    }

    /// Waits until so many requests have come in, answered or not.
    pub(crate) fn wait_for_requests(&self, count: usize) {
        let deadline = Instant::now() + DEADLINE;
        while self.requests().len() < count {
            assert!(Instant::now() < deadline, "waited in vain for {count} requests");
        }
    }

    /// The requests so far, all that were answered among them: the service repeats a line behind those.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.asked.set(self.asked.get() + 1);
        let mark = format!("so far {}", self.asked.get());
        writeln!(&self.stdin, "{mark}").unwrap();
        self.process.stdout.wait_for("the requests so far", |line| (line == mark).then_some(()));
        let lines = self.process.stdout.lines();
        let before = lines.iter().take_while(|line| **line != mark).filter(|line| line.starts_with('{'));
        before.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
