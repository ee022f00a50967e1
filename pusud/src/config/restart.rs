//! Which keys cannot change while the daemon runs.

use super::Config;
use crate::protocol::Limits;

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
        let changed = changed.into_iter().chain(changed_limits(limits, &other.limits));
        changed.filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }
}

/// Names the limits that only a restart puts into effect, each with whether the two differ in it.
macro_rules! compared {
    ($one:ident, $other:ident: $($limit:ident)*; not $($free:ident)*) => {{
        // All of them, so that whoever adds one decides about it here.
        let Limits { $($limit: _,)* $($free: _,)* } = $one;
        [$((concat!("limits.", stringify!($limit)), $one.$limit != $other.$limit)),*]
    }};
}

fn changed_limits(one: &Limits, other: &Limits) -> impl IntoIterator<Item = (&'static str, bool)> + use<> {
    compared! {
        one, other:
        max_message_bytes
        max_unauthorized_message_bytes
        max_header_bytes
        handshake_timeout
        authorize_timeout
        max_authorize_attempts
        outbox_bytes
        max_fragments
        message_timeout
        ping_interval
        pong_timeout
        outbox_soft_bytes
        outbox_soft_time
        write_deadline
        max_subscriptions
        max_channel_bytes
        max_json_depth
        max_queued_bytes
        publish_rate
        publish_burst
        max_connections
        max_unauthorized
        max_unauthorized_per_address
        max_connections_per_address
        allowed_origins
        drain_grace
        drain_spread
        ;
        // Part of what starts with an authenticator.
        not authorize_call_timeout
    }
}
