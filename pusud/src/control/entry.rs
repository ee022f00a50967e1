//! Entries of a list of authenticators in the status of a relay.
//!
//! **Invariant:** no secret is in it. Fields are only ever added.

use crate::authenticator::{Condition, Counts, DecisionCounts, EntryReport, TrialCounts};
use crate::control::figures::Histogram;
use crate::routing;
use serde::{Deserialize, Serialize};

/// One entry of a list of authenticators.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AuthenticatorEntry {
    /// Its name.
    pub name: String,
    /// The id in its manifest.
    pub id: String,
    /// The version in its manifest.
    pub version: String,
    /// The SHA-256 of its library.
    pub sha256: String,
    /// Whether it decides nothing, and is compared with what is decided.
    pub shadow: bool,
    /// Whether the next one is asked where this one cannot decide.
    pub if_unavailable_next: bool,
    /// Whether it would take another question now.
    pub ready: bool,
    /// Questions that wait for a thread.
    pub queued: usize,
    /// The condition of the plugin, as it said last.
    pub condition: Condition,
    /// What went wrong, since it took over.
    pub failures: Failures,
    /// What it has decided.
    pub decisions: DecisionCounts,
    /// How long it took for each.
    #[serde(default)]
    pub durations: Histogram,
    /// How many of it have decided: one more with each reload.
    #[serde(default)]
    pub generation: u32,
    /// What came of comparing it, where it decides nothing.
    pub trial: Option<TrialCounts>,
}

/// What went wrong in one entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// Calls that were not answered in time.
    pub timed_out: u64,
    /// Calls that were turned away at once.
    pub turned_away: u64,
    /// Calls that it failed or forgot to answer.
    pub failed: u64,
    /// Answers that came too late or twice.
    pub late: u64,
    /// Answers that broke the rules.
    pub malformed: u64,
    /// Threads that hang in it now.
    pub stuck_threads: usize,
    /// Instances or processes of it that were lost and replaced.
    pub restarts: u64,
}

impl From<EntryReport> for AuthenticatorEntry {
    fn from(report: EntryReport) -> Self {
        let Counts { timed_out, turned_away, failed, late, malformed, stuck_threads, restarts } = report.counts;
        Self {
            name: report.name,
            id: report.identity.id,
            version: report.identity.version,
            sha256: report.identity.sha256,
            shadow: report.trial.is_some(),
            if_unavailable_next: report.goes_on,
            ready: report.ready,
            queued: report.queued,
            condition: report.condition,
            failures: Failures { timed_out, turned_away, failed, late, malformed, stuck_threads, restarts },
            decisions: report.decisions,
            durations: report.durations.into(),
            generation: report.generation,
            trial: report.trial,
        }
    }
}

/// What all that decide have decided, and how long each decision took.
pub(super) fn of_entries(entries: &[EntryReport]) -> (DecisionCounts, routing::Histogram) {
    let (mut sum, mut durations) = (DecisionCounts::default(), routing::Histogram::default());
    for entry in entries.iter().filter(|entry| entry.trial.is_none()) {
        let DecisionCounts { granted, refused, abstained, unavailable } = entry.decisions;
        sum.granted += granted;
        sum.refused += refused;
        sum.abstained += abstained;
        sum.unavailable += unavailable;
        durations.add(&entry.durations);
    }
    (sum, durations)
}
