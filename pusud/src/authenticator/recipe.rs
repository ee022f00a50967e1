//! The recipe of a generation: everything that decides what it does. Two with equal recipes would decide alike.

use super::facts::EntryFacts;
use crate::config::{Isolation, OnSwap};
use std::time::Duration;

/// What tells one generation from the next. Two with equal recipes would decide alike.
pub(super) struct Recipe {
    pub(super) id: String,
    pub(super) sha256: String,
    /// Only their hash: they hold secrets.
    pub(super) options_sha256: [u8; 32],
    pub(super) call_timeout: Duration,
    pub(super) isolation: Isolation,
    /// How much address space its process may have; `None`: no limit, or no process.
    pub(super) isolation_memory: Option<u64>,
    pub(super) create_timeout: Duration,
    pub(super) restarts: bool,
    /// Told to a process when it is started.
    pub(super) on_swap: OnSwap,
    /// The longest life of an authorization; `None`: any.
    pub(super) max_life: Option<Duration>,
    /// What the plugin may keep files in.
    pub(super) state_dir: Vec<u8>,
    /// Its place among those that decide, which it is told.
    pub(super) entry: EntryFacts,
    /// What its place is called in messages, which decides nothing.
    pub(super) place: String,
    /// What it is called in the log: the id, and where it has another name in a list, that too.
    pub(super) called: String,
}

impl Recipe {
    /// Without the time of a call, which has words of its own.
    fn place_in_list(&self) -> (u32, u32) {
        (self.entry.index, self.entry.count)
    }

    /// What differs between two, in words for the operator.
    pub(super) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            (self.id == other.id, "another authenticator"),
            (self.sha256 == other.sha256, "another version of its library"),
            (self.options_sha256 == other.options_sha256, "other options"),
            (self.call_timeout == other.call_timeout, "another `authorize_call_timeout`"),
            (self.isolation == other.isolation, "another `isolation`"),
            (self.isolation_memory == other.isolation_memory, "another `isolation_memory`"),
            (self.create_timeout == other.create_timeout, "another `authenticator_create_timeout`"),
            (self.restarts == other.restarts, "another `authenticator_restart`"),
            (self.on_swap == other.on_swap, "another `on_swap`"),
            (self.max_life == other.max_life, "another `max_authorization_life`"),
            (self.state_dir == other.state_dir, "another folder for its files"),
            (self.place_in_list() == other.place_in_list(), "another place in the list"),
        ];
        parts.into_iter().filter(|(is_same, _)| !is_same).map(|(_, words)| words).collect()
    }
}
