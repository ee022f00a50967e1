//! When sources have to wait, and when there is something to flush: what keeps sources no faster than the relay.

use super::Hub;
use crate::limits::Limits;
use std::task::{Context, Poll};

/// Bytes published since the last whole flush at which sources have to wait for it, where `outbox_bytes` does not ask
/// for fewer.
pub const BATCH_BYTES_MAX: usize = 256 * 1024;
/// What one listener may be sent before it has had a chance to take any is this part of `outbox_bytes`: so the haste of
/// sources alone makes nobody a slow consumer, although what waits counts more than its bytes.
const OUTBOX_PART: usize = 4;
/// The same, summed over the listeners. It bounds how long a flush takes, and with it how long a channel with very many
/// listeners and a fast source keeps a quiet channel waiting: at 2 GiB/s that is 16 ms, beside 3 us a listener.
const FAN_OUT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How much was published.
#[derive(Default)]
pub(super) struct Published {
    pub(super) bytes: usize,
    /// Summed over the listeners in this shard.
    pub(super) fan_out_bytes: usize,
}

/// Bytes published since the last whole flush at which sources have to wait for it.
pub(super) fn batch_bytes_max(limits: &Limits) -> usize {
    BATCH_BYTES_MAX.min(limits.outbox_bytes / OUTBOX_PART)
}

impl Published {
    fn has_room(&self, bytes_max: usize) -> bool {
        self.bytes < bytes_max && self.fan_out_bytes < FAN_OUT_BYTES_MAX
    }
}

impl Hub {
    /// Whether a source may go on: this shard's flush and the other shards' inboxes keep up.
    pub fn has_room(&self) -> bool {
        let state = self.state.borrow();
        state.batch.has_room(state.batch_bytes_max) && state.outgoing.has_room()
    }

    /// Ready when a source may go on.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let flushed = self.poll_flushed(cx);
        let handed_over = self.state.borrow().outgoing.poll_room(cx);
        if flushed.is_ready() { handed_over } else { Poll::Pending }
    }

    /// Ready while not too much waits for this shard's flush.
    pub fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let state = &mut *self.state.borrow_mut();
        if state.batch.has_room(state.batch_bytes_max) {
            return Poll::Ready(());
        }
        state.waiting_for_flush.push(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when there is something to flush. Called by the flush task alone.
    pub fn poll_flush_due(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.flush_due.replace(false) {
            return Poll::Ready(());
        }
        *self.flush_task.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Wakes the flush task, once, for what is marked.
    pub(super) fn schedule_flush(&self) {
        if !self.flush_due.replace(true)
            && let Some(task) = self.flush_task.borrow_mut().take()
        {
            task.wake();
        }
    }
}
