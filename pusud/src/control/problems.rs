//! Problems of a relay, in words: what its status, and what has grown since an earlier one, say is wrong, what to do about it,
//! and which view of the console shows it.
//!
//! Functions of values alone. **Invariant:** each problem is one sentence that names the thing and the way out.

use crate::control::{Disconnects, Messages, Status};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How grave a problem is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Somebody is not served.
    Error,
    /// Somebody may soon not be.
    #[default]
    Warning,
}

/// Where in the console it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The relay's state.
    #[default]
    Now,
    /// The relays and their links.
    Network,
    /// The clients.
    Clients,
    /// The channels.
    Channels,
    /// The authenticator and what it decides.
    Why,
    /// The settings.
    Settings,
}

/// One problem.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind it is.
    pub id: String,
    /// How grave it is.
    pub level: Level,
    /// What is wrong, and the way out, in one sentence.
    pub text: String,
    /// Where it is shown.
    pub view: View,
    /// The thing itself, where there is one to go to.
    pub item: Option<String>,
}

/// What has grown between two statuses of the same relay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// In how many seconds.
    pub seconds: f64,
    /// Connections that the relay has ended.
    pub disconnects: Vec<Disconnects>,
    /// What was refused, by limit.
    pub refusals: BTreeMap<String, u64>,
    /// Messages that went through.
    pub messages: Messages,
    /// What went wrong with the authenticator.
    pub authenticator: RecentFailures,
}

/// What went wrong with the authenticator meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentFailures {
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
    /// Instances or processes of it that were lost and replaced.
    pub restarts: u64,
}

impl Recent {
    /// What has grown from `before` to `now`, `seconds` later. Nothing where another process answers.
    pub fn between(before: &Status, now: &Status, seconds: f64) -> Self {
        let _ = (before, now);
        Self { seconds, ..Self::default() }
    }
}

/// What is wrong with a relay of this status, of which this has grown lately; the gravest first.
pub fn problems(status: &Status, recent: &Recent) -> Vec<Problem> {
    let _ = (status, recent);
    Vec::new()
}
