//! Single flight: one call for all who have the same question, and none where the answer is remembered.
//!
//! Whoever renews wants to know what holds now. No remembered answer serves, and no question that was sent before.
//! **Invariant:** every waiter is answered or dropped once: at once, when it is cancelled, or when its flight ends.
//! **Invariant:** a flight for which nobody waits any more is over.
//! **Invariant:** of the flights of one name, one is begun only when those before it have been sent. So the later one
//! has the later answer, and an earlier one that lands after it is not remembered.
//! **Invariant:** nobody is answered or dropped while the lock is held.

use crate::answer::Answer;
use crate::cache::{Cache, Now};
use crate::question::Name;
use pusu_plugin_api::{Reply, Ticket, Verdict};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Most questions that may be under way, those that wait for a connection counted; past it: unavailable at once.
const FLIGHTS_MAX: usize = 1024;
/// Most tickets that are kept because they were cancelled before they were seen. It happens in moments: the relay cancels
/// on another thread than it asks.
const EARLY_CANCELS_MAX: usize = 256;

/// Somebody who waits for a verdict. Dropped, it has to see to an answer itself.
pub(crate) trait Waiter: Send + 'static {
    /// What it is cancelled by.
    type Ticket: Copy + Ord + Hash + Send;

    /// Its ticket, which nobody else has had or will have.
    fn ticket(&self) -> Self::Ticket;

    /// Answers.
    fn answer(self, verdict: Verdict);
}

impl Waiter for Reply {
    type Ticket = Ticket;

    fn ticket(&self) -> Ticket {
        Self::ticket(self)
    }

    fn answer(self, verdict: Verdict) {
        // Whether anybody still waits is the relay's business.
        let _ = self.send(verdict);
    }
}

/// What came of a question.
pub(crate) enum Outcome {
    Answered(Answer),
    Refused,
    /// Why, for the operator alone.
    Unavailable(String),
}

impl Outcome {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Answered(answer) => answer.verdict(),
            Self::Refused => Verdict::refuse("the authorization service refuses"),
            Self::Unavailable(why) => {
                Verdict::unavailable("the authorization service gave no answer").with_detail(why.clone())
            }
        }
    }
}

/// The questions that are under way, and the answers that are remembered.
pub(crate) struct SingleFlight<W: Waiter>(Mutex<State<W>>);

/// A flight's name, and its number: the later it was begun, the greater.
type Key = (Name, u64);

struct State<W: Waiter> {
    flights: BTreeMap<Key, UnderWay<W>>,
    /// The flight of everybody who waits.
    tickets: HashMap<W::Ticket, Key>,
    early_cancels: VecDeque<W::Ticket>,
    /// How many flights there have been.
    begun: u64,
    cache: Cache,
}

struct UnderWay<W: Waiter> {
    waiters: BTreeMap<W::Ticket, W>,
    /// The service may have decided already.
    is_sent: bool,
    /// A later question has been answered.
    is_outdated: bool,
    /// Dropped to say that nobody waits any more.
    _wanted: oneshot::Sender<()>,
}

/// Comes true when nobody waits for the flight any more; what it gives says nothing.
pub(crate) type Unwanted = oneshot::Receiver<()>;

impl<W: Waiter> SingleFlight<W> {
    /// Nothing is under way; remembers at most `cache_entries` answers.
    pub(crate) fn new(cache_entries: usize) -> Self {
        Self(Mutex::new(State {
            flights: BTreeMap::new(),
            tickets: HashMap::new(),
            early_cancels: VecDeque::new(),
            begun: 0,
            cache: Cache::new(cache_entries),
        }))
    }

    /// Answers from memory, or has `waiter` wait for the answer to the question of this name; where nobody has asked it
    /// yet, it is the caller who has to ask, and to say by the flight what came of it. With `fresh` it has to be an
    /// answer that the service gives from now on.
    pub(crate) fn ask(self: &Arc<Self>, name: Name, fresh: bool, waiter: W, now: Now) -> Option<(Flight<W>, Unwanted)> {
        let ticket = waiter.ticket();
        let mut state = self.lock();
        if let Some(at) = state.early_cancels.iter().position(|early| *early == ticket) {
            state.early_cancels.remove(at);
            drop(state);
            drop(waiter);
            return None;
        }
        let remembered = if fresh { None } else { state.cache.get(&name, now).map(Answer::verdict) };
        let verdict = if let Some(verdict) = remembered {
            verdict
        } else if let Some(key) = state.joinable(name, fresh) {
            state.join(key, waiter);
            return None;
        } else if state.flights.len() < FLIGHTS_MAX {
            let (key, unwanted) = state.begin(name);
            state.join(key, waiter);
            return Some((Flight { single_flight: Arc::clone(self), key }, unwanted));
        } else {
            Verdict::unavailable("too many questions wait for the authorization service")
        };
        drop(state);
        waiter.answer(verdict);
        None
    }

    /// Nobody waits for the answer to `ticket` any more.
    pub(crate) fn cancel(&self, ticket: W::Ticket) {
        let mut state = self.lock();
        let Some(key) = state.tickets.remove(&ticket) else {
            if state.early_cancels.len() == EARLY_CANCELS_MAX {
                state.early_cancels.pop_front();
            }
            state.early_cancels.push_back(ticket);
            return;
        };
        let waiters = state.flights.get_mut(&key).map(|flight| &mut flight.waiters);
        let (waiter, is_over) = waiters.map_or((None, true), |waiters| (waiters.remove(&ticket), waiters.is_empty()));
        let flight = if is_over { state.flights.remove(&key) } else { None };
        drop(state);
        drop((waiter, flight));
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        // No change is left half made, so a panic elsewhere does not make it unusable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Waiter> State<W> {
    /// The flight of this name whose answer serves.
    fn joinable(&self, name: Name, fresh: bool) -> Option<Key> {
        let mut latest_first = self.flights.range((name, 0)..=(name, u64::MAX)).rev();
        let serves = |flight: &UnderWay<W>| if fresh { !flight.is_sent } else { !flight.is_outdated };
        latest_first.find(|(_, flight)| serves(flight)).map(|(key, _)| *key)
    }

    fn begin(&mut self, name: Name) -> (Key, Unwanted) {
        let (wanted, unwanted) = oneshot::channel();
        self.begun += 1;
        let key = (name, self.begun);
        let flight = UnderWay { waiters: BTreeMap::new(), is_sent: false, is_outdated: false, _wanted: wanted };
        self.flights.insert(key, flight);
        (key, unwanted)
    }

    fn join(&mut self, key: Key, waiter: W) {
        let ticket = waiter.ticket();
        self.tickets.insert(ticket, key);
        let flight = self.flights.get_mut(&key).expect("it has been found or begun under the same lock");
        flight.waiters.insert(ticket, waiter);
    }

    /// Takes a flight out. `None`: it is over already.
    fn end(&mut self, key: &Key) -> Option<UnderWay<W>> {
        let flight = self.flights.remove(key)?;
        for ticket in flight.waiters.keys() {
            self.tickets.remove(ticket);
        }
        Some(flight)
    }

    /// Remembers what came of the latest question: a grant if it says so, and of a refusal that nothing holds any more.
    fn learn(&mut self, key: Key, outcome: &Outcome, now: Now) {
        match outcome {
            Outcome::Answered(answer) => self.cache.put(key.0, answer, now),
            Outcome::Refused => self.cache.forget(&key.0),
            Outcome::Unavailable(_) => return,
        }
        for (_, earlier) in self.flights.range_mut((key.0, 0)..key) {
            earlier.is_outdated = true;
        }
    }
}

/// A question that is under way. Dropped without landing, it drops those who wait.
pub(crate) struct Flight<W: Waiter> {
    single_flight: Arc<SingleFlight<W>>,
    key: Key,
}

impl<W: Waiter> Flight<W> {
    /// The question is about to be sent: from now on the service may decide.
    pub(crate) fn send(&self) {
        if let Some(flight) = self.single_flight.lock().flights.get_mut(&self.key) {
            flight.is_sent = true;
        }
    }

    /// Answers everybody who waits, and remembers the answer if it says so. Refusals and failures are not remembered.
    pub(crate) fn land(self, outcome: &Outcome, now: Now) {
        let mut state = self.single_flight.lock();
        let Some(flight) = state.end(&self.key) else { return };
        if !flight.is_outdated {
            state.learn(self.key, outcome, now);
        }
        drop(state);
        for waiter in flight.waiters.into_values() {
            waiter.answer(outcome.verdict());
        }
    }
}

impl<W: Waiter> Drop for Flight<W> {
    fn drop(&mut self) {
        // Bound to a name, so that they are dropped when the lock has been let go.
        let given_up = self.single_flight.lock().end(&self.key);
        drop(given_up);
    }
}
