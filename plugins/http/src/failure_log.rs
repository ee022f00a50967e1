//! The log of failures: that the service fails and why, at most every ten seconds, and that it answers again.

use pusu_plugin_api::{Counter, Host};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

/// How often a failure is logged, at most.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The log of one service's failures.
pub(crate) struct FailureLog {
    host: Host,
    service: String,
    state: Mutex<State>,
    failures: Counter,
    pointed_out: Once,
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
        let help = "Questions to the authorization service that had no answer.";
        let failures = host.counter("service_failures_total", help, &[]);
        Self { host, service, state: Mutex::default(), failures, pointed_out: Once::new() }
    }

    /// The service has answered with this status, which may be meant as a "no"; said once.
    pub(crate) fn point_out(&self, status: u16) {
        self.pointed_out.call_once(|| {
            self.host.warn(format_args!(
                "{}: it has answered with status {status}, which is no decision: it counts as `unavailable`. If the \
                 service means that a client is refused, it has to answer 403; else `http_url` may lead to another place",
                self.service
            ));
        });
    }

    /// A question had no answer.
    pub(crate) fn failed(&self, why: &str) {
        self.failures.increment();
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
        self.host
            .error(format_args!("{}: {why}; what it is asked meanwhile counts as `unavailable`{before}", self.service));
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
