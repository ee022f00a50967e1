//! Which keys cannot change while the daemon runs.

use super::Config;
use super::limit_table::restart_limits;

impl Config {
    /// The keys that `other` gives another meaning and that only a restart puts into effect.
    pub fn restart_keys(&self, other: &Self) -> Vec<&'static str> {
        // Named one by one, so that whoever adds a key decides about it here.
        let Self {
            file: _,
            authenticator: _,
            client_address,
            client_port,
            network_address,
            network_port,
            relays,
            network_name,
            network_key_file,
            name,
            shards,
            control_socket,
            limits,
        } = self;
        let changed = [
            ("client_address", *client_address != other.client_address),
            ("client_port", *client_port != other.client_port),
            ("network_address", *network_address != other.network_address),
            ("network_port", *network_port != other.network_port),
            ("relays", *relays != other.relays),
            ("network_name", *network_name != other.network_name),
            ("network_key_file", *network_key_file != other.network_key_file),
            ("name", *name != other.name),
            ("shards", *shards != other.shards),
            ("control_socket", *control_socket != other.control_socket),
        ];
        let changed = changed.into_iter().chain(restart_limits(limits, &other.limits));
        changed.filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }
}
