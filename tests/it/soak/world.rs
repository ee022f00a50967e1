//! What everybody in the test shares: where the relay is, when it all ends, and what has happened.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// The relay, and how long everything goes on.
pub(super) struct World {
    pub(super) address: SocketAddr,
    pub(super) end: Instant,
    pub(super) figures: Figures,
    /// Sources that have published their last message.
    silent: Mutex<usize>,
    silence: Condvar,
}

impl World {
    /// The world lasts so long from now on.
    pub(super) fn new(address: SocketAddr, lasts: Duration) -> Self {
        Self {
            address,
            end: Instant::now() + lasts,
            figures: Figures::default(),
            silent: Mutex::new(0),
            silence: Condvar::new(),
        }
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Does nothing for a while, as users do; less if the world ends before.
    pub(super) fn pass(&self, time: Duration) {
        let until = self.end.min(Instant::now() + time);
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            std::thread::park_timeout(left);
        }
    }

    /// A source says that it publishes no more.
    pub(super) fn fall_silent(&self) {
        *self.silent.lock().unwrap() += 1;
        self.silence.notify_all();
    }

    /// Waits until so many sources publish no more.
    pub(super) fn wait_for_silence(&self, sources: usize) {
        let silent = self.silent.lock().unwrap();
        drop(self.silence.wait_while(silent, |silent| *silent < sources).unwrap());
    }
}

/// What has happened.
#[derive(Default)]
pub(super) struct Figures {
    /// Messages that were published to each of the channels.
    pub(super) published: AtomicU64,
    /// Deliveries to those who stay.
    pub(super) to_staying: AtomicU64,
    /// Deliveries to everybody else.
    pub(super) to_others: AtomicU64,
    /// Connections of those who come and go.
    pub(super) connections: AtomicU64,
    /// Subscriptions that they made.
    pub(super) subscriptions: AtomicU64,
    /// Slow consumers that were told so.
    pub(super) told: AtomicU64,
    /// Slow consumers whose connection was cut.
    pub(super) cut: AtomicU64,
    /// Clients that were turned away for what they said.
    pub(super) turned_away: AtomicU64,
    /// The longest that a message was under way to one who stays, in microseconds.
    pub(super) slowest_micros: AtomicU64,
}

/// Counts.
pub(super) fn count(figure: &AtomicU64, more: u64) {
    figure.fetch_add(more, Ordering::Relaxed);
}

fn read(figure: &AtomicU64) -> u64 {
    figure.load(Ordering::Relaxed)
}

impl Figures {
    /// Messages that were published to each of the channels.
    pub(super) fn published(&self) -> u64 {
        read(&self.published)
    }

    /// Deliveries to those who stay.
    pub(super) fn delivered_to_staying(&self) -> u64 {
        read(&self.to_staying)
    }

    /// Asserts that nothing was left out for want of time or by a mistake of the test's.
    pub(super) fn assert_everything_happened(&self) {
        let all = [&self.published, &self.to_others, &self.connections, &self.subscriptions, &self.turned_away];
        assert!(all.into_iter().all(|figure| read(figure) > 0), "{self}");
        assert!(read(&self.told) + read(&self.cut) > 0, "no slow consumer: {self}");
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages to each channel, {} deliveries to those who stay (slowest {} ms) and {} to others, {} connections, \
             {} subscriptions, {} slow consumers told and {} cut, {} turned away",
            read(&self.published),
            read(&self.to_staying),
            read(&self.slowest_micros) / 1000,
            read(&self.to_others),
            read(&self.connections),
            read(&self.subscriptions),
            read(&self.told),
            read(&self.cut),
            read(&self.turned_away),
        )
    }
}
