//! What an operator asks of a running daemon through its control socket.

use super::{Daemon, Finished, pusud, run};
use serde_json::Value;

impl Daemon {
    /// Runs a command of the operator's, such as `kick`, for this daemon.
    pub(crate) fn operate(&self, words: &[&str]) -> Finished {
        run(pusud(words).arg("--config").arg(self.dir().join("settings.yaml")))
    }

    /// The same, which has to succeed and prints one JSON object a line.
    pub(crate) fn operate_json(&self, words: &[&str]) -> Vec<Value> {
        let lines = self.operate(&[words, &["--json"]].concat()).succeeds();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The last decision about this subject.
    pub(crate) fn last_decision_about(&self, subject: &str) -> Value {
        let mut found = self.operate_json(&["decisions", "--subject", subject, "--last", "1"]);
        found.pop().unwrap_or_else(|| panic!("no decision about {subject}"))
    }
}
