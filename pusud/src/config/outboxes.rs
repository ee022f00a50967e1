//! Whether the limits of what waits for clients fit together.

use super::units::format_bytes;
use crate::limits::Limits;
use anyhow::ensure;

/// Checks them against each other.
///
/// # Errors
/// Names two keys that contradict each other, and the way out.
pub(super) fn check(limits: &Limits) -> anyhow::Result<()> {
    let Limits { outbox_bytes, outbox_soft_bytes, max_message_bytes, max_queued_bytes, .. } = *limits;
    ensure!(
        outbox_soft_bytes <= outbox_bytes,
        "`limits.outbox_soft_bytes` ({}) is more than `limits.outbox_bytes` ({}), where a client is cut at once: lower the \
         first or raise the second",
        format_bytes(outbox_soft_bytes),
        format_bytes(outbox_bytes)
    );
    for (key, bytes) in [("outbox_bytes", outbox_bytes), ("max_message_bytes", max_message_bytes)] {
        ensure!(
            bytes <= max_queued_bytes,
            "`limits.{key}` ({}) is what one client may take, and more than `limits.max_queued_bytes` ({}), what all may \
             take together: lower the first or raise the second",
            format_bytes(bytes),
            format_bytes(max_queued_bytes)
        );
    }
    Ok(())
}
