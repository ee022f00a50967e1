//! The daemon's side of one plugin instance: what the functions in its host table lead to, wherever the instance runs.
//!
//! Owns the instance's tickets, the error that `create` leaves and the counts of what went wrong.

mod grants;

use super::answer::{Answer, Fault, printable};
use super::callbacks::{self, Callbacks, LastError, Number};
use super::complaints::Complaints;
use super::decider::Condition;
use super::facts::Facts;
use super::grants::GrantOrders;
use super::lasting::Lasting;
use super::log_line::{self, LogLine};
use super::metrics::{Definition, InstanceMetrics, Value};
use super::tickets::Tickets;
use super::verdict::{Verdict, reason_or_none};
use pusu_plugin_abi as abi;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What one plugin instance has of the daemon.
pub(super) struct Host {
    /// The plugin's id, for the log.
    pub(super) plugin: String,
    pub(super) tickets: Tickets,
    pub(super) complaints: Complaints,
    facts: Facts,
    lasting: Lasting,
    metrics: InstanceMetrics,
    /// Which one the instance is of those that hear of grants.
    epoch: AtomicU64,
    condition: Mutex<Condition>,
    number: Number,
    error: LastError,
    lost: AtomicU64,
    late: AtomicU64,
    malformed: AtomicU64,
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
            number,
            error: LastError::default(),
            lost: AtomicU64::new(0),
            late: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
        })
    }

    /// The table's `log`: a line of the plugin in the daemon's log.
    pub(super) fn log(&self, line: &LogLine) {
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
                if has_granted && !matches!(verdict, Verdict::Grant(_)) {
                    // Its end had passed before it was given.
                    self.never_arrived(ticket, abi::ENDED_EXPIRED);
                }
                self.note(ticket, &verdict, &understood.detail);
                reply.send(verdict);
                abi::TAKEN
            }
            Err(fault) => {
                self.malformed.fetch_add(1, Ordering::Relaxed);
                self.complaints.warn(&self.plugin, format_args!("nobody could decide: {fault}"));
                if let Some(reply) = self.tickets.take(ticket) {
                    reply.send(Verdict::Unavailable(String::new()));
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
    pub(super) fn lose(&self, ticket: u64, verdict: Verdict) {
        if let Some(reply) = self.tickets.take(ticket) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            reply.send(verdict);
        }
    }

    /// Calls that were lost.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
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

    fn note(&self, ticket: u64, verdict: &Verdict, detail: &str) {
        let plugin = self.plugin.as_str();
        let detailed = |said: &str| if detail.is_empty() { said.to_owned() } else { format!("{said}: {detail}") };
        match verdict {
            Verdict::Grant(grant) => {
                tracing::debug!(plugin, ticket, subject = printable(&grant.subject), "{}", detailed("granted"));
            }
            Verdict::Refuse(_) if detail.is_empty() => tracing::debug!(plugin, ticket, "refused"),
            Verdict::Refuse(_) => tracing::info!(plugin, ticket, "{}", detailed("refused")),
            Verdict::Unavailable(reason) => {
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
        callbacks::forget(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Instant;

    fn refusal() -> Result<Answer, Fault> {
        Ok(Answer { decision: abi::REFUSE, reason: b"no".to_vec(), ..Answer::default() })
    }

    #[test]
    fn is_found_by_its_number_while_it_lives() {
        let host = Host::new("Test", Facts::default(), Lasting::default());
        let number = host.number.get();
        let find = |number| callbacks::find(number).map(|found| found.plugin().to_owned());
        assert_eq!(find(number).as_deref(), Some("Test"));
        drop(host);
        assert!(find(number).is_none() && find(0).is_none() && find(usize::MAX).is_none());
    }

    #[test]
    fn one_answer_is_taken_and_the_others_are_counted() {
        let host = Host::new("Test", Facts::default(), Lasting::default());
        let (ticket, mut receiver) = host.tickets.open(Instant::now());
        assert_eq!(host.complete(ticket, refusal), abi::TAKEN);
        assert_eq!(host.complete(ticket, || panic!("nobody waits for it")), abi::LATE);
        assert_eq!(host.complete(u64::MAX, refusal), abi::LATE);
        assert_eq!(host.late(), 2);
        assert_eq!(receiver.try_recv().unwrap(), Verdict::Refuse("no".into()));
    }

    #[test]
    fn a_malformed_answer_decides_nothing() {
        let host = Host::new("Test", Facts::default(), Lasting::default());
        let (ticket, mut receiver) = host.tickets.open(Instant::now());
        assert_eq!(host.complete(ticket, || Err(Fault::Malformed("subject is NULL".into()))), abi::MALFORMED);
        assert_eq!(receiver.try_recv().unwrap(), Verdict::Unavailable(String::new()));
        let (ticket, mut receiver) = host.tickets.open(Instant::now());
        let unknown = || Ok(Answer { decision: 9, ..Answer::default() });
        assert_eq!(host.complete(ticket, unknown), abi::UNSUPPORTED);
        assert_eq!(receiver.try_recv().unwrap(), Verdict::Unavailable(String::new()));
        assert_eq!(host.malformed(), 2);
    }

    /// What is logged meanwhile.
    fn logged(work: impl FnOnce()) -> String {
        let log = tempfile::NamedTempFile::new().unwrap();
        let writer = Mutex::new(log.reopen().unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::DEBUG);
        tracing::subscriber::with_default(subscriber.with_writer(writer).finish(), work);
        std::fs::read_to_string(log.path()).unwrap()
    }

    #[test]
    fn a_verdict_without_reason_is_logged_as_one() {
        for (decision, reason, detail, wanted) in [
            (abi::UNAVAILABLE, "", "", "could not decide: no reason given"),
            (abi::UNAVAILABLE, "", "no route to host", "could not decide: no reason given (no route to host)"),
            (abi::UNAVAILABLE, "the database is down", "", "could not decide: the database is down"),
            (abi::UNAVAILABLE, "later", "timeout", "could not decide: later (timeout)"),
            (abi::REFUSE, "no", "", "refused"),
            (abi::GRANT, "", "", "granted"),
        ] {
            let text = logged(|| {
                let host = Host::new("Test", Facts::default(), Lasting::default());
                let (ticket, _receiver) = host.tickets.open(Instant::now());
                let answer = Answer { decision, reason: reason.into(), detail: detail.into(), ..Answer::default() };
                assert_eq!(host.complete(ticket, || Ok(answer)), abi::TAKEN);
            });
            let message = text.split_once(": ").expect("a line has a target and a message").1;
            let (said, fields) = message.trim_end().split_once(" plugin=").expect("the plugin is named");
            assert_eq!(said, wanted, "{fields}");
        }
    }

    #[test]
    fn a_line_of_the_plugin_is_one_line_of_the_log() {
        let line = LogLine { level: 2, text: b"first\nforged\x1b[31m \xff".to_vec(), ..LogLine::default() };
        let text = logged(|| Host::new("Test", Facts::default(), Lasting::default()).log(&line));
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in ["WARN", "plugin=\"Test\"", "first\\nforged\\u{1b}[31m \u{fffd}"] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
    }
}
