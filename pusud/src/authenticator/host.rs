//! The daemon's side of one plugin instance: what the functions in its host table lead to, wherever the instance runs.
//!
//! Owns the instance's tickets, the error that `create` leaves and the counts of what went wrong.

mod grants;

use super::answer::{Answer, Fault, Understood, printable};
use super::callbacks::{self, Callbacks, LastError, Number};
use super::complaints::Complaints;
use super::decider::Condition;
use super::facts::Facts;
use super::grants::GrantOrders;
use super::lasting::Lasting;
use super::log_line::{self, LogLine};
use super::log_rate::{self, LogRate};
use super::metrics::{Definition, InstanceMetrics, Value};
use super::tickets::Tickets;
use super::verdict::{Decision, beginning, reason_or_none};
use pusu_plugin_abi as abi;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

/// What one plugin instance has of the daemon.
pub(super) struct Host {
    /// What the plugin is called in the log.
    pub(super) plugin: String,
    pub(super) tickets: Tickets,
    pub(super) complaints: Complaints,
    facts: Facts,
    lasting: Lasting,
    metrics: InstanceMetrics,
    /// Which one the instance is of those that hear of grants.
    epoch: AtomicU64,
    condition: Mutex<Condition>,
    /// It does not come back from a call that is about no request.
    hangs: AtomicBool,
    number: Number,
    error: LastError,
    lost: AtomicU64,
    late: AtomicU64,
    malformed: AtomicU64,
    restarts: AtomicU64,
    log_rate: LogRate,
}

impl Host {
    /// Makes the host of an instance of `plugin`, and makes it known under its number.
    pub(super) fn new(plugin: &str, facts: Facts, lasting: Lasting) -> Arc<Self> {
        callbacks::numbered(|number| Self {
            plugin: plugin.to_owned(),
            tickets: Tickets::default(),
            complaints: Complaints::default(),
            facts,
            metrics: InstanceMetrics::new(Arc::clone(&lasting.totals)),
            lasting,
            epoch: AtomicU64::new(0),
            condition: Mutex::default(),
            hangs: AtomicBool::new(false),
            number,
            error: LastError::default(),
            lost: AtomicU64::new(0),
            late: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            log_rate: LogRate::default(),
        })
    }

    /// The table's `log`: a line of the plugin in the daemon's log.
    pub(super) fn log(&self, line: &LogLine) {
        let Some(left_out) = self.log_rate.passes(Instant::now()) else { return };
        log_rate::tell(&self.plugin, left_out);
        line.write(&self.plugin);
    }

    /// The table's `complete`. `answer` is called only if somebody waits for it.
    pub(super) fn complete(&self, ticket: u64, answer: impl FnOnce() -> Result<Answer, Fault>) -> i32 {
        if !self.tickets.is_open(ticket) {
            return self.too_late();
        }
        let mut has_granted = false;
        let understood = answer().and_then(|answer| {
            has_granted = answer.decision == abi::GRANT;
            answer.understand(SystemTime::now())
        });
        match understood {
            Ok(understood) => {
                let Some(reply) = self.tickets.take(ticket) else { return self.too_late() };
                let verdict = self.named(ticket, understood.verdict);
                if has_granted && !matches!(verdict, Decision::Grant(_)) {
                    // Its end had passed before it was given.
                    self.never_arrived(ticket, abi::ENDED_EXPIRED);
                }
                self.note(ticket, &verdict, &understood.detail);
                reply.send(Understood { verdict, detail: understood.detail });
                abi::TAKEN
            }
            Err(fault) => {
                self.malformed.fetch_add(1, Ordering::Relaxed);
                self.complaints.warn(&self.plugin, format_args!("nobody could decide: {fault}"));
                if let Some(reply) = self.tickets.take(ticket) {
                    reply.send(Decision::Unavailable(String::new()));
                }
                fault.status()
            }
        }
    }

    /// Adds what was counted in the plugin's own process, which is believed no more than the plugin.
    #[cfg(unix)]
    pub(super) fn merge_metrics(&self, json: &[u8]) {
        let Ok(changes) = serde_json::from_slice::<Vec<(Definition, Value)>>(json) else {
            return self.complaints.warn(&self.plugin, "counters that cannot be read came from its process");
        };
        for (definition, change) in changes.iter().take(abi::METRICS_MAX) {
            if definition.is_well_formed() {
                self.metrics.merge(definition, change);
            }
        }
    }

    /// The condition of the plugin, as it said last.
    pub(super) fn condition(&self) -> Condition {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it hangs in a call that is about no request.
    pub(super) fn set_hangs(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::Relaxed);
    }

    /// Whether it hangs in calls that are about no request, or leaves too many of those waiting.
    pub(super) fn hangs(&self) -> bool {
        self.hangs.load(Ordering::Relaxed) || self.is_deaf()
    }

    /// The plugin has said how it is.
    pub(super) fn set_condition(&self, new: Condition) {
        let old = std::mem::replace(&mut *self.condition.lock().unwrap_or_else(PoisonError::into_inner), new.clone());
        let plugin = self.plugin.as_str();
        match new {
            new if new == old => {}
            Condition::Good => tracing::info!(plugin, "the authenticator is well again"),
            Condition::Degraded(why) => {
                tracing::warn!(plugin, "the authenticator is degraded: {}", reason_or_none(&why))
            }
            Condition::Bad(why) => {
                tracing::error!(plugin, "the authenticator can decide nothing: {}", reason_or_none(&why))
            }
        }
    }

    /// Answers a ticket whose call has been lost with the process it was in, which there is on Unix.
    #[cfg(unix)]
    pub(super) fn lose(&self, ticket: u64, verdict: Decision) {
        if let Some(reply) = self.tickets.take(ticket) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            reply.send(verdict);
        }
    }

    /// Calls that were lost.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The process that it is in has been replaced by another.
    #[cfg(unix)]
    pub(super) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// How often its process was replaced.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Answers that came for tickets which nobody waits for.
    pub(super) fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    /// Answers that could not be understood.
    pub(super) fn malformed(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }

    fn too_late(&self) -> i32 {
        self.late.fetch_add(1, Ordering::Relaxed);
        abi::LATE
    }

    fn note(&self, ticket: u64, verdict: &Decision, detail: &str) {
        let plugin = self.plugin.as_str();
        let detail = beginning(detail, abi::LOG_BYTES_MAX);
        let detailed = |said: &str| if detail.is_empty() { said.to_owned() } else { format!("{said}: {detail}") };
        match verdict {
            Decision::Grant(grant) => {
                tracing::debug!(plugin, ticket, subject = printable(&grant.subject), "{}", detailed("granted"));
            }
            Decision::Refuse(_) if detail.is_empty() => tracing::debug!(plugin, ticket, "refused"),
            Decision::Refuse(_) => tracing::info!(plugin, ticket, "{}", detailed("refused")),
            Decision::Abstain(_) => tracing::debug!(plugin, ticket, "{}", detailed("abstained")),
            Decision::Unavailable(reason) => {
                let reason = printable(reason_or_none(reason));
                match detail {
                    "" => self.complaints.warn(plugin, format_args!("could not decide: {reason}")),
                    detail => self.complaints.warn(plugin, format_args!("could not decide: {reason} ({detail})")),
                }
            }
        }
    }
}

impl Callbacks for Host {
    fn plugin(&self) -> &str {
        &self.plugin
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn number(&self) -> Number {
        self.number
    }

    fn log(&self, line: LogLine) {
        self.log(&line);
    }

    fn is_logged(&self, level: i32) -> bool {
        log_line::is_enabled(level)
    }

    fn grants(&self) -> Option<&dyn GrantOrders> {
        self.lasting.grants.as_deref().map(|grants| grants as &dyn GrantOrders)
    }

    fn metrics(&self) -> &InstanceMetrics {
        &self.metrics
    }

    fn complete(&self, ticket: u64, answer: &mut dyn FnMut() -> Result<Answer, Fault>) -> i32 {
        self.complete(ticket, answer)
    }

    fn last_error(&self) -> &LastError {
        &self.error
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        log_rate::tell(&self.plugin, self.log_rate.left_out());
        callbacks::forget(self.number);
    }
}

#[cfg(test)]
mod tests;
