//! Five million deliveries: nothing lost, nothing twice, nothing out of order.

use crate::harness::{DEADLINE, Daemon, Listener, stamped};
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex};
use std::thread;

const LISTENERS: usize = 100;
const CHANNELS: usize = 10;
const SOURCES: usize = 2;
/// By each source to each channel: five million deliveries.
pub(crate) const EACH: u64 = 2500;
/// A source may be this many messages ahead of the slowest listener: fewer than would make that one a slow consumer.
const AHEAD_MAX: u64 = 2000;

crate::on_1_and_3_shards!(five_million);

fn five_million(daemon: Daemon) {
    deliver(&[daemon.address()], EACH);
}

/// Listeners and sources are spread over the relays; each source publishes so many messages to each channel, and
/// all listeners get all of them.
pub(crate) fn deliver(relays: &[SocketAddr], each: u64) {
    let channels: Vec<String> = (0..CHANNELS).map(|n| format!("channel-{n}")).collect();
    let mut listeners: Vec<_> = (0..LISTENERS).map(|n| Listener::connect(relays[n % relays.len()])).collect();
    for listener in &mut listeners {
        channels.iter().for_each(|channel| listener.subscribe(channel));
    }
    let progress = Progress::of(LISTENERS);
    thread::scope(|scope| {
        for source in 0..SOURCES {
            let mut client = Listener::connect(relays[source % relays.len()]);
            let (channels, progress) = (&channels, &progress);
            scope.spawn(move || {
                for number in 1..=each {
                    progress.wait_for((number * (CHANNELS * SOURCES) as u64).saturating_sub(AHEAD_MAX));
                    for channel in channels {
                        client.publish(channel, &stamped(source, number, 40));
                    }
                }
            });
        }
        for (at, mut listener) in listeners.into_iter().enumerate() {
            let (channels, progress) = (&channels, &progress);
            scope.spawn(move || {
                let all = each * (CHANNELS * SOURCES) as u64;
                while listener.checker.received < all {
                    listener.listen((listener.checker.received + 200).min(all));
                    progress.reached(at, listener.checker.received);
                }
                for channel in channels {
                    listener.checker.assert_complete(channel, SOURCES, each);
                }
            });
        }
    });
}

/// How far each listener is, so that the sources do not make slow consumers of them.
struct Progress {
    received: Mutex<Vec<u64>>,
    changed: Condvar,
}

impl Progress {
    fn of(listeners: usize) -> Self {
        Self { received: Mutex::new(vec![0; listeners]), changed: Condvar::new() }
    }

    fn reached(&self, listener: usize, received: u64) {
        self.received.lock().unwrap()[listener] = received;
        self.changed.notify_all();
    }

    /// Waits until every listener has so many.
    fn wait_for(&self, received: u64) {
        let slowest = |all: &mut Vec<u64>| all.iter().min().is_some_and(|&least| least < received);
        let (all, timeout) = self.changed.wait_timeout_while(self.received.lock().unwrap(), DEADLINE, slowest).unwrap();
        assert!(!timeout.timed_out(), "the slowest listener had {:?} of {received}", all.iter().min());
    }
}
