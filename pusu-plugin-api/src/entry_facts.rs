//! Facts of the entry of the settings that an authenticator is: where it stands among those that the relay asks.
//!
//! Everything is copied out of the relay's table, so that it may be kept for as long as one likes.

use pusu_plugin_abi as abi;
use std::time::Duration;

/// What [`Host::entry`](crate::Host::entry) gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Of this entry among those that decide, from 0.
    pub index: u32,
    /// How many decide; 1: this one stands alone.
    pub count: u32,
    /// The time that one call of `authorize` has; `None`: not known.
    pub authorize_timeout: Option<Duration>,
}

impl Entry {
    /// Whether nobody is asked after this one. Whoever is not the last one abstains from what is not its own
    /// ([`Verdict::abstain`](crate::Verdict::abstain)); the last one refuses it.
    pub fn is_last(&self) -> bool {
        self.index.saturating_add(1) >= self.count
    }

    /// What the relay's table says.
    pub(crate) fn from_raw(table: &abi::Entry) -> Self {
        let authorize_timeout = Duration::from_millis(table.authorize_timeout_ms);
        let authorize_timeout = Some(authorize_timeout).filter(|time| !time.is_zero());
        Self { index: table.index, count: table.count, authorize_timeout }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_has_nobody_behind_it() {
        let at = |index, count| Entry { index, count, authorize_timeout: None };
        assert!(at(0, 1).is_last() && at(2, 3).is_last() && at(u32::MAX, 3).is_last());
        assert!(!at(0, 2).is_last() && !at(1, 3).is_last());
    }
}
