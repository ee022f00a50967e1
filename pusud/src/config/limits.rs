//! The limits: defaults for what the operator did not write, and whether they make sense together.

use super::raw::RawLimits;
use super::units::{format_bytes, format_duration};
use crate::protocol::Limits;
use anyhow::bail;
use std::fmt::Display;

/// Fills in the defaults. Of a limit that is part of another one the default shrinks with that.
pub(super) fn resolve(raw: RawLimits) -> Limits {
    let default = Limits::default();
    let outbox_bytes = raw.outbox_bytes.unwrap_or(default.outbox_bytes.max(raw.max_message_bytes.unwrap_or(0)));
    let max_message_bytes = raw.max_message_bytes.unwrap_or(default.max_message_bytes.min(outbox_bytes));
    let authorize_timeout = raw.authorize_timeout.unwrap_or(default.authorize_timeout);
    let max_connections = raw.max_connections.unwrap_or(default.max_connections);
    let max_unauthorized = raw.max_unauthorized.unwrap_or(default.max_unauthorized.min(max_connections));
    Limits {
        max_message_bytes,
        max_unauthorized_message_bytes: raw
            .max_unauthorized_message_bytes
            .unwrap_or(default.max_unauthorized_message_bytes.min(max_message_bytes)),
        max_header_bytes: raw.max_header_bytes.unwrap_or(default.max_header_bytes),
        handshake_timeout: raw.handshake_timeout.unwrap_or(default.handshake_timeout.min(authorize_timeout)),
        authorize_timeout,
        max_authorize_attempts: raw.max_authorize_attempts.unwrap_or(default.max_authorize_attempts),
        authorize_call_timeout: raw.authorize_call_timeout.unwrap_or(default.authorize_call_timeout),
        outbox_bytes,
        max_fragments: raw.max_fragments.unwrap_or(default.max_fragments),
        message_timeout: raw.message_timeout.unwrap_or(default.message_timeout),
        ping_interval: raw.ping_interval.unwrap_or(default.ping_interval),
        pong_timeout: raw.pong_timeout.unwrap_or(default.pong_timeout),
        // Half, as in the defaults.
        outbox_soft_bytes: raw.outbox_soft_bytes.unwrap_or(outbox_bytes.div_ceil(2)),
        outbox_soft_time: raw.outbox_soft_time.unwrap_or(default.outbox_soft_time),
        write_deadline: raw.write_deadline.unwrap_or(default.write_deadline),
        max_subscriptions: raw.max_subscriptions.unwrap_or(default.max_subscriptions),
        max_channel_bytes: raw.max_channel_bytes.unwrap_or(default.max_channel_bytes),
        max_json_depth: raw.max_json_depth.unwrap_or(default.max_json_depth),
        max_queued_bytes: raw.max_queued_bytes.unwrap_or(default.max_queued_bytes),
        publish_rate: raw.publish_rate.unwrap_or(default.publish_rate),
        publish_burst: raw.publish_burst.unwrap_or(default.publish_burst),
        max_connections,
        max_unauthorized,
        max_unauthorized_per_address: raw
            .max_unauthorized_per_address
            .unwrap_or(default.max_unauthorized_per_address.min(max_unauthorized)),
        max_connections_per_address: raw
            .max_connections_per_address
            .unwrap_or(default.max_connections_per_address.min(max_connections)),
        allowed_origins: raw.allowed_origins,
        drain_grace: raw.drain_grace.unwrap_or(default.drain_grace),
        drain_spread: raw.drain_spread.unwrap_or(default.drain_spread),
    }
}

/// Checks the limits against each other.
///
/// # Errors
/// Names both keys and their values, and says which to change.
pub(super) fn check(limits: &Limits) -> anyhow::Result<()> {
    let bytes = format_bytes;
    within(
        ("max_unauthorized_message_bytes", limits.max_unauthorized_message_bytes, bytes),
        ("max_message_bytes", limits.max_message_bytes),
    )?;
    within(
        ("handshake_timeout", limits.handshake_timeout, format_duration),
        ("authorize_timeout", limits.authorize_timeout),
    )?;
    within(("outbox_soft_bytes", limits.outbox_soft_bytes, bytes), ("outbox_bytes", limits.outbox_bytes))?;
    within(("outbox_bytes", limits.outbox_bytes, bytes), ("max_queued_bytes", limits.max_queued_bytes))?;
    // A message has to fit into what may wait for a client.
    within(("max_message_bytes", limits.max_message_bytes, bytes), ("outbox_bytes", limits.outbox_bytes))?;
    let number = |count: usize| count;
    within(("max_unauthorized", limits.max_unauthorized, number), ("max_connections", limits.max_connections))?;
    within(
        ("max_unauthorized_per_address", limits.max_unauthorized_per_address, number),
        ("max_unauthorized", limits.max_unauthorized),
    )?;
    within(
        ("max_connections_per_address", limits.max_connections_per_address, number),
        ("max_connections", limits.max_connections),
    )
}

/// A limit that lies within another one may not be larger.
fn within<T: PartialOrd + Copy, Shown: Display>(
    (inner_key, inner, show): (&str, T, impl Fn(T) -> Shown),
    (outer_key, outer): (&str, T),
) -> anyhow::Result<()> {
    if inner > outer {
        let (inner, outer) = (show(inner), show(outer));
        bail!(
            "`limits.{inner_key}` is {inner} and `limits.{outer_key}` {outer}: expected the former to be at most the \
             latter, which it is part of; lower `limits.{inner_key}` or raise `limits.{outer_key}`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_defaults_go_together() {
        check(&Limits::default()).unwrap();
        assert_eq!(resolve(RawLimits::default()), Limits::default());
    }

    #[test]
    fn defaults_shrink_with_what_they_are_part_of() {
        let raw = RawLimits {
            max_message_bytes: Some(1000),
            authorize_timeout: Some(Duration::from_secs(1)),
            max_connections: Some(20),
            ..RawLimits::default()
        };
        let limits = resolve(raw);
        check(&limits).unwrap();
        assert_eq!(limits.max_unauthorized_message_bytes, 1000);
        assert_eq!(limits.handshake_timeout, Duration::from_secs(1));
        assert_eq!((limits.max_unauthorized, limits.max_unauthorized_per_address), (20, 20));
        assert_eq!(limits.max_connections_per_address, 20);
    }

    #[test]
    fn what_contradicts_names_both_keys_and_the_way_out() {
        let default = Limits::default;
        for (limits, parts) in [
            (
                Limits { max_unauthorized_message_bytes: 2 << 20, ..default() },
                ["`limits.max_unauthorized_message_bytes` is 2 MiB", "`limits.max_message_bytes` 1 MiB"],
            ),
            (
                Limits { handshake_timeout: Duration::from_secs(20), ..default() },
                ["`limits.handshake_timeout` is 20s", "`limits.authorize_timeout` 10s"],
            ),
            (
                Limits { outbox_soft_bytes: 2 << 20, ..default() },
                ["`limits.outbox_soft_bytes` is 2 MiB", "`limits.outbox_bytes` 1 MiB"],
            ),
            (
                Limits { outbox_bytes: 512 << 20, ..default() },
                ["`limits.outbox_bytes` is 512 MiB", "`limits.max_queued_bytes` 256 MiB"],
            ),
            (
                Limits { max_message_bytes: 512 << 20, ..default() },
                ["`limits.max_message_bytes` is 512 MiB", "`limits.outbox_bytes` 1 MiB"],
            ),
            (
                Limits { max_unauthorized: 10_001, ..default() },
                ["`limits.max_unauthorized` is 10001", "`limits.max_connections` 10000"],
            ),
            (
                Limits { max_unauthorized_per_address: 513, ..default() },
                ["`limits.max_unauthorized_per_address` is 513", "`limits.max_unauthorized` 512"],
            ),
            (
                Limits { max_connections_per_address: 10_001, ..default() },
                ["`limits.max_connections_per_address` is 10001", "`limits.max_connections` 10000"],
            ),
        ] {
            let error = check(&limits).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)) && error.contains("; lower"), "{error}");
        }
    }
}
