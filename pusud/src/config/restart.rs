//! Keys that cannot change while the daemon runs. The tables of keys and limits say it of each.

use super::Config;
use super::history;
use super::key_table::{for_each_key, restart_for};
use super::limit_table::restart_limits;

/// Makes the comparison of the keys at the top.
macro_rules! restart_top {
    ($($name:ident: $type:ty, $read:ident($($arg:expr),*), $when:ident;)*) => {
        /// The keys at the top, each with whether the two differ in it and only a restart puts that into effect.
        fn restart_top(one: &Config, other: &Config) -> Vec<(&'static str, bool)> {
            vec![$((stringify!($name), restart_for!($when, one.$name != other.$name))),*]
        }
    };
}

for_each_key!(restart_top);

/// What carries messages between relays, and the settings of NATS, which are one value where they hold.
fn restart_backplane(one: &Config, other: &Config) -> [(&'static str, bool); 2] {
    let (one, other) = (&one.backplane, &other.backplane);
    [("backplane", one.kind() != other.kind()), ("nats", one.nats() != other.nats())]
}

impl Config {
    /// The keys that `other` gives another meaning and that only a restart puts into effect.
    pub fn restart_keys(&self, other: &Self) -> Vec<&'static str> {
        let changed = restart_top(self, other)
            .into_iter()
            .chain(restart_backplane(self, other))
            .chain(history::changes(self, other))
            .chain(restart_limits(&self.limits, &other.limits));
        changed.filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }

    /// A sentence that names those keys, if there are any.
    pub fn restart_warning(&self, other: &Self) -> Option<String> {
        let keys = self.restart_keys(other);
        (!keys.is_empty()).then(|| format!("changed in the settings, but needs a restart: {}", keys.join(", ")))
    }
}
