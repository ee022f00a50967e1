//! The outcome of a check: what would decide with these settings, found out without letting it.

use super::identity::Identity;

/// What an entry of the settings turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What would run.
    pub identity: Identity,
    /// The most memory that the plugin takes while it decides, if it says so.
    pub memory_bytes_max: Option<usize>,
}
