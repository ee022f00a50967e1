//! The plan of one run: how many of what, how fast, for how long, and who does which part of it.
//!
//! Values and arithmetic; nothing here waits or sends.

use super::checking::{Form, Wire};
use crate::cli::http::Requests;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Bytes that may be on their way to a listener without an explicit window: half of what a relay keeps for one.
const IN_FLIGHT_BYTES_MAX: usize = 512 * 1024;
/// Messages of a source that may be on their way without an explicit window.
const WINDOW_MESSAGES: usize = 64;
/// What a delivery has around its content: the frame's header, type, and the channel's name.
const ENVELOPE_BYTES: usize = 128;
/// The time between two messages of a quiet pair: about ten a second, and never in step with a load of so many messages
/// a second, of which it would see the same moment again and again.
const QUIET_NANOSECONDS: u64 = 97_130_000;
/// What the names of the quiet pairs' channels have behind the prefix.
const QUIET: &str = "beside.";
/// Bytes of their messages.
const QUIET_SIZE: usize = 128;

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
    /// Quiet pairs that measure beside it.
    pub(super) beside: u32,
    /// Whether each source has a channel of its own with one listener, rather than all channels in turn.
    pub(super) pairs: bool,
    pub(super) over_http: OverHttp,
}

/// What speaks HTTP rather than WebSocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OverHttp {
    /// The sources.
    pub(super) publish: bool,
    /// The listeners.
    pub(super) events: bool,
}

impl OverHttp {
    /// The option that says the same; `None`: nothing does.
    pub(super) fn name(self) -> Option<&'static str> {
        match (self.publish, self.events) {
            (true, true) => Some("both"),
            (true, false) => Some("publish"),
            (false, true) => Some("events"),
            (false, false) => None,
        }
    }
}

/// When the sources send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// So many messages a second, all sources together. The sources send in the same moment, each one message.
    Rate(u64),
    /// One message in so many nanoseconds, of each source in turn.
    Every(u64),
    /// As fast as the slowest listener takes them: so many messages of each source may be on their way.
    Window(u32),
}

/// When the sources are done, counted from the end of the warm-up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extent {
    Messages(u64),
    Duration(Duration),
    /// When they are told to stop.
    Stopped,
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

    /// The run of the quiet pairs beside this one, if there are any.
    pub(super) fn of_the_pairs(&self) -> Option<Self> {
        (self.beside > 0).then(|| Self {
            listeners: self.beside,
            sources: self.beside,
            channels: self.beside,
            size: QUIET_SIZE,
            pace: Pace::Every(QUIET_NANOSECONDS / u64::from(self.beside)),
            extent: Extent::Stopped,
            threads: 1,
            channel_prefix: format!("{}{QUIET}", self.channel_prefix),
            beside: 0,
            pairs: true,
            ..self.clone()
        })
    }

    /// What a source or listener of this run is called, with its number behind it.
    pub(super) fn who(&self, noun: &str) -> String {
        format!("{}{noun}", if self.pairs { "quiet " } else { "" })
    }

    /// When a message is due, in nanoseconds from the start, and who sends it; `None` where nothing is due at a time.
    pub(super) fn due(&self, number: u64) -> Option<(u64, usize)> {
        let sources = u64::from(self.sources);
        let due = match self.pace {
            Pace::Rate(rate) => {
                let before = u128::from(number - number % sources);
                (before * 1_000_000_000 / u128::from(rate)) as u64
            }
            Pace::Every(nanoseconds) => number * nanoseconds,
            Pace::Window(_) => return None,
        };
        Some((due, (number % sources) as usize))
    }

    /// The name of a channel.
    pub(super) fn channel_name(&self, channel: u32) -> String {
        format!("{}{channel}", self.channel_prefix)
    }

    /// How the messages of each channel are written; `requests` are those over HTTP, where sources speak it.
    pub(super) fn forms(&self, requests: Option<&Requests<'_>>) -> Vec<Form> {
        let form = |channel| {
            let name = self.channel_name(channel);
            let post = requests.map(|requests| requests.publish(&name));
            let wire = Wire { post: post.as_deref(), events: self.over_http.events };
            Form::new(self.run, channel, &name, self.size, &wire)
        };
        (0..self.channels).map(form).collect()
    }

    /// The channel that a listener listens to.
    pub(super) fn channel_of_listener(&self, listener: u32) -> u32 {
        listener % self.channels
    }

    /// The channel that message number `number` of a source goes to.
    pub(super) fn channel_of_message(&self, source: u32, number: u64) -> u32 {
        if self.pairs { source } else { (number % u64::from(self.channels)) as u32 }
    }

    /// Which number that message has among those of its source to the same channel.
    pub(super) fn sequence(&self, number: u64) -> u64 {
        if self.pairs { number } else { number / u64::from(self.channels) }
    }

    /// The other way round: the number of a message among all of its source.
    pub(super) fn number(&self, channel: u32, sequence: u64) -> u64 {
        if self.pairs { sequence } else { sequence * u64::from(self.channels) + u64::from(channel) }
    }

    /// How many of a source's first `sent` messages go to `channel`.
    pub(super) fn sent_to(&self, channel: u32, source: u32, sent: u64) -> u64 {
        if self.pairs {
            return if channel == source { sent } else { 0 };
        }
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
            let sent = (0..).zip(sent).map(|(source, &sent)| self.sent_to(channel, source, sent));
            sent.sum::<u64>() * u64::from(audience)
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
        beside: 0,
        pairs: false,
        over_http: OverHttp::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sequences_are_two_names_of_one_message() {
        let plan = sample();
        for number in 0..100 {
            let (channel, sequence) = (plan.channel_of_message(1, number), plan.sequence(number));
            assert_eq!(plan.number(channel, sequence), number);
            let before = (0..number).filter(|&other| plan.channel_of_message(1, other) == channel).count();
            assert_eq!((plan.sent_to(channel, 1, number), sequence), (before as u64, before as u64));
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
        let each = |sent: u64| (0..sent).map(|number| listeners_of(plan.channel_of_message(0, number))).sum::<u64>();
        assert_eq!(plan.deliveries(&sent), each(sent[0]) + each(sent[1]));
    }

    #[test]
    fn a_quiet_pair_has_a_channel_of_its_own() {
        let pairs = Plan { beside: 3, ..sample() }.of_the_pairs().unwrap();
        assert_eq!(pairs.channel_name(2), "bench.beside.2");
        for number in 0..9 {
            let (due, source) = pairs.due(number).unwrap();
            assert_eq!((due, source), (number * (QUIET_NANOSECONDS / 3), (number % 3) as usize));
            let channel = pairs.channel_of_message(source as u32, number / 3);
            assert_eq!((channel, pairs.channel_of_listener(channel)), (source as u32, channel));
            assert_eq!(pairs.number(channel, pairs.sequence(number)), number);
        }
        assert_eq!((pairs.sent_to(1, 1, 7), pairs.sent_to(1, 2, 7)), (7, 0));
        assert_eq!(pairs.deliveries(&[3, 3, 2]), 8);
        assert!(sample().of_the_pairs().is_none());
    }

    #[test]
    fn with_a_rate_all_sources_send_in_the_same_moment() {
        let plan = Plan { sources: 3, pace: Pace::Rate(30), ..sample() };
        let due: Vec<_> = (0..7).map(|number| plan.due(number).unwrap()).collect();
        let rounds = [0, 100_000_000, 200_000_000];
        let expected: Vec<_> = rounds.iter().flat_map(|&due| [(due, 0), (due, 1), (due, 2)]).take(7).collect();
        assert_eq!(due, expected);
        assert_eq!(sample().due(0), None);
    }

    #[test]
    fn the_default_window_stays_below_a_relays_limit() {
        assert_eq!(Plan::default_window(1, 128), Pace::Window(64));
        assert_eq!(Plan::default_window(100, 128), Pace::Window(20));
        assert_eq!(Plan::default_window(1, 1 << 20), Pace::Window(1));
    }
}
