//! Which keys cannot change while the daemon runs.

use super::Config;
use crate::limits::Limits;

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
            name,
            shards,
            control_socket,
            limits,
        } = self;
        let Limits {
            max_message_bytes,
            max_unauthorized_message_bytes,
            max_header_bytes,
            handshake_timeout,
            authorize_timeout,
            max_authorize_attempts,
            // Part of what starts with an authenticator.
            authorize_call_timeout: _,
            outbox_bytes,
            max_connections,
            max_unauthorized,
            max_unauthorized_per_address,
            max_connections_per_address,
            allowed_origins,
            drain_grace,
            drain_spread,
        } = limits;
        let changed = [
            ("client_address", *client_address != other.client_address),
            ("client_port", *client_port != other.client_port),
            ("network_address", *network_address != other.network_address),
            ("network_port", *network_port != other.network_port),
            ("relays", *relays != other.relays),
            ("name", *name != other.name),
            ("shards", *shards != other.shards),
            ("control_socket", *control_socket != other.control_socket),
            ("limits.max_message_bytes", *max_message_bytes != other.limits.max_message_bytes),
            (
                "limits.max_unauthorized_message_bytes",
                *max_unauthorized_message_bytes != other.limits.max_unauthorized_message_bytes,
            ),
            ("limits.max_header_bytes", *max_header_bytes != other.limits.max_header_bytes),
            ("limits.handshake_timeout", *handshake_timeout != other.limits.handshake_timeout),
            ("limits.authorize_timeout", *authorize_timeout != other.limits.authorize_timeout),
            ("limits.max_authorize_attempts", *max_authorize_attempts != other.limits.max_authorize_attempts),
            ("limits.outbox_bytes", *outbox_bytes != other.limits.outbox_bytes),
            ("limits.max_connections", *max_connections != other.limits.max_connections),
            ("limits.max_unauthorized", *max_unauthorized != other.limits.max_unauthorized),
            (
                "limits.max_unauthorized_per_address",
                *max_unauthorized_per_address != other.limits.max_unauthorized_per_address,
            ),
            (
                "limits.max_connections_per_address",
                *max_connections_per_address != other.limits.max_connections_per_address,
            ),
            ("limits.allowed_origins", *allowed_origins != other.limits.allowed_origins),
            ("limits.drain_grace", *drain_grace != other.limits.drain_grace),
            ("limits.drain_spread", *drain_spread != other.limits.drain_spread),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }
}
