//! The decider, which the authenticator's threads call, and the counts of its failures.

use super::grants::Heard;
use super::verdict::Request;
use pusu_plugin_abi as abi;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the threads call: a plugin's instance, or a test's stand-in for one.
pub(super) trait Decider: Send + Sync {
    /// Decides, now or later, within the time that is left; the answer goes to the host under the ticket. May block.
    ///
    /// # Errors
    /// The instance has gone meanwhile, in a process of its own.
    fn authorize(&self, ticket: u64, left: Duration, request: &Request) -> Result<abi::Status, Gone>;
    /// Whether `cancel` does anything.
    fn can_cancel(&self) -> bool;
    /// The ticket's answer is no longer wanted. May block.
    fn cancel(&self, ticket: u64);
    /// Which tables the plugin offers beyond its own.
    fn offers(&self) -> Offers {
        Offers::default()
    }
    /// Has the plugin read its files again. May block.
    ///
    /// # Errors
    /// Why everything is as it was before.
    fn reload(&self) -> Result<(), String> {
        Err("it cannot reload".to_owned())
    }
    /// Whether the plugin can decide at all. May block.
    ///
    /// # Errors
    /// The instance has gone meanwhile.
    fn health(&self) -> Result<Condition, Gone> {
        Ok(Condition::default())
    }
    /// Tells the plugin of a grant, if it is the one with this number among those that hear. May block.
    ///
    /// # Errors
    /// The instance has gone meanwhile.
    fn hear(&self, _epoch: u64, _heard: &Heard) -> Result<(), Gone> {
        Ok(())
    }
    /// Whether the instance is there to be asked.
    fn is_up(&self) -> bool {
        true
    }
    /// Whether [`Self::renew`] does anything.
    fn can_renew(&self) -> bool {
        false
    }
    /// Gives the instance up, with all calls that are in it, for a new one: if any of these `calls` is in it still, and not
    /// in one that has gone meanwhile. Does not block.
    fn renew(&self, _why: &str, _calls: &[u64]) {}
    /// Whether the instance has been gone for so long that another one should be made in its place.
    fn is_lost(&self) -> bool {
        false
    }
    /// The threads do not ask the instance any more, or all hang in it. Says whether another takes its place without
    /// anybody's doing. Does not block.
    fn lost(&self) -> bool {
        false
    }
    /// Gives up an instance that hangs in calls that are about no request, as long as it is the one of `epoch`. Does not
    /// block.
    fn give_up(&self, _why: &str, _epoch: u64) {
        self.lost();
    }
    /// No call will be made any more, and nobody waits for those that are made. Does not block.
    fn end(&self) {}
}

/// Tables of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Offers {
    /// `pusu.reload/1`.
    pub(super) reloads: bool,
    /// `pusu.health/1`.
    pub(super) tells_health: bool,
    /// `pusu.grants/1`, with the flag GRANTS.
    pub(super) hears: bool,
    /// Of that, `adopted` too.
    pub(super) adopts: bool,
}

/// The condition of a plugin, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "why")]
pub enum Condition {
    /// All is as it should be, as far as is known.
    #[default]
    Good,
    /// It decides, but not all is as it should be.
    Degraded(String),
    /// It can decide nothing at the moment.
    Bad(String),
}

impl Condition {
    /// Of what the plugin's function returns.
    pub(super) fn of(state: i32, why: String) -> Self {
        match state {
            abi::HEALTH_GOOD => Self::Good,
            abi::HEALTH_BAD => Self::Bad(why),
            abi::HEALTH_DEGRADED => Self::Degraded(why),
            other if why.is_empty() => Self::Degraded(format!("it says {other}, which this relay does not know")),
            _ => Self::Degraded(why),
        }
    }
}

/// The instance has gone, and the call with it.
#[derive(Debug)]
pub(super) struct Gone;

/// What went wrong so far, and what hangs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Calls that were not answered in time.
    pub timed_out: u64,
    /// Calls that were turned away at once: queue full, too many threads hang, or the instance has failed.
    pub turned_away: u64,
    /// Calls that the plugin failed or forgot to answer, or that were lost with its process.
    pub failed: u64,
    /// Answers that came too late, twice, or for tickets that never were.
    pub late: u64,
    /// Answers that broke the ABI's rules.
    pub malformed: u64,
    /// Threads that hang in the plugin now.
    pub stuck_threads: usize,
    /// Instances that were lost and replaced, or processes.
    pub restarts: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.timed_out += other.timed_out;
        self.turned_away += other.turned_away;
        self.failed += other.failed;
        self.late += other.late;
        self.malformed += other.malformed;
        self.stuck_threads += other.stuck_threads;
        self.restarts += other.restarts;
    }
}
