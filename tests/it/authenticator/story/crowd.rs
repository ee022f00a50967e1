//! Those who are connected while the plugin fails: listeners of a hot channel and a source that does not stop. And those
//! who look on: an operator who asks for the status again and again, and the service manager.

use super::stage::Stage;
use crate::harness::{Daemon, Listener, Raw, StallWatch, stamped};
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LISTENERS: usize = 40;
const CHANNEL: &str = "a.hot";
/// The time from one publication to the next.
const PACE: Duration = Duration::from_millis(20);
/// The time from one question about the status to the next.
const ASKING: Duration = Duration::from_millis(50);
/// A delivery takes at most this long, less what the machine stood still: far longer than any of them takes.
const DELIVERY_MAX: Duration = Duration::from_secs(1);
/// The status is there within this time, whatever the plugin does.
const STATUS_MAX: Duration = Duration::from_secs(1);

/// What they have seen.
pub(super) struct Figures {
    published: u64,
    slowest: Duration,
    asked: u64,
    slowest_status: Duration,
    reloads: usize,
}

/// Ends the crowd, also where the story has failed.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Has `story` happen while the crowd is there. Nobody of it may notice.
pub(super) fn beside<T>(daemon: &Daemon, stage: &Stage, story: impl FnOnce() -> T) -> (T, Figures) {
    let (over, published) = (AtomicBool::new(false), OnceLock::new());
    let (over, published) = (&over, &published);
    let connected: Vec<_> = (0..LISTENERS).map(|_| connected(daemon)).collect();
    thread::scope(|scope| {
        let ends = Over(over);
        let listeners: Vec<_> =
            connected.into_iter().map(|listener| scope.spawn(move || listen(listener, published))).collect();
        scope.spawn(move || publish(daemon, over, published));
        let operator = scope.spawn(move || ask(daemon, over));
        let manager = scope.spawn(move || hear_of_reloads(stage, over));
        let told = story();
        drop(ends);
        let slowest = listeners.into_iter().map(|listener| listener.join().unwrap()).max().unwrap();
        let (asked, slowest_status) = operator.join().unwrap();
        let published = *published.get().expect("the source has ended");
        (told, Figures { published, slowest, asked, slowest_status, reloads: manager.join().unwrap() })
    })
}

fn connected(daemon: &Daemon) -> Listener {
    let mut listener = Listener::over(Raw::upgraded(daemon.address()));
    listener.authorize("grant");
    listener.subscribe(CHANNEL);
    listener
}

/// Listens until everything has arrived that was published; gives the longest that a publication was under way.
fn listen(mut listener: Listener, published: &OnceLock<u64>) -> Duration {
    let watch = StallWatch::begin();
    let last = loop {
        listener.listen_until(Instant::now() + Duration::from_millis(100)).expect("who is connected stays so");
        if let Some(last) = published.get() {
            break *last;
        }
    };
    listener.listen(last);
    listener.checker.assert_complete(CHANNEL, 1, last);
    let stalls = watch.end();
    let late = listener.checker.late.iter().map(|late| stalls.time_between(late.sent, late.arrived)).max();
    assert!(late.is_none_or(|late| late < DELIVERY_MAX), "a delivery took {late:?}");
    listener.checker.slowest
}

/// Publishes at its pace until all is over, and says then how much it was.
fn publish(daemon: &Daemon, over: &AtomicBool, published: &OnceLock<u64>) {
    let mut client = Listener::over(Raw::upgraded(daemon.address()));
    client.authorize("grant");
    let (mut number, mut next) = (0, Instant::now());
    while !over.load(Ordering::Relaxed) {
        number += 1;
        client.publish(CHANNEL, &stamped(0, number, 100));
        next += PACE;
        // Reads too, as every client has to.
        client.listen_until(next).expect("a source that is connected stays so");
    }
    published.set(number).expect("there is one source");
}

/// Asks for the status until all is over; gives how often, and the longest that an answer took.
fn ask(daemon: &Daemon, over: &AtomicBool) -> (u64, Duration) {
    let (mut asked, mut slowest) = (0, Duration::ZERO);
    let watch = StallWatch::begin();
    let mut answers = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        assert_eq!(daemon.asked()["name"], "test-relay");
        let ended = Instant::now();
        asked += 1;
        slowest = slowest.max(ended - began);
        if ended - began > STATUS_MAX {
            answers.push((began, ended));
        }
        thread::park_timeout(ASKING);
    }
    let stalls = watch.end();
    let late = answers.into_iter().map(|(began, ended)| stalls.time_between(began, ended)).max();
    assert!(late.is_none_or(|late| late < STATUS_MAX), "the status took {late:?}");
    (asked, slowest)
}

/// Hears what the relay tells its service manager, until all is over: each reload that begins ends.
fn hear_of_reloads(stage: &Stage, over: &AtomicBool) -> usize {
    let (mut reloads, mut is_ready) = (0, true);
    let mut datagram = [0; 4096];
    stage.manager.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    loop {
        match stage.manager.recv(&mut datagram) {
            Ok(len) => {
                let told = String::from_utf8_lossy(&datagram[..len]);
                if told.contains("RELOADING=1") {
                    assert!(is_ready, "a reload has begun before the last one has ended");
                    (reloads, is_ready) = (reloads + 1, false);
                }
                is_ready |= told.contains("READY=1");
            }
            Err(_) if over.load(Ordering::Relaxed) => break,
            Err(_) => {}
        }
    }
    assert!(is_ready, "the service manager takes the relay for reloading");
    reloads
}

impl Figures {
    /// Reloads that the service manager has heard of.
    pub(super) fn reloads(&self) -> usize {
        self.reloads
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { published, slowest, asked, slowest_status, reloads } = self;
        let deliveries = published * LISTENERS as u64;
        write!(
            f,
            "{deliveries} deliveries to {LISTENERS} listeners, slowest {slowest:?}; status asked for {asked} times, \
             slowest {slowest_status:?}; {reloads} reloads"
        )
    }
}
