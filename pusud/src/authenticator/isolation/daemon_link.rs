//! The link of a plugin's process to the daemon: what the plugin calls in its host table goes through the socket.
//!
//! **Invariant:** whoever calls waits for nobody (speech.rs). **Bound:** the tickets that are remembered, by those that are in
//! time still.

use super::message::{Start, ToDaemon};
use super::speech::Speech;
use crate::authenticator::answer::{Answer, Fault};
use crate::authenticator::callbacks::{self, Callbacks, LastError, Number};
use crate::authenticator::facts::Facts;
use crate::authenticator::grants::{GrantOrders, Order};
use crate::authenticator::log_line::LogLine;
use crate::authenticator::log_rate::LogRate;
use crate::authenticator::metrics::InstanceMetrics;
use pusu_plugin_abi as abi;
use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the last words may take.
const FINISH_WAIT: Duration = Duration::from_millis(500);
/// From so many tickets on it is looked which of them are in time still.
const SWEEP_MIN: usize = 1024;

/// Speaks to the daemon for the plugin: what it calls goes through the socket.
pub(super) struct DaemonLink {
    plugin: String,
    facts: Facts,
    number: Number,
    speech: Arc<Speech>,
    log_rate: LogRate,
    may_pend: bool,
    /// Tickets that have no answer yet, as far as is known here, and when that is not wanted any more.
    open: Mutex<Open>,
    error: LastError,
    metrics: InstanceMetrics,
    /// The most verbose level that the daemon writes.
    log_level: i32,
    has_grants: bool,
    can_recheck: bool,
}

#[derive(Default)]
struct Open {
    tickets: HashMap<u64, Option<Instant>>,
    sweep_at: usize,
}

impl DaemonLink {
    /// Speaks through `stream`, and is known to the plugin by a number.
    ///
    /// # Errors
    /// The system gives no thread, or no second way to the socket.
    pub(super) fn new(start: &Start, may_pend: bool, stream: &UnixStream) -> io::Result<Arc<Self>> {
        let speech = Speech::through(stream.try_clone()?)?;
        Ok(callbacks::numbered(|number| Self {
            plugin: start.plugin.clone(),
            facts: start.facts.clone(),
            number,
            speech,
            log_rate: LogRate::default(),
            may_pend,
            open: Mutex::default(),
            error: LastError::default(),
            metrics: InstanceMetrics::default(),
            log_level: start.log_level,
            has_grants: start.has_grants,
            can_recheck: start.can_recheck,
        }))
    }

    /// Says what has to be said.
    pub(super) fn say(&self, what: &ToDaemon) {
        self.speech.say(what);
    }

    /// A call begins, which has so much time left.
    pub(super) fn begin(&self, ticket: u64, left: Duration) {
        let (mut open, now) = (self.open(), Instant::now());
        if open.tickets.len() >= open.sweep_at.max(SWEEP_MIN) {
            // The daemon does not tell of each that is not wanted any more, when there are too many.
            open.tickets.retain(|_, until| until.is_none_or(|until| until > now));
            open.sweep_at = 2 * open.tickets.len();
        }
        open.tickets.insert(ticket, now.checked_add(left));
    }

    /// Nobody waits for the ticket from here on; whether somebody did.
    pub(super) fn end(&self, ticket: u64) -> bool {
        self.open().tickets.remove(&ticket).is_some()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say_line(&self, line: LogLine) {
        if !self.speech.say_if_there_is_room(&ToDaemon::Log(line)) {
            self.log_rate.leave_out(1);
        }
    }

    /// Says how many lines were left out before this one.
    fn tell_left_out(&self, lines: u64) {
        if lines > 0 {
            let text = format!("{lines} lines were left out: it logs more than 100 a second, or the daemon is slow");
            self.say_line(LogLine { level: 2, text: text.into_bytes(), ..LogLine::default() });
        }
    }

    /// Says what has been counted since the last time.
    pub(super) fn hand_on_metrics(&self) {
        let changes = self.metrics.take_changes();
        if !changes.is_empty() {
            let json = serde_json::to_vec(&changes).expect("names and numbers can be written as JSON");
            self.say(&ToDaemon::Metrics(json));
        }
    }

    /// Has everything said that there is to say.
    pub(super) fn finish(&self) {
        self.hand_on_metrics();
        self.tell_left_out(self.log_rate.left_out());
        self.speech.finish(FINISH_WAIT);
    }

    /// Whether the plugin may answer later.
    pub(super) fn may_pend(&self) -> bool {
        self.may_pend
    }
}

impl Callbacks for DaemonLink {
    fn plugin(&self) -> &str {
        &self.plugin
    }

    fn number(&self) -> Number {
        self.number
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn log(&self, line: LogLine) {
        if let Some(left_out) = self.log_rate.passes(Instant::now()) {
            self.tell_left_out(left_out);
            self.say_line(line);
        }
    }

    fn is_logged(&self, level: i32) -> bool {
        // There is no other level: a line of one is written as the last.
        let level = if (1..=5).contains(&level) { level } else { 5 };
        level <= self.log_level
    }

    fn grants(&self) -> Option<&dyn GrantOrders> {
        self.has_grants.then_some(self)
    }

    fn metrics(&self) -> &InstanceMetrics {
        &self.metrics
    }

    /// Also passes on what is too late, for the daemon to count.
    fn complete(&self, ticket: u64, answer: &mut dyn FnMut() -> Result<Answer, Fault>) -> i32 {
        let answer = answer().and_then(|answer| answer.check().map(|()| Box::new(answer)));
        let is_open = self.end(ticket);
        let told = match &answer {
            _ if !is_open => abi::LATE,
            Ok(_) => abi::TAKEN,
            Err(fault) => fault.status(),
        };
        let completed = ToDaemon::Completed { ticket, answer, is_taken: told == abi::TAKEN };
        if is_open {
            self.say(&completed);
        } else {
            // One that is not counted makes no difference to anybody.
            let _ = self.speech.say_if_there_is_room(&completed);
        }
        told
    }

    fn last_error(&self) -> &LastError {
        &self.error
    }
}

impl GrantOrders for DaemonLink {
    fn order(&self, order: Order) -> i32 {
        if matches!(order, Order::Recheck(_)) && !self.can_recheck {
            return abi::UNSUPPORTED;
        }
        // Behind the answers that came before it.
        if self.speech.say_if_there_is_room(&ToDaemon::Order(order)) { abi::TAKEN } else { abi::FULL }
    }
}

impl Drop for DaemonLink {
    fn drop(&mut self) {
        callbacks::forget(self.number);
    }
}
