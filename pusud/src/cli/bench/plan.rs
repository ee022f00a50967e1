//! What one run measures: how many of what, how fast, for how long, and who does which part of it.
//!
//! Values and arithmetic; nothing here waits or sends.

use super::stamp::Form;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Bytes that may be on their way to a listener without an explicit window: half of what a relay keeps for one.
const IN_FLIGHT_BYTES_MAX: usize = 512 * 1024;
/// Messages of a source that may be on their way without an explicit window.
const WINDOW_MESSAGES: usize = 64;
/// What a delivery has around its content: the frame's header, type, and the channel's name.
const ENVELOPE_BYTES: usize = 128;

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Tells its messages from those of other runs.
    pub(super) run: u32,
    pub(super) listeners: u32,
    pub(super) sources: u32,
    pub(super) channels: u32,
    /// Bytes of the content of every message, as JSON.
    pub(super) size: usize,
    pub(super) pace: Pace,
    pub(super) extent: Extent,
    /// What is sent for so long is checked but not measured.
    pub(super) warm_up: Duration,
    /// Threads that listen; the sources have one more.
    pub(super) threads: u32,
    /// Connections that are being made at a time.
    pub(super) connects: u32,
    pub(super) channel_prefix: String,
    /// How long nothing may arrive before what is missing counts as lost.
    pub(super) patience: Duration,
}

/// When the sources send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// So many messages a second, all sources together.
    Rate(u64),
    /// As fast as the slowest listener takes them: so many messages of each source may be on their way.
    Window(u32),
}

/// When the sources are done, counted from the end of the warm-up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extent {
    Messages(u64),
    Duration(Duration),
}

impl Plan {
    /// A number for [`run`](Self::run) that no other run is likely to have.
    pub(super) fn random_run() -> u32 {
        RandomState::new().hash_one(std::process::id()) as u32
    }

    /// The window where none is given: as many messages as a relay with default limits surely keeps for a listener.
    pub(super) fn default_window(sources: u32, size: usize) -> Pace {
        let per_source = IN_FLIGHT_BYTES_MAX / (sources as usize * (size + ENVELOPE_BYTES));
        Pace::Window(per_source.clamp(1, WINDOW_MESSAGES) as u32)
    }

    /// The name of a channel.
    pub(super) fn channel_name(&self, channel: u32) -> String {
        format!("{}{channel}", self.channel_prefix)
    }

    /// How the messages of each channel are written.
    pub(super) fn forms(&self) -> Vec<Form> {
        (0..self.channels).map(|at| Form::new(self.run, at, &self.channel_name(at), self.size)).collect()
    }

    /// The channel that a listener listens to.
    pub(super) fn channel_of_listener(&self, listener: u32) -> u32 {
        listener % self.channels
    }

    /// The channel that message number `number` of any source goes to.
    pub(super) fn channel_of_message(&self, number: u64) -> u32 {
        (number % u64::from(self.channels)) as u32
    }

    /// Which number that message has among those of its source to the same channel.
    pub(super) fn sequence(&self, number: u64) -> u64 {
        number / u64::from(self.channels)
    }

    /// The other way round: the number of a message among all of its source.
    pub(super) fn number(&self, channel: u32, sequence: u64) -> u64 {
        sequence * u64::from(self.channels) + u64::from(channel)
    }

    /// How many of a source's first `sent` messages go to `channel`.
    pub(super) fn sent_to(&self, channel: u32, sent: u64) -> u64 {
        (sent + u64::from(self.channels) - 1 - u64::from(channel)) / u64::from(self.channels)
    }

    /// The listeners on a thread.
    pub(super) fn listeners_of_thread(&self, thread: u32) -> impl Iterator<Item = u32> + use<> {
        (thread..self.listeners).step_by(self.threads as usize)
    }

    /// How many of a thread's listeners listen to each channel.
    pub(super) fn audience_of_thread(&self, thread: u32) -> Vec<u32> {
        let mut audience = vec![0; self.channels as usize];
        for listener in self.listeners_of_thread(thread) {
            audience[self.channel_of_listener(listener) as usize] += 1;
        }
        audience
    }

    /// How many deliveries it takes until every listener has everything; `sent` is by source.
    pub(super) fn deliveries(&self, sent: &[u64]) -> u64 {
        let each_channel = |channel: u32| {
            let audience = (self.listeners - channel).div_ceil(self.channels);
            sent.iter().map(|&sent| self.sent_to(channel, sent)).sum::<u64>() * u64::from(audience)
        };
        (0..self.channels).map(each_channel).sum()
    }
}

#[cfg(test)]
pub(super) fn sample() -> Plan {
    Plan {
        run: 7,
        listeners: 10,
        sources: 2,
        channels: 3,
        size: 100,
        pace: Pace::Window(4),
        extent: Extent::Messages(100),
        warm_up: Duration::ZERO,
        threads: 2,
        connects: 4,
        channel_prefix: "bench.".into(),
        patience: Duration::from_secs(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sequences_are_two_names_of_one_message() {
        let plan = sample();
        for number in 0..100 {
            let (channel, sequence) = (plan.channel_of_message(number), plan.sequence(number));
            assert_eq!(plan.number(channel, sequence), number);
            let before = (0..number).filter(|&other| plan.channel_of_message(other) == channel).count();
            assert_eq!((plan.sent_to(channel, number), sequence), (before as u64, before as u64));
        }
    }

    #[test]
    fn every_listener_is_on_one_thread() {
        let plan = Plan { threads: 3, ..sample() };
        let mut all: Vec<u32> = (0..3).flat_map(|thread| plan.listeners_of_thread(thread)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        let audiences = (0..3).map(|thread| plan.audience_of_thread(thread).iter().sum::<u32>());
        assert_eq!(audiences.collect::<Vec<_>>(), [4, 3, 3]);
    }

    #[test]
    fn deliveries_are_counted_as_they_happen() {
        let plan = sample();
        let sent = [5, 7];
        let listeners_of = |channel| (0..10).filter(|&at| plan.channel_of_listener(at) == channel).count() as u64;
        let each = |sent: u64| (0..sent).map(|number| listeners_of(plan.channel_of_message(number))).sum::<u64>();
        assert_eq!(plan.deliveries(&sent), each(sent[0]) + each(sent[1]));
    }

    #[test]
    fn the_default_window_stays_below_a_relays_limit() {
        assert_eq!(Plan::default_window(1, 128), Pace::Window(64));
        assert_eq!(Plan::default_window(100, 128), Pace::Window(20));
        assert_eq!(Plan::default_window(1, 1 << 20), Pace::Window(1));
    }
}
