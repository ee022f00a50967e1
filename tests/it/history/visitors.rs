//! Visitors of a network: listeners that leave at random and come back to any relay with the position that they have.

use super::account::{Account, Heard};
use super::connection::Connection;
use super::published::Published;
use crate::harness::{ClientAddress, DEADLINE, Network};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What is published to.
pub(super) const CHANNEL: &str = "h.visited";
/// How long a visitor waits for one message before it looks around.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// How long it takes at most until a visitor has everything when no more is published.
const COMPLETED_MAX: Duration = DEADLINE.saturating_mul(2);
/// A visitor leaves after fewer messages, or looks.
const PATIENCE_MAX: u32 = 300;

/// Where the relays are now, and whether they take anybody.
#[derive(Clone)]
pub(super) struct Places(Arc<Vec<Mutex<Option<ClientAddress>>>>);

impl Places {
    pub(super) fn of(network: &Network) -> Self {
        let places = network.relays().iter().map(|relay| Mutex::new(Some(relay.client_address())));
        Self(Arc::new(places.collect()))
    }

    /// A relay is at this address, or is not there.
    pub(super) fn set(&self, at: usize, address: Option<ClientAddress>) {
        *self.0[at].lock().unwrap() = address;
    }

    pub(super) fn get(&self, at: usize) -> Option<ClientAddress> {
        self.0[at].lock().unwrap().clone()
    }
}

/// What all visitors share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) places: Places,
    pub(super) published: Arc<Published>,
    /// How often anybody has begun to listen.
    pub(super) visits: Arc<AtomicUsize>,
}

/// A visitor at work.
pub(super) struct Visitor {
    ends: Arc<AtomicBool>,
    heard: Heard,
    is_listening: Receiver<()>,
    thread: JoinHandle<Account>,
}

impl Visitor {
    /// One that comes to any relay each time.
    pub(super) fn anywhere(shared: &Shared, seed: u64) -> Self {
        Self::come(shared, seed, None)
    }

    /// One that comes to this relay alone, and hears what that one has.
    pub(super) fn at(shared: &Shared, at: usize) -> Self {
        Self::come(shared, at as u64, Some(at))
    }

    fn come(shared: &Shared, seed: u64, only: Option<usize>) -> Self {
        let (ends, heard) = (Arc::<AtomicBool>::default(), Heard::default());
        let (listens, is_listening) = channel();
        let visits = Visits {
            shared: shared.clone(),
            only,
            random: fastrand::Rng::with_seed(seed),
            account: Account::new(shared.published.clone(), heard.clone()),
            ends: ends.clone(),
            ending_since: None,
            listens,
        };
        let thread = thread::spawn(move || visits.go());
        Self { ends, heard, is_listening, thread }
    }

    /// Waits until it listens.
    pub(super) fn wait(&self) {
        self.is_listening.recv_timeout(DEADLINE).expect("it listens");
    }

    /// How far it has heard of each source.
    pub(super) fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// Nothing more is published.
    pub(super) fn end(&self) {
        self.ends.store(true, Ordering::SeqCst);
    }

    /// Waits until it has everything that it has to have, and gives its account.
    pub(super) fn account(self) -> Account {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

struct Visits {
    shared: Shared,
    /// It comes to this relay alone.
    only: Option<usize>,
    random: fastrand::Rng,
    account: Account,
    ends: Arc<AtomicBool>,
    ending_since: Option<Instant>,
    listens: Sender<()>,
}

impl Visits {
    fn go(mut self) -> Account {
        loop {
            let at = self.only.unwrap_or_else(|| self.random.usize(..self.shared.places.0.len()));
            let Some(mut connection) = self.shared.places.get(at).as_ref().and_then(Connection::to) else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            if connection.join(&mut self.account) {
                self.shared.visits.fetch_add(1, Ordering::SeqCst);
                // Nobody waits for a second time.
                self.listens.send(()).ok();
                if self.listen(&mut connection) {
                    return self.account;
                }
            }
        }
    }

    /// Hears some, and leaves. True: it has everything, and no more comes.
    fn listen(&mut self, connection: &mut Connection) -> bool {
        for _ in 0..self.random.u32(1..PATIENCE_MAX) {
            match connection.next(LOOK) {
                Ok(Some(message)) => self.account.hear(&message),
                Ok(None) if self.ends.load(Ordering::SeqCst) => {
                    let Some(lacks) = self.account.lacks() else { return true };
                    let since = *self.ending_since.get_or_insert_with(Instant::now);
                    let told = self.account.told;
                    assert!(
                        since.elapsed() < COMPLETED_MAX,
                        "it lacks {lacks:?} (source, next, due) after {told} tellings"
                    );
                }
                Ok(None) => {}
                Err(_) => return false,
            }
        }
        false
    }
}
