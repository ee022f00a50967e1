//! Single flight: one call for all who have the same question, and none where the answer is remembered.
//!
//! **Invariant:** every waiter is answered once: at once, or when the flight it waits for lands or is given up.
//! **Invariant:** nobody is answered while the lock is held.

use crate::answer::Answer;
use crate::cache::{Cache, Now};
use crate::question::Name;
use pusu_plugin_api::{Reply, Verdict};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most questions that may be under way, those that wait for a connection counted; past it: unavailable at once.
const FLIGHTS_MAX: usize = 1024;

/// Somebody who waits for a verdict. Dropped, it has to see to an answer itself.
pub(crate) trait Waiter: Send + 'static {
    /// Answers.
    fn answer(self, verdict: Verdict);
}

impl Waiter for Reply {
    fn answer(self, verdict: Verdict) {
        // Whether anybody still waits is the relay's business.
        let _ = self.send(verdict);
    }
}

/// What came of a question.
pub(crate) enum Outcome {
    Answered(Answer),
    Refused,
    Unavailable,
}

impl Outcome {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Answered(answer) => answer.verdict(),
            Self::Refused => Verdict::refuse("the authorization service refuses"),
            Self::Unavailable => Verdict::unavailable("the authorization service gave no answer"),
        }
    }
}

/// The questions that are under way, and the answers that are remembered.
pub(crate) struct SingleFlight<W>(Mutex<State<W>>);

struct State<W> {
    flights: HashMap<Name, Vec<W>>,
    cache: Cache,
}

impl<W: Waiter> SingleFlight<W> {
    /// Nothing is under way; remembers at most `cache_entries` answers.
    pub(crate) fn new(cache_entries: usize) -> Self {
        Self(Mutex::new(State { flights: HashMap::new(), cache: Cache::new(cache_entries) }))
    }

    /// Answers from memory, or has `waiter` wait for the answer to the question of this name; where nobody has asked it
    /// yet, it is the caller who has to ask, and to say by the flight what came of it.
    pub(crate) fn ask(self: &Arc<Self>, name: Name, waiter: W, now: Now) -> Option<Flight<W>> {
        let mut state = self.lock();
        let verdict = match state.cache.get(&name, now) {
            Some(answer) => answer.verdict(),
            None => {
                if let Some(waiters) = state.flights.get_mut(&name) {
                    waiters.push(waiter);
                    return None;
                }
                if state.flights.len() < FLIGHTS_MAX {
                    state.flights.insert(name, vec![waiter]);
                    return Some(Flight { single_flight: Arc::clone(self), name, landed: false });
                }
                Verdict::unavailable("too many questions wait for the authorization service")
            }
        };
        drop(state);
        waiter.answer(verdict);
        None
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        // No change is left half made, so a panic elsewhere does not make it unusable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that is under way. Dropped without landing, it drops those who wait.
pub(crate) struct Flight<W: Waiter> {
    single_flight: Arc<SingleFlight<W>>,
    name: Name,
    /// From then on the name belongs to whoever asks next.
    landed: bool,
}

impl<W: Waiter> Flight<W> {
    /// Answers everybody who waits, and remembers the answer if it says so. Refusals and failures are not remembered.
    pub(crate) fn land(mut self, outcome: &Outcome, now: Now) {
        let mut state = self.single_flight.lock();
        if let Outcome::Answered(answer) = outcome {
            state.cache.put(self.name, answer, now);
        }
        let waiters = state.flights.remove(&self.name).unwrap_or_default();
        self.landed = true;
        drop(state);
        for waiter in waiters {
            waiter.answer(outcome.verdict());
        }
    }
}

impl<W: Waiter> Drop for Flight<W> {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        // Bound to a name, so that they are dropped when the lock has been let go.
        let given_up = self.single_flight.lock().flights.remove(&self.name);
        drop(given_up);
    }
}
