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
            max_fragments,
            message_timeout,
            ping_interval,
            pong_timeout,
            outbox_soft_bytes,
            outbox_soft_time,
            write_deadline,
            max_subscriptions,
            max_channel_bytes,
            max_json_depth,
            max_queued_bytes,
            publish_rate,
            publish_burst,
            max_connections,
            max_unauthorized,
            max_unauthorized_per_address,
            max_connections_per_address,
            allowed_origins,
        } = limits;
        let changed = [
            ("client_address", *client_address != other.client_address),
            ("client_port", *client_port != other.client_port),
            ("network_address", *network_address != other.network_address),
            ("network_port", *network_port != other.network_port),
            ("relays", *relays != other.relays),
            ("name", *name != other.name),
            ("shards", *shards != other.shards),
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
            ("limits.max_fragments", *max_fragments != other.limits.max_fragments),
            ("limits.message_timeout", *message_timeout != other.limits.message_timeout),
            ("limits.ping_interval", *ping_interval != other.limits.ping_interval),
            ("limits.pong_timeout", *pong_timeout != other.limits.pong_timeout),
            ("limits.outbox_soft_bytes", *outbox_soft_bytes != other.limits.outbox_soft_bytes),
            ("limits.outbox_soft_time", *outbox_soft_time != other.limits.outbox_soft_time),
            ("limits.write_deadline", *write_deadline != other.limits.write_deadline),
            ("limits.max_subscriptions", *max_subscriptions != other.limits.max_subscriptions),
            ("limits.max_channel_bytes", *max_channel_bytes != other.limits.max_channel_bytes),
            ("limits.max_json_depth", *max_json_depth != other.limits.max_json_depth),
            ("limits.max_queued_bytes", *max_queued_bytes != other.limits.max_queued_bytes),
            ("limits.publish_rate", *publish_rate != other.limits.publish_rate),
            ("limits.publish_burst", *publish_burst != other.limits.publish_burst),
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
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }
}
