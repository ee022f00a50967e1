//! The decider, which the authenticator's threads call, and the counts of its failures.

use super::verdict::Request;
use pusu_plugin_abi as abi;
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
    /// No call will be made any more, and nobody waits for those that are made. Does not block.
    fn end(&self) {}
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
