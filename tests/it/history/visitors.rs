//! Visitors of a network: listeners that leave at random and come back to any relay with the position that they have, and the
//! account of what each of them has heard over all its connections.

use super::connection::Connection;
use crate::harness::{DEADLINE, Network};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What is published to.
pub(super) const CHANNEL: &str = "h.visited";
/// How long a visitor waits for one message before it looks around.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// How many were published under each name of a source.
pub(super) type Published = Vec<(u64, u64)>;

/// Where the relays are now, and whether they take anybody.
#[derive(Clone)]
pub(super) struct Places(Arc<Vec<Mutex<Option<SocketAddr>>>>);

impl Places {
    pub(super) fn of(network: &Network) -> Self {
        Self(Arc::new(network.relays().iter().map(|relay| Mutex::new(Some(relay.address()))).collect()))
    }

    /// A relay is at this address, or is not there.
    pub(super) fn set(&self, at: usize, address: Option<SocketAddr>) {
        *self.0[at].lock().unwrap() = address;
    }

    fn get(&self, at: usize) -> Option<SocketAddr> {
        *self.0[at].lock().unwrap()
    }

    fn any(&self, random: &mut fastrand::Rng) -> Option<SocketAddr> {
        self.get(random.usize(..self.0.len()))
    }
}

/// A source of one relay. It can rest, and goes on as another one: what it says then has no order with what it said before.
pub(super) struct Source {
    rests: Arc<AtomicBool>,
    is_resting: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Published>,
}

impl Source {
    /// Begins to publish at a relay.
    pub(super) fn begin(places: &Places, at: usize) -> Self {
        let flag = || Arc::new(AtomicBool::new(false));
        let (rests, is_resting, ends) = (flag(), flag(), flag());
        let flags = (rests.clone(), is_resting.clone(), ends.clone());
        let places = places.clone();
        let thread = thread::spawn(move || publish(&places, at, &flags.0, &flags.1, &flags.2));
        Self { rests, is_resting, ends, thread }
    }

    /// Has it rest, and waits until its relay has accepted everything.
    pub(super) fn rest(&self) {
        self.rests.store(true, Ordering::SeqCst);
        wait_for(|| self.is_resting.load(Ordering::SeqCst));
    }

    /// Has it go on.
    pub(super) fn go_on(&self) {
        self.rests.store(false, Ordering::SeqCst);
        wait_for(|| !self.is_resting.load(Ordering::SeqCst));
    }

    /// Ends it; gives how many were published under each of its names, all of them accepted.
    pub(super) fn end(self) -> Published {
        self.rests.store(false, Ordering::SeqCst);
        self.ends.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn publish(places: &Places, at: usize, rests: &AtomicBool, is_resting: &AtomicBool, ends: &AtomicBool) -> Published {
    let mut published = Vec::new();
    for name in (at as u64 * 1000).. {
        let mut connection = Connection::to(places.get(at).expect("the relay is there")).expect("it takes sources");
        let mut count = 0;
        while count == 0 || (!rests.load(Ordering::SeqCst) && !ends.load(Ordering::SeqCst)) {
            connection.say(json!({"type": "publish", "channel": CHANNEL, "content": [name, count]})).unwrap();
            count += 1;
            // Steadily, as a source does: this is the load, not a wait.
            thread::sleep(Duration::from_millis(3));
        }
        connection.ask_and_wait();
        published.push((name, count));
        if ends.load(Ordering::SeqCst) {
            break;
        }
        is_resting.store(true, Ordering::SeqCst);
        wait_for(|| !rests.load(Ordering::SeqCst));
        is_resting.store(false, Ordering::SeqCst);
    }
    published
}

fn wait_for(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE * 4, "it does not come to that");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What a visitor has heard over all its connections.
pub(super) struct Account {
    /// The next number of each source.
    next: BTreeMap<u64, u64>,
    /// Sources of which something may be missing before the next one; all that are not in `next` as well, where `all` says so.
    may_be_lost: BTreeMap<u64, bool>,
    all: bool,
    pub(super) position: Option<String>,
    /// How often it was told that something is lost.
    pub(super) told: usize,
    /// How often it has come back and has missed nothing more.
    pub(super) recovered: usize,
}

impl Account {
    fn new() -> Self {
        Self { next: BTreeMap::new(), may_be_lost: BTreeMap::new(), all: false, position: None, told: 0, recovered: 0 }
    }

    pub(super) fn lost(&mut self) {
        self.told += 1;
        self.all = true;
        self.may_be_lost = self.next.keys().map(|source| (*source, true)).collect();
    }

    fn hear(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("publish") => {
                let (source, number): (u64, u64) = serde_json::from_value(message["content"].clone()).unwrap();
                let is_new = !self.next.contains_key(&source);
                let next = self.next.entry(source).or_default();
                let may_be_lost = (is_new && self.all) || self.may_be_lost.remove(&source).unwrap_or(false);
                match may_be_lost {
                    true => assert!(number >= *next, "{number} of source {source} came twice, or out of order"),
                    false => assert_eq!(number, *next, "of source {source}, after {} tellings", self.told),
                }
                *next = number + 1;
            }
            Some("gap") => self.lost(),
            _ => return,
        }
        self.position = Some(message["position"].as_str().expect("a position").to_owned());
    }

    /// Whether it has the last of what was published under each name, or was told that it may lack it.
    fn has_all(&self, published: &[(u64, u64)]) -> bool {
        let has = |(source, count): &(u64, u64)| match self.next.get(source) {
            Some(next) => next == count || self.may_be_lost.get(source) == Some(&true),
            None => *count == 0 || self.all,
        };
        published.iter().all(has)
    }
}

/// A visitor at work.
pub(super) struct Visitor {
    ends: Arc<Mutex<Option<Published>>>,
    thread: JoinHandle<Account>,
}

impl Visitor {
    /// Comes to any relay. Gives it when it listens.
    pub(super) fn come(places: &Places, seed: u64) -> Self {
        let ends = Arc::new(Mutex::new(None));
        let (places, when) = (places.clone(), ends.clone());
        let (listens, is_listening) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || visit(&places, seed, &when, &listens));
        is_listening.recv_timeout(DEADLINE).expect("it listens");
        Self { ends, thread }
    }

    /// Waits until it has all of this, and gives its account.
    pub(super) fn account(self, published: &[(u64, u64)]) -> Account {
        *self.ends.lock().unwrap() = Some(published.to_vec());
        self.thread.join().unwrap()
    }
}

fn visit(
    places: &Places,
    seed: u64,
    ends: &Mutex<Option<Published>>,
    listens: &std::sync::mpsc::Sender<()>,
) -> Account {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut account = Account::new();
    let mut ending_since = None;
    loop {
        let Some(mut connection) = places.any(&mut random).and_then(Connection::to) else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        if connection.join(&mut account) {
            // Nobody waits for a second time.
            listens.send(()).ok();
            let mut patience = random.u32(1..300);
            while patience > 0 {
                patience -= 1;
                match connection.next(LOOK) {
                    Ok(Some(message)) => account.hear(&message),
                    Ok(None) => {
                        if let Some(published) = &*ends.lock().unwrap() {
                            if account.has_all(published) {
                                return account;
                            }
                            let since = *ending_since.get_or_insert_with(Instant::now);
                            assert!(
                                since.elapsed() < DEADLINE * 4,
                                "{:?} of {published:?} after {} tellings",
                                account.next,
                                account.told
                            );
                        }
                    }
                    Err(_) => break,
                }
            }
        }
    }
}
