//! The way of a publication: into the open run, from there to the listeners' outboxes and to the other shards, and at the
//! end of the batch into the kernel.

use super::flow::Published;
use super::{Hub, State, upkeep};
use crate::batch::Publications;
use crate::frame::Frames;
use crate::refusal::Refusal;
use crate::shard_index::ShardSet;
use std::task::Waker;

/// Outboxes flushed before other tasks get a turn; at about 3 us a write this is under a millisecond.
const FLUSH_OUTBOXES_MAX: usize = 256;

impl Hub {
    /// Delivers `content` (JSON text) to all listeners of `channel`, in every shard and on every linked relay.
    pub fn publish(&self, channel: &str, content: &str) {
        let state = &mut *self.state.borrow_mut();
        state.stats.published += 1;
        let shards = if state.outgoing.is_alone() {
            ShardSet::default()
        } else {
            state.index.shards_of(channel).without(state.outgoing.member())
        };
        if !self.open_run(state, channel, shards) {
            return;
        }
        let bytes = state.run.push(content);
        state.count_published(bytes);
        self.schedule_flush();
    }

    /// Delivers what another shard has handed over to this shard's listeners.
    pub fn deliver(&self, publications: &Publications<'_>) {
        let state = &mut *self.state.borrow_mut();
        if self.open_run(state, publications.channel, ShardSet::default()) {
            let bytes = state.run.extend(publications);
            state.count_published(bytes);
            self.schedule_flush();
        }
    }

    /// Writes to some of the clients that something waits for; true if there are more.
    pub fn flush_some(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        self.close_run(state);
        // First, so that the other shards can begin.
        state.outgoing.send();
        for _ in 0..FLUSH_OUTBOXES_MAX {
            match state.marked.pop_front() {
                Some(outbox) => {
                    if outbox.flush() {
                        state.slow_consumers.watch(outbox);
                    }
                }
                None => {
                    state.batch = Published::default();
                    self.relieve_now(state);
                    state.waiting_for_flush.drain(..).for_each(Waker::wake);
                    return false;
                }
            }
        }
        true
    }

    /// Makes the run of `channel` the open one; false if nobody would get it.
    fn open_run(&self, state: &mut State, channel: &str, shards: ShardSet) -> bool {
        if state.run.takes(channel, shards) {
            return true;
        }
        self.close_run(state);
        let here = state.subscriptions.find(channel);
        if shards.is_empty() && here.is_none() {
            return false;
        }
        state.run.begin(channel, here, shards);
        true
    }

    pub(super) fn close_run(&self, state: &mut State) {
        if state.run.is_empty() {
            return;
        }
        state.fan_out();
        state.outgoing.push(state.run.shards(), &state.run.publications());
        state.run.clear();
    }
}

impl State {
    /// So many bytes were added to the open run.
    fn count_published(&mut self, bytes: usize) {
        let listeners = self.run.here().map_or(0, |channel| self.subscriptions.listeners(channel).len());
        self.batch.bytes += bytes;
        self.batch.fan_out_bytes += bytes * listeners;
    }

    fn fan_out(&mut self) {
        let Some(channel) = self.run.here() else { return };
        let listeners = self.subscriptions.listeners(channel);
        let publications = self.run.publications();
        let frames = Frames::from(publications.frames);
        self.stats.delivered += publications.messages * listeners.len() as u64;
        for listener in listeners {
            let outbox = &self.outboxes[listener as usize];
            if let Err(overflow) = outbox.push(frames.clone(), self.outbox_bytes) {
                upkeep::count_cut(&mut self.stats, outbox, Refusal::OutboxBytes, overflow.dropped_bytes);
            }
            if outbox.mark() {
                self.marked.push_back(outbox.clone());
            }
        }
    }
}
