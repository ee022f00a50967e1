//! An entry of the table: a revocation or the lift of one, when it was made, and when it ends.

use super::clock::Now;
use super::entries::REVOCATIONS_MAX;
use super::whom::Whom;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// How long an entry is kept when it revokes nothing any more, in milliseconds. A relay that was away for less may hold an
/// earlier one, which revokes for longer.
const KEPT_MS: u64 = 30 * 24 * 3600 * 1000;

/// When a change was made and by whom. The larger one is the later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Milliseconds since 1970 by the system's clock of the relay that made it.
    pub time_ms: u64,
    /// A random number of the relay that made it, so that two of the same time are told apart.
    pub writer: u64,
}

/// A revocation, or the lift of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Whose authorizations.
    pub whom: Whom,
    /// When it was made.
    pub stamp: Stamp,
    /// When it ends, in milliseconds since 1970 by the steady clock of the table that it is in, and by the system's clock where
    /// people see it and in the file; 0: when it is lifted.
    pub until_ms: u64,
    /// It holds no more.
    pub is_lifted: bool,
}

impl Entry {
    /// The same as a relay has it whose clock says `here_ms` when the clock of the one that has told it says `there_ms`, both
    /// in milliseconds since 1970: so much of its time is left at both.
    pub fn by_clock(mut self, here_ms: u64, there_ms: u64) -> Self {
        if self.until_ms != 0 {
            // 0 would be no end at all.
            self.until_ms = self.until_ms.saturating_add(here_ms).saturating_sub(there_ms).max(1);
        }
        self
    }

    /// The same as people see it: with its end by the system's clock, as that is set now.
    pub(super) fn shown(self, now: Now) -> Self {
        self.by_clock(now.wall_ms, now.steady_ms)
    }

    /// Whether it can be forgotten.
    pub(super) fn is_over(&self, now: Now) -> bool {
        let has_end = self.is_lifted || self.until_ms != 0;
        let is_past = |end_ms: u64, now_ms| end_ms.saturating_add(KEPT_MS) <= now_ms;
        has_end && is_past(self.until_ms, now.steady_ms) && is_past(self.stamp.time_ms, now.wall_ms)
    }

    /// Whether it revokes something when the clock that it ends by says `now_ms`.
    pub(super) fn holds(&self, now_ms: u64) -> bool {
        !self.is_lifted && (self.until_ms == 0 || self.until_ms > now_ms)
    }
}

/// Something in the table has changed.
pub struct Change {
    /// The numbers of each [`Standing`](super::Standing) that is revoked from here on; none: all are lifts.
    pub revoked: Arc<[u64]>,
    /// Is to be told how many clients are authorized by any of these.
    pub count: Box<dyn FnOnce(u64) + Send>,
}

/// There are as many revocations as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "there are {REVOCATIONS_MAX} revocations, which is the most: lift some (`pusud revocations`), or give them an end"
)]
pub struct NoRoom;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_left_by_another_clock_and_an_end_stays_one() {
        let until =
            |until_ms| Entry { whom: Whom::Subject("a".into()), stamp: Stamp::default(), until_ms, is_lifted: false };
        let moved = |until_ms, here, there| until(until_ms).by_clock(here, there).until_ms;
        assert_eq!([moved(160, 500, 100), moved(560, 100, 500), moved(0, 500, 100)], [560, 160, 0]);
        assert_eq!([moved(5, 1, 100), moved(u64::MAX, 100, 100)].map(|until| until == 0), [false; 2]);
        assert!(!until(5).by_clock(1, 100).holds(1) && until(u64::MAX).by_clock(100, 1).holds(100));
    }
}
