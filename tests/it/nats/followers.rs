//! Sources that publish to a channel with history, and listeners that go from relay to relay with their positions and account for
//! everything.

use super::movers::{Connection, publish};
use crate::harness::{DEADLINE, Network};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub(super) const CHANNEL: &str = "h.moving";
const FOLLOWERS: u64 = 12;
/// From one message of a source to the next.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// What all of them share.
pub(super) struct Shared {
    began: Instant,
    /// Where each relay serves; `None`: it does not.
    addresses: Mutex<Vec<Option<SocketAddr>>>,
    pub(super) is_ending: AtomicBool,
    pub(super) sources: AtomicUsize,
    /// What each source has heard of its own: its last number, and when that was accepted at the latest.
    pub(super) accepted: Mutex<BTreeMap<u64, (u64, u64)>>,
}

/// Sources and listeners at work.
pub(super) struct Story {
    shared: Arc<Shared>,
    sources: Vec<JoinHandle<()>>,
    followers: Vec<JoinHandle<Outcome>>,
}

/// What became of it, in sum.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) received: u64,
    /// How often somebody came back and was completed.
    pub(super) recovered: u64,
    /// How often not, and was told so.
    pub(super) lost: u64,
    /// How often somebody was told of a gap.
    pub(super) gaps: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, recovered, lost, gaps } = self;
        write!(f, "{received} messages, {recovered} returns that missed nothing, {lost} that were told so, {gaps} gaps")
    }
}

impl Shared {
    pub(super) fn ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    pub(super) fn address(&self, at: usize) -> Option<SocketAddr> {
        self.addresses.lock().unwrap()[at]
    }
}

impl Story {
    /// One source at each relay, and listeners everywhere.
    pub(super) fn begin(network: &Network) -> Self {
        let addresses: Vec<_> = network.relays().iter().map(|relay| Some(relay.address())).collect();
        let relays = addresses.len();
        let shared = Arc::new(Shared {
            began: Instant::now(),
            addresses: Mutex::new(addresses),
            is_ending: AtomicBool::new(false),
            sources: AtomicUsize::new(0),
            accepted: Mutex::default(),
        });
        let waiting = Arc::new(AtomicUsize::new(FOLLOWERS as usize));
        let followers = (0..FOLLOWERS)
            .map(|seed| {
                let (shared, waiting) = (shared.clone(), waiting.clone());
                thread::spawn(move || Follower::new(shared, seed).follow(&waiting))
            })
            .collect();
        let began = Instant::now();
        while waiting.load(Ordering::Relaxed) > 0 {
            assert!(began.elapsed() < DEADLINE, "not all of them listen");
            thread::sleep(PAUSE);
        }
        let source = |at| {
            let shared = shared.clone();
            thread::spawn(move || publish(&shared, at))
        };
        Self { sources: (0..relays).map(source).collect(), followers, shared }
    }

    /// A relay is about to stop.
    pub(super) fn closes(&self, at: usize) {
        self.shared.addresses.lock().unwrap()[at] = None;
    }

    /// It serves clients again.
    pub(super) fn serves(&self, at: usize, address: SocketAddr) {
        self.shared.addresses.lock().unwrap()[at] = Some(address);
    }

    /// Ends it, and gives what became of it.
    ///
    /// # Panics
    /// Somebody lacks something and was not told.
    pub(super) fn end(self, network: &Network) -> Outcome {
        network.wait_linked();
        self.shared.is_ending.store(true, Ordering::SeqCst);
        self.sources.into_iter().for_each(|source| source.join().expect("it publishes"));
        self.shared.sources.store(0, Ordering::SeqCst);
        let mut sum = Outcome::default();
        for follower in self.followers {
            let one = follower.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            sum.received += one.received;
            sum.recovered += one.recovered;
            sum.lost += one.lost;
            sum.gaps += one.gaps;
        }
        sum
    }
}

/// A listener that goes from relay to relay.
struct Follower {
    shared: Arc<Shared>,
    random: fastrand::Rng,
    seed: u64,
    position: Option<String>,
    /// The last number of each source, and when it came.
    last: BTreeMap<u64, (u64, u64)>,
    /// When it was told last that something is lost.
    told: Option<u64>,
    outcome: Outcome,
}

impl Follower {
    fn new(shared: Arc<Shared>, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { shared, random, seed, position: None, last: BTreeMap::new(), told: None, outcome: Outcome::default() }
    }

    fn follow(mut self, waiting: &AtomicUsize) -> Outcome {
        let mut ending: Option<Instant> = None;
        loop {
            let relays = self.shared.addresses.lock().unwrap().len();
            let address = self.shared.address(self.random.usize(..relays));
            let Some(mut connection) = address.and_then(Connection::open) else {
                thread::sleep(PAUSE);
                continue;
            };
            let subscribe = match &self.position {
                Some(since) => json!({"type": "subscribe", "channel": CHANNEL, "since": since}),
                None => json!({"type": "subscribe", "channel": CHANNEL}),
            };
            if connection.send(subscribe).is_none() {
                continue;
            }
            let mut leave = None;
            while let Some(message) = connection.next(Duration::from_millis(20)) {
                if let Some(message) = message {
                    let is_first = self.position.is_none();
                    if self.take(&message) && is_first {
                        waiting.fetch_sub(1, Ordering::Relaxed);
                    }
                }
                if self.shared.is_ending.load(Ordering::SeqCst) {
                    let since = *ending.get_or_insert_with(Instant::now);
                    let are_done = self.shared.sources.load(Ordering::SeqCst) == 0;
                    if are_done && (self.lacks().is_none() || since.elapsed() > DEADLINE) {
                        assert_eq!(self.lacks(), None, "follower {} lacks it and was not told", self.seed);
                        return self.outcome;
                    }
                } else if self.position.is_some()
                    && waiting.load(Ordering::Relaxed) == 0
                    && Instant::now() >= *leave.get_or_insert_with(|| Instant::now() + self.stay())
                {
                    break;
                }
            }
        }
    }

    fn stay(&mut self) -> Duration {
        Duration::from_millis(self.random.u64(20..1500))
    }

    /// Takes a message. True: it was the answer to the subscription.
    fn take(&mut self, message: &Value) -> bool {
        let now = self.shared.ms();
        if let Some(position) = message["position"].as_str() {
            self.position = Some(position.to_owned());
        }
        match message["type"].as_str().unwrap() {
            "subscribe_ok" => {
                match message.get("recovered") {
                    Some(recovered) if recovered == true => self.outcome.recovered += 1,
                    Some(_) => (self.told, self.outcome.lost) = (Some(now), self.outcome.lost + 1),
                    None => {}
                }
                true
            }
            "gap" => {
                (self.told, self.outcome.gaps) = (Some(now), self.outcome.gaps + 1);
                false
            }
            "publish" => {
                let field = |at: usize| message["content"][at].as_u64().unwrap();
                self.take_content(field(0), field(1), field(2), now);
                false
            }
            _ => false,
        }
    }

    fn take_content(&mut self, source: u64, number: u64, start: u64, now: u64) {
        let (last, came) = self.last.get(&source).copied().unwrap_or((0, start));
        let seed = self.seed;
        assert!(number > last, "follower {seed}: {number} of source {source} comes behind {last}");
        let was_told = self.told.is_some_and(|told| told >= came);
        assert!(
            number == last + 1 || was_told,
            "follower {seed}: of source {source} {number} follows on {last} at {now} ms"
        );
        self.last.insert(source, (number, now));
        self.outcome.received += 1;
    }

    /// What was accepted, has not come, and nobody has told of: the source, and how far it was accepted and has come.
    fn lacks(&self) -> Option<(u64, u64, u64)> {
        let accepted = self.shared.accepted.lock().unwrap();
        accepted.iter().find_map(|(&source, &(accepted, at))| {
            let last = self.last.get(&source).map_or(0, |(last, _)| *last);
            let was_told = self.told.is_some_and(|told| told >= at);
            (last < accepted && !was_told).then_some((source, accepted, last))
        })
    }
}
