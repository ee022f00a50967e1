//! Kinds of runs: which faults there are, and how much is kept.

use super::world::CHANNELS;
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
    /// Relays are cut off from all others, and relays are killed; large rings.
    CutOffAndKill,
    /// Rings, times to live and the bound on all bytes are small, links break and are full at times, channels are quiet for long, a relay
    /// of an earlier version publishes without numbers, and listeners begin with the newest publications.
    Bounds,
}

/// How much a relay keeps, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) size: u32,
    pub(super) ttl_ms: i64,
    pub(super) bytes_max: usize,
    /// How long a start that has ended is remembered.
    pub(super) retention_ms: i64,
}

impl Kept {
    /// All of it.
    pub(super) const ALL: Self =
        Self { size: 10_000, ttl_ms: 100_000, bytes_max: 64 << 20, retention_ms: RETENTION_MS };
}

/// How long a start that has ended is remembered.
const RETENTION_MS: i64 = 8000;

/// All of them.
pub(super) const ALL: [Class; 9] = [
    Class::None,
    Class::Drain,
    Class::Links,
    Class::Kill,
    Class::All,
    Class::BigAll,
    Class::Lossy,
    Class::CutOffAndKill,
    Class::Bounds,
];

/// The rules of logs and healing that a run may do without.
pub(super) const ALL_SAFEGUARDS: [Safeguard; 15] = [
    Safeguard::AheadIsNotTheFuture,
    Safeguard::SkipOfUnknownStarts,
    Safeguard::UnknownStartsObject,
    Safeguard::AbsentIsNothing,
    Safeguard::AbsentAfterItsEndIsSeen,
    Safeguard::GapRaisesFloor,
    Safeguard::OwnFloor,
    Safeguard::Ask,
    Safeguard::News,
    Safeguard::NumbersOfAll,
    Safeguard::AdoptWhileJoiningOnly,
    Safeguard::RingsBeforeReady,
    Safeguard::OldOriginsAreNotLive,
    Safeguard::LastNumbers,
    Safeguard::OverflowIsTold,
];

/// The channels of runs in which each of them is quiet for long.
const QUIET_CHANNELS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

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
        matches!(self, Self::Links | Self::All | Self::BigAll | Self::Lossy | Self::CutOffAndKill | Self::Bounds)
    }

    pub(super) fn has_kills(self) -> bool {
        matches!(self, Self::Kill | Self::All | Self::BigAll | Self::Lossy | Self::CutOffAndKill)
    }

    pub(super) fn has_drains(self) -> bool {
        matches!(self, Self::Drain | Self::All | Self::BigAll | Self::Lossy)
    }

    pub(super) fn has_eviction(self) -> bool {
        matches!(self, Self::All | Self::Lossy)
    }

    /// Whether nothing gets into links at times.
    pub(super) fn has_full_links(self) -> bool {
        self == Self::Bounds
    }

    /// Whether a relay of an earlier version publishes, too.
    pub(super) fn has_unnumbered(self) -> bool {
        self == Self::Bounds
    }

    /// Whether listeners begin with the newest publications, and begin anew at times.
    pub(super) fn has_last(self) -> bool {
        self == Self::Bounds
    }

    /// The channels that are published to at this time.
    pub(super) fn channels(self, ms: i64) -> [&'static str; 2] {
        match self {
            Self::Bounds => {
                let first = usize::try_from(ms / 900).unwrap_or(0);
                [0, 1].map(|next| QUIET_CHANNELS[(first + next) % QUIET_CHANNELS.len()])
            }
            _ => CHANNELS,
        }
    }

    /// All channels that there are.
    pub(super) fn all_channels(self) -> &'static [&'static str] {
        if self == Self::Bounds { &QUIET_CHANNELS } else { &CHANNELS }
    }

    /// How much one of its relays keeps.
    pub(super) fn kept(self, rng: &mut fastrand::Rng) -> Kept {
        if self == Self::Bounds {
            let size = [1, 2, 5, 50][rng.usize(..4)];
            let ttl_ms = [200, 600, 1000][rng.usize(..3)];
            return Kept { size, ttl_ms, bytes_max: [3000, 6000, 1 << 20][rng.usize(..3)], retention_ms: 4000 };
        }
        let size = match self.has_large_rings() {
            true => 10_000,
            false => [1, 3, 10, 100, 10_000][rng.usize(..5)],
        };
        // Nothing is too old where nobody may be told anything.
        let ttl_ms = if self.is_silent() { 100_000 } else { [3000, 4000, self.longest_ttl_ms()][rng.usize(..3)] };
        Kept { size, ttl_ms, ..Kept::ALL }
    }

    /// Half of the retention, or none at all.
    fn longest_ttl_ms(self) -> i64 {
        if matches!(self, Self::BigAll | Self::CutOffAndKill) { 100_000 } else { 4000 }
    }

    fn has_large_rings(self) -> bool {
        !matches!(self, Self::Kill | Self::All | Self::Lossy)
    }
}
