//! Types of frames, as the byte behind the length says them.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)+) => {
        $($(#[$doc])* pub(crate) const $name: u8 = $value;)+
    };
}

kinds! {
    /// Who speaks, and what it can.
    HELLO = 1,
    /// Proof of the key.
    AUTH = 2,
    /// The link begins.
    READY = 3,
    /// The connection ends, and why.
    REFUSE = 4,
    /// The relay stops as planned.
    GOODBYE = 5,
    /// Are you there?
    PING = 6,
    /// Yes.
    PONG = 7,
    /// Some of the channels with listeners.
    SNAPSHOT = 8,
    /// These were all.
    SNAPSHOT_END = 9,
    /// Channels that were announced or withdrawn.
    CHANGES = 10,
    /// Interest has been taken in up to a number.
    ACKNOWLEDGE = 11,
    /// How much interest there is.
    CHECK = 12,
    /// Tell everything again.
    RESYNC = 13,
    /// Messages.
    PUBLICATIONS = 14,
    /// Send no more of these channels for now.
    HOLD = 15,
    /// Go on with these channels.
    GO = 16,
    /// Publications with numbers, and what relays tell each other about those.
    HISTORY = 24,
}

/// Whether a frame of this type is about the interest of its sender.
pub(crate) fn is_about_interest(kind: u8) -> bool {
    matches!(kind, SNAPSHOT | SNAPSHOT_END | CHANGES | CHECK)
}
