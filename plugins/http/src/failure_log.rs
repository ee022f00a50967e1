//! The log of failures: that the service fails and why, at most every ten seconds, and that it answers again.

use pusu_plugin_api::Host;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a failure is logged, at most.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The log of one service's failures.
pub(crate) struct FailureLog {
    host: Host,
    service: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_line: Option<Instant>,
    /// Failures since then.
    unsaid: u64,
    /// The last line was about a failure.
    failing: bool,
}

impl FailureLog {
    /// Of `service`, which is named so in the log.
    pub(crate) fn new(host: Host, service: String) -> Self {
        Self { host, service, state: Mutex::default() }
    }

    /// A question had no answer.
    pub(crate) fn failed(&self, why: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if state.last_line.is_some_and(|last| now < last + LINE_INTERVAL) {
            state.unsaid += 1;
            return;
        }
        let before = match std::mem::replace(&mut *state, State { last_line: Some(now), unsaid: 0, failing: true }) {
            State { unsaid: 0, .. } => String::new(),
            State { unsaid, .. } => format!("; {unsaid} failures before were not logged"),
        };
        drop(state);
        self.host.error(format_args!("{}: {why}; clients are told to try again (`unavailable`){before}", self.service));
    }

    /// A question had an answer.
    pub(crate) fn answered(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.failing) {
            drop(state);
            self.host.info(format_args!("{}: answers again", self.service));
        }
    }
}
