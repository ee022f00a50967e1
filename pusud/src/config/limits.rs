//! The limits: defaults for what the operator did not write, and whether they make sense together.

use super::limit_table::RawLimits;
use super::units::{format_bytes, format_duration};
use crate::protocol::Limits;
use anyhow::bail;
use std::fmt::Display;

/// Fills in the defaults.
pub(super) fn resolve(raw: RawLimits) -> Limits {
    let defaults = defaults_beside(&raw);
    raw.or(defaults)
}

/// What each of these would be if it had not been written beside the others: some follow another one.
pub(super) fn defaults_of(limits: &Limits) -> Limits {
    defaults_beside(&RawLimits::all_of(limits))
}

/// The defaults beside what was written: of a limit that is part of another one the default shrinks with that.
fn defaults_beside(raw: &RawLimits) -> Limits {
    let mut default = Limits::default();
    default.outbox_bytes = default.outbox_bytes.max(raw.max_message_bytes.unwrap_or(0));
    let outbox_bytes = raw.outbox_bytes.unwrap_or(default.outbox_bytes);
    // Half, as in the defaults.
    default.outbox_soft_bytes = outbox_bytes.div_ceil(2);
    default.max_message_bytes = default.max_message_bytes.min(outbox_bytes);
    let max_message_bytes = raw.max_message_bytes.unwrap_or(default.max_message_bytes);
    default.max_unauthorized_message_bytes = default.max_unauthorized_message_bytes.min(max_message_bytes);
    let authorize_timeout = raw.authorize_timeout.unwrap_or(default.authorize_timeout);
    default.handshake_timeout = default.handshake_timeout.min(authorize_timeout);
    let max_connections = raw.max_connections.unwrap_or(default.max_connections);
    default.max_connections_per_address = default.max_connections_per_address.min(max_connections);
    default.max_unauthorized = default.max_unauthorized.min(max_connections);
    let max_unauthorized = raw.max_unauthorized.unwrap_or(default.max_unauthorized);
    default.max_unauthorized_per_address = default.max_unauthorized_per_address.min(max_unauthorized);
    default
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
