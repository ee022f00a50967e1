//! Kinds of runs: which faults there are, and how much is kept.

use crate::history::Way;
use crate::history::safeguard::Safeguard;

/// One kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// No faults.
    None,
    /// Rolling restarts, each with a drain; large rings.
    Drain,
    /// Links break, lose and heal; large rings.
    Links,
    /// A relay is killed about once a second; small rings.
    Kill,
    /// Everything, with small rings and eviction.
    All,
    /// Everything, with large rings.
    BigAll,
    /// Everything, over something that loses and delays messages.
    Lossy,
}

/// All of them.
pub(super) const ALL: [Class; 7] =
    [Class::None, Class::Drain, Class::Links, Class::Kill, Class::All, Class::BigAll, Class::Lossy];

/// The rules of logs and healing that a run may do without.
pub(super) const ALL_SAFEGUARDS: [Safeguard; 14] = [
    Safeguard::AheadIsNotTheFuture,
    Safeguard::SkipOfUnknownStarts,
    Safeguard::UnknownStartsObject,
    Safeguard::AbsentIsNothing,
    Safeguard::AbsentAfterItsEndIsSeen,
    Safeguard::GapRaisesFloor,
    Safeguard::OwnFloor,
    Safeguard::AskAndNews,
    Safeguard::NumbersOfAll,
    Safeguard::AdoptWhileJoiningOnly,
    Safeguard::RingsBeforeReady,
    Safeguard::OldOriginsAreNotLive,
    Safeguard::LastNumbers,
    Safeguard::OverflowIsTold,
];

/// What a test does without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Without {
    /// Nothing: all rules hold.
    Nothing,
    /// A rule of logs or of healing.
    Safeguard(Safeguard),
    /// Whatever is appended is pushed into the inboxes before the lock is let go.
    PushUnderLock,
    /// The appending shard delivers at once only if nothing of the channel waits in its own inbox.
    OwnShardInOrder,
    /// Who joins is not delivered what waits in the inbox, and is missed already.
    JoinBehindWhatWaits,
    /// Each frame of a replay has its own position.
    RunningPosition,
    /// Who has missed something is told the old position.
    OldPositionFirst,
    /// Positions of who is ahead are merged with what it has seen.
    MergedWithSkip,
}

impl Class {
    pub(super) fn way(self) -> Way {
        if self == Self::Lossy { Way::Lossy } else { Way::Links }
    }

    /// Whether nobody may be told anything.
    pub(super) fn is_silent(self) -> bool {
        matches!(self, Self::None | Self::Drain)
    }

    pub(super) fn has_breaks(self) -> bool {
        matches!(self, Self::Links | Self::All | Self::BigAll | Self::Lossy)
    }

    pub(super) fn has_kills(self) -> bool {
        matches!(self, Self::Kill | Self::All | Self::BigAll | Self::Lossy)
    }

    pub(super) fn has_drains(self) -> bool {
        matches!(self, Self::Drain | Self::All | Self::BigAll | Self::Lossy)
    }

    pub(super) fn has_eviction(self) -> bool {
        matches!(self, Self::All | Self::Lossy)
    }

    /// Half of the retention, or none at all.
    pub(super) fn longest_ttl_ms(self) -> i64 {
        if self == Self::BigAll { 100_000 } else { 4000 }
    }

    pub(super) fn has_large_rings(self) -> bool {
        !matches!(self, Self::Kill | Self::All | Self::Lossy)
    }
}
