//! The report on each entry of a list of authenticators: what it has decided, and what went wrong in it.

use super::super::decider::{Condition, Counts};
use super::super::identity::Identity;
use crate::routing::Histogram;
use serde::{Deserialize, Serialize};

/// One entry of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryReport {
    /// Its name.
    pub name: String,
    /// What runs.
    pub identity: Identity,
    /// Its number, as grants have it.
    pub number: u32,
    /// Which one it is of those that decide, from 0.
    pub index: u32,
    /// The next one is asked where this one cannot decide.
    pub goes_on: bool,
    /// Whether it would take another question now.
    pub ready: bool,
    /// Questions that wait for a thread.
    pub queued: usize,
    /// The condition of the plugin, as it said last.
    pub condition: Condition,
    /// What went wrong, since it took over.
    pub counts: Counts,
    /// What it has decided, since it stands in the settings.
    pub decisions: DecisionCounts,
    /// How long it took for each, since it stands in the settings.
    pub durations: Histogram,
    /// How many of it have decided since it stands in the settings: one more with each reload.
    pub generation: u32,
    /// What was compared, where it decides nothing (`shadow: true`).
    pub trial: Option<TrialCounts>,
}

/// What an entry has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DecisionCounts {
    /// Authorizations that it has granted.
    pub granted: u64,
    /// Those that it has refused.
    pub refused: u64,
    /// Those about which the next one was asked, since they were not its own.
    pub abstained: u64,
    /// Those that it could not decide.
    pub unavailable: u64,
}

/// What came of comparing an entry that decides nothing with what was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrialCounts {
    /// Questions that it has answered and that were compared.
    pub compared: u64,
    /// Of these, those where it would have decided the same.
    pub same: u64,
    /// It would have granted what was refused.
    pub would_grant: u64,
    /// It would have refused what was granted.
    pub would_refuse: u64,
    /// It could not decide what was decided.
    pub unavailable: u64,
    /// Both granted, and it would have permitted something more.
    pub more: u64,
    /// Both granted, and it would have permitted something less.
    pub less: u64,
    /// It took longer than what was decided.
    pub slower: u64,
    /// Questions that it was not asked, because too many were under way.
    pub left_out: u64,
    /// Questions that nobody could decide, so that there was nothing to compare.
    pub undecided: u64,
    /// How long it took for all that were compared, in microseconds.
    pub microseconds: u64,
    /// How long deciding them took, in microseconds.
    pub decided_microseconds: u64,
}
