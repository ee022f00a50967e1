//! Sources that publish to a channel with history, and listeners that go from relay to relay with their positions and account for
//! everything.

use crate::harness::{ALL, DEADLINE, Network};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

const CHANNEL: &str = "h.moving";
const FOLLOWERS: u64 = 12;
/// From one message of a source to the next.
const PAUSE: Duration = Duration::from_millis(10);

/// What all of them share.
struct Shared {
    began: Instant,
    /// Where each relay serves; `None`: it does not.
    addresses: Mutex<Vec<Option<SocketAddr>>>,
    is_ending: AtomicBool,
    sources: AtomicUsize,
    /// What each source has heard of its own: its last number, and when that was accepted at the latest.
    accepted: Mutex<BTreeMap<u64, (u64, u64)>>,
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
    fn ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn address(&self, at: usize) -> Option<SocketAddr> {
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

/// A connection that may end at any time.
struct Connection(WebSocket<TcpStream>);

impl Connection {
    fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        let (socket, _) = client("ws://relay.test/", stream).ok()?;
        let mut connection = Self(socket);
        connection.send(json!({"type": "authorize", "authorization": ALL}))?;
        while connection.next(DEADLINE)??["type"] != "authorization_ok" {}
        Some(connection)
    }

    fn send(&mut self, message: Value) -> Option<()> {
        self.0.send(Message::text(message.to_string())).ok()
    }

    /// The next message; `None` inside: there is none yet. `None`: the connection has ended.
    fn next(&mut self, wait: Duration) -> Option<Option<Value>> {
        self.0.get_ref().set_read_timeout(Some(wait.max(Duration::from_millis(1)))).ok()?;
        match self.0.read() {
            Ok(Message::Text(text)) => Some(Some(serde_json::from_str(&text).expect("relays send JSON"))),
            Ok(Message::Close(_)) => None,
            Ok(_) => Some(None),
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Some(None),
            Err(_) => None,
        }
    }
}

/// Publishes at one relay; each connection is a source of its own, which listens to itself: what it hears was accepted.
fn publish(shared: &Shared, at: usize) {
    while !shared.is_ending.load(Ordering::SeqCst) {
        let Some(mut connection) = shared.address(at).and_then(Connection::open) else {
            thread::sleep(PAUSE);
            continue;
        };
        if connection.send(json!({"type": "subscribe", "channel": CHANNEL})).is_none() {
            continue;
        }
        let (source, start) = (shared.sources.fetch_add(1, Ordering::SeqCst) as u64, shared.ms());
        let (mut number, mut heard) = (0, 0);
        let mut last_published = Instant::now();
        let mut is_subscribed = false;
        loop {
            let is_ending = shared.is_ending.load(Ordering::SeqCst);
            if is_ending && heard == number || last_published.elapsed() > DEADLINE {
                break;
            }
            if is_subscribed && !is_ending && last_published.elapsed() >= PAUSE {
                number += 1;
                last_published = Instant::now();
                let content = json!([source, number, start]);
                if connection.send(json!({"type": "publish", "channel": CHANNEL, "content": content})).is_none() {
                    break;
                }
            }
            let Some(message) = connection.next(PAUSE / 4) else { break };
            let Some(message) = message else { continue };
            is_subscribed |= message["type"] == "subscribe_ok";
            if message["type"] == "publish" && message["content"][0] == source {
                heard = message["content"][1].as_u64().unwrap();
                shared.accepted.lock().unwrap().insert(source, (heard, shared.ms()));
            }
        }
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
