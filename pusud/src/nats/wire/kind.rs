//! Kinds of payloads, by their second byte.

pub(super) const PUBLICATIONS: u8 = 1;
pub(super) const NOTE: u8 = 2;
pub(super) const HEARTBEAT: u8 = 3;
pub(super) const JOIN: u8 = 4;
pub(super) const WELCOME: u8 = 5;
pub(super) const BARRIER: u8 = 6;
pub(super) const PASSED: u8 = 7;
pub(super) const RESUME: u8 = 8;
pub(super) const NUMBERS: u8 = 9;
pub(super) const GOODBYE: u8 = 10;
pub(super) const PEER: u8 = 11;
pub(super) const HISTORY: u8 = 12;
/// No version will have it.
pub(super) const NOTHING: u8 = 255;

/// Why a relay says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nats) enum Presence {
    /// Each second.
    Heartbeat,
    /// It wants to be answered.
    Join,
    /// The answer.
    Welcome,
}

impl Presence {
    pub(super) fn kind(self) -> u8 {
        match self {
            Self::Heartbeat => HEARTBEAT,
            Self::Join => JOIN,
            Self::Welcome => WELCOME,
        }
    }
}
