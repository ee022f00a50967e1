//! Two clients that mean well, beside others that do not: what the one publishes, the other gets, and in time.

use super::{Client, Daemon, Stalls};
use std::time::{Duration, Instant};

/// A source and a listener, and how long their messages took.
pub(crate) struct Pair {
    source: Client,
    listener: Client,
    pings: Spans,
}

impl Pair {
    /// Two clients of this daemon.
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let mut listener = daemon.client();
        listener.subscribe("good");
        Self { source: daemon.client(), listener, pings: Spans::default() }
    }

    /// One message goes through, and it is the next one.
    pub(crate) fn ping(&mut self) {
        let Self { source, listener, pings } = self;
        let number = pings.len();
        pings.time(|| {
            source.publish("good", number.into());
            listener.expect_publish("good", number.into());
        });
    }

    /// When each message so far was sent, and when it had arrived.
    pub(crate) fn pings(&self) -> &Spans {
        &self.pings
    }
}

/// When each of several things began and ended.
#[derive(Default)]
pub(crate) struct Spans(Vec<(Instant, Instant)>);

impl Spans {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Does one more.
    pub(crate) fn time(&mut self, work: impl FnOnce()) {
        let started = Instant::now();
        work();
        self.0.push((started, Instant::now()));
    }

    /// Asserts that the median, nine of ten and all of them took less than these, without the time in which the machine
    /// stood still.
    pub(crate) fn assert_within(&self, what: &str, stalls: &Stalls, bounds: [Duration; 3]) {
        let mut times: Vec<_> = self.0.iter().map(|(from, to)| stalls.time_between(*from, *to)).collect();
        times.sort_unstable();
        let seen = [times.len() / 2, times.len() * 9 / 10, times.len() - 1].map(|at| times[at]);
        println!("{what}, {} times: {seen:?} for the median, nine of ten, and all", times.len());
        assert!(
            seen.iter().zip(&bounds).all(|(seen, bound)| seen < bound),
            "{what} took {seen:?}, more than {bounds:?}"
        );
    }
}
