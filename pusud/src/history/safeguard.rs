//! Rules of history that a test can leave out, to show what they are for. In a relay all of them hold, always.

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Safeguard {
    /// A position ahead of this relay is not from the future, unless its start is unknown.
    AheadIsNotTheFuture,
    /// What a position of an unknown start has seen is left out as well.
    SkipOfUnknownStarts,
    /// An unknown start is told as lost.
    UnknownStartsObject,
    /// Of an origin that a position does not name nothing was seen.
    AbsentIsNothing,
    /// An origin that ended long before the position was made was seen whole.
    AbsentAfterItsEndIsSeen,
    /// Nobody recovers from before a gap.
    GapRaisesFloor,
    /// The floor of the relay's own publications counts as that of others.
    OwnFloor,
    /// Relays ask for what others have of a relay that is away.
    Ask,
    /// Relays tell what they learn of a relay that is away.
    News,
    /// Numbers of all origins are told, and not only the teller's own.
    NumbersOfAll,
    /// Numbers are taken over only by a relay that takes no clients yet.
    AdoptWhileJoiningOnly,
    /// Rings of others come before clients.
    RingsBeforeReady,
    /// Origins that ended long ago deliver nothing any more.
    OldOriginsAreNotLive,
    /// A relay that stops tells its last numbers.
    LastNumbers,
    /// A relay tells what was dropped because there was no room.
    OverflowIsTold,
}
