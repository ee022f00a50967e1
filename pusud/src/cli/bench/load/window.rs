//! The window of messages in flight, so that sources without a rate send as fast as the slowest listener reads.
//!
//! Each source has as many slots as messages of it may be on their way, and its message number n holds slot n modulo
//! that. A slot is free when every listener of the channel has the message, or a later one of the same source and
//! channel: a message that a relay loses does not stop a run. Threads count their own listeners and touch shared memory
//! once for each message.
//!
//! **Invariant:** message n is sent after all listeners are done with message n less the number of slots.

use super::super::plan::Plan;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Notify;

/// The shared part.
pub(crate) struct Window {
    slots: u32,
    /// By source and slot: how many threads have listeners that are not done with the message.
    waiting: Box<[AtomicU32]>,
    /// By channel: how many threads have listeners of it.
    threads: Box<[u32]>,
    changed: Notify,
}

impl Window {
    /// Free slots, `slots` a source.
    pub(crate) fn new(plan: &Plan, slots: u32) -> Self {
        let mut threads = vec![0; plan.channels as usize];
        for thread in 0..plan.threads {
            let audience = plan.audience_of_thread(thread);
            threads.iter_mut().zip(audience).for_each(|(threads, audience)| *threads += u32::from(audience > 0));
        }
        let all = plan.sources as usize * slots as usize;
        let waiting = (0..all).map(|_| AtomicU32::new(0)).collect();
        Self { slots, waiting, threads: threads.into(), changed: Notify::new() }
    }

    /// Whether a source may send its message number `number`.
    pub(crate) fn has_room(&self, source: u32, number: u64) -> bool {
        self.waiting[self.at(source, number)].load(Ordering::Acquire) == 0
    }

    /// A source is about to send its message number `number` to `channel`.
    pub(crate) fn enter(&self, source: u32, number: u64, channel: u32) {
        self.waiting[self.at(source, number)].store(self.threads[channel as usize], Ordering::Release);
    }

    /// Waits until something may have changed since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn at(&self, source: u32, number: u64) -> usize {
        source as usize * self.slots as usize + (number % u64::from(self.slots)) as usize
    }
}

/// What one thread counts.
pub(crate) struct Audience {
    window: Arc<Window>,
    /// By channel: this thread's listeners.
    listeners: Vec<u32>,
    /// By source and slot: how many of them are done with the message.
    done: Vec<u32>,
    freed: bool,
}

impl Audience {
    /// Counts for a thread with these listeners a channel.
    pub(crate) fn new(window: Arc<Window>, listeners: Vec<u32>) -> Self {
        let done = vec![0; window.waiting.len()];
        Self { window, listeners, done, freed: false }
    }

    /// The most messages of one source that can be on their way.
    pub(crate) fn slots(&self) -> u32 {
        self.window.slots
    }

    /// One listener of `channel` is done with message number `number` of `source`.
    pub(crate) fn done(&mut self, source: u32, number: u64, channel: u32) {
        let at = self.window.at(source, number);
        self.done[at] += 1;
        if self.done[at] == self.listeners[channel as usize] {
            self.done[at] = 0;
            // A relay that invents messages must not make it wrap.
            let waiting = &self.window.waiting[at];
            waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| waiting.checked_sub(1)).ok();
            self.freed = true;
        }
    }

    /// Wakes the sources if they may send more. Once for all that was read in one go.
    pub(crate) fn wake_sources(&mut self) {
        if std::mem::take(&mut self.freed) {
            self.window.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::plan::sample;

    #[test]
    fn a_slot_is_free_when_the_last_listener_of_the_last_thread_is_done() {
        let plan = Plan { listeners: 3, channels: 1, threads: 2, ..sample() };
        let window = Arc::new(Window::new(&plan, 2));
        let mut threads: Vec<Audience> =
            (0..2).map(|thread| Audience::new(window.clone(), plan.audience_of_thread(thread))).collect();
        window.enter(1, 0, 0);
        assert!(window.has_room(1, 1) && window.has_room(0, 2) && !window.has_room(1, 2));
        threads[0].done(1, 0, 0);
        threads[1].done(1, 0, 0);
        assert!(!window.has_room(1, 2));
        threads[0].done(1, 0, 0);
        assert!(window.has_room(1, 2));
        assert!(threads[0].freed);
    }

    #[tokio::test]
    async fn sources_are_woken_also_when_they_do_not_wait_yet() {
        let plan = Plan { listeners: 1, channels: 1, threads: 1, ..sample() };
        let window = Arc::new(Window::new(&plan, 1));
        let mut thread = Audience::new(window.clone(), plan.audience_of_thread(0));
        window.enter(0, 0, 0);
        thread.done(0, 0, 0);
        thread.wake_sources();
        window.changed().await;
        assert!(window.has_room(0, 1));
    }
}
