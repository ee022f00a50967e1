//! Keys of an issuer, fetched over HTTPS at start, by the time that the answers may be kept, and for keys that are not known
//! yet.
//!
//! **Invariant:** nothing that a client sends chooses what is fetched, and no client makes the relay fetch more often than
//! every ten seconds. Nobody's call waits on a thread of the relay.

mod address;
mod cache_time;
mod fetch;
mod landing;
mod memory;
mod schedule;
mod source;
mod state;
mod thread;
mod waiting;

pub(crate) use source::Source;
pub(crate) use thread::Fetching;
pub(crate) use waiting::Waiting;

use crate::algorithms::Algorithm;
use crate::keys::{KEY_UNKNOWN, KeySet, Readers};
use crate::token::{Fault, Refusal, Token};
use memory::Origin;
use pusu_plugin_api::options::Time;
use pusu_plugin_api::{Condition, Counter, CreateError, Gauge, Host, Ticket, Verdict};
use shared_https::{Trust, Trusted};
use state::{Prospect, State};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;
use waiting::WAITING_MAX;

/// What is left to a fetch that somebody waits for, at least.
const FETCH_TIME_MIN: Duration = Duration::from_millis(250);
/// Why no decision is possible.
const NOT_FETCHED: Refusal = "the keys of the issuer could not be fetched";
const MAY_BE_NEW: Refusal = "the key that the token names (`kid`) may not have been fetched yet";

type Decide = dyn Fn(&[u8]) -> Option<Verdict> + Send + Sync;

/// The keys, and what is needed to fetch them.
pub(crate) struct Remote {
    source: Source,
    trust: Trust,
    algorithms: Vec<Algorithm>,
    host: Host,
    state: Mutex<State>,
    waiting: Mutex<Vec<Waiting>>,
    /// Decides about a token that has waited; `None` where the decision is still to come.
    decide: OnceLock<Box<Decide>>,
    /// Something is due earlier than it was.
    woken: Notify,
    metrics: Metrics,
}

struct Metrics {
    fetched: Gauge,
    keys: Gauge,
    failures: Counter,
}

impl Remote {
    /// Begins to fetch, with the keys that an instance before this one has fetched from the same place. That it fails does
    /// not matter here: a relay that is started while its issuer is down comes up, and says `unavailable` until it has keys.
    ///
    /// # Errors
    /// The certificates to trust cannot be read, or the system has no thread.
    pub(crate) fn start(
        mut source: Source,
        algorithms: Vec<Algorithm>,
        host: &Host,
    ) -> Result<(Arc<Self>, Fetching), CreateError> {
        let trust = source.trust(host)?;
        let labels = [];
        let fetched = "When the keys that decide were fetched, in seconds since 1970; 0: never.";
        let metrics = Metrics {
            fetched: host.gauge("key_set_timestamp_seconds", fetched, &labels),
            keys: host.gauge("key_set_keys", "Keys that were fetched and can be used.", &labels),
            failures: host.counter("key_set_failures_total", "Fetches of keys that failed.", &labels),
        };
        let remote = Arc::new(Self {
            state: Mutex::new(State::new(source.max_age, Instant::now())),
            source,
            trust,
            algorithms,
            host: host.clone(),
            waiting: Mutex::default(),
            decide: OnceLock::new(),
            woken: Notify::new(),
            metrics,
        });
        remote.recall();
        let fetching = Fetching::start(Arc::clone(&remote))
            .map_err(|error| CreateError::failed(format_args!("no thread to fetch keys: {error}")))?;
        Ok((remote, fetching))
    }

    /// Says how tokens are decided about that have waited. Comes before the first of them.
    pub(crate) fn decide_by(&self, decide: impl Fn(&[u8]) -> Option<Verdict> + Send + Sync + 'static) {
        // Set once, by whoever has started this.
        let _ = self.decide.set(Box::new(decide));
    }

    /// Checks the token's signature with the key that the token names.
    ///
    /// # Errors
    /// It is not good with the keys that were fetched, or more may be known later, or not.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Fault> {
        let now = Instant::now();
        let (keys, has_failed) = {
            let state = self.state();
            (state.keys(now), state.fault.is_some())
        };
        let Some(keys) = keys else {
            return Err(if has_failed { Fault::Undecided(NOT_FETCHED) } else { Fault::Later });
        };
        match keys.check_signature(token) {
            Err(KEY_UNKNOWN) => {
                let name = token.key_id.as_deref().unwrap_or_default();
                match self.state().prospect(name, now) {
                    Prospect::Missing => Err(Fault::Refused(KEY_UNKNOWN)),
                    Prospect::Open(_) => Err(Fault::Later),
                }
            }
            checked => Ok(checked?),
        }
    }

    /// Has a token wait for the next fetch, if its caller waits that long; else it is answered at once.
    pub(crate) fn wait(&self, waiting: Waiting) {
        let begins = {
            let mut state = self.state();
            let is_first = !state.has_fetched;
            state.schedule.ask(waiting.since);
            // Whatever the first fetch brings is news.
            if is_first && state.schedule.is_under_way() {
                waiting.since
            } else {
                state.schedule.earliest(waiting.since)
            }
        };
        self.woken.notify_one();
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if begins + FETCH_TIME_MIN > waiting.until || all.len() >= WAITING_MAX {
            drop(all);
            answer(waiting, Verdict::unavailable(MAY_BE_NEW));
            return;
        }
        all.push(waiting);
    }

    /// Nobody waits for the answer to `ticket` any more.
    pub(crate) fn cancel(&self, ticket: Ticket) {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (gone, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *all).into_iter().partition(|one| one.ticket() == ticket);
        *all = left;
        drop(all);
        drop(gone);
    }

    /// Has the keys fetched as soon as that may be.
    pub(crate) fn fetch_soon(&self) {
        self.state().schedule.ask(Instant::now());
        self.woken.notify_one();
    }

    /// How the keys are.
    pub(crate) fn condition(&self) -> Condition {
        let now = Instant::now();
        let state = self.state();
        let place = format!("`{}`", self.source.option());
        let max_age = Time(self.source.max_age);
        // Without times that run: each change of the text is a line of the log.
        match (state.keys(now).is_some(), &state.fault, state.age(now)) {
            (true, None, _) => Condition::Good,
            (true, Some(fault), _) => Condition::Degraded(format!(
                "{place}: {fault}; the keys fetched before hold until they are {max_age} old"
            )),
            (false, fault, Some(_)) => {
                let fault = fault.as_deref().unwrap_or("no fetch has succeeded");
                Condition::Bad(format!("{place}: {fault}; the keys fetched before are too old, more than {max_age}"))
            }
            (false, Some(fault), None) => Condition::Bad(format!("{place}: {fault}; there are no keys yet")),
            // The first fetch is on its way, and tokens wait for it.
            (false, None, None) => Condition::Good,
        }
    }

    /// Takes over what an instance before this one has fetched.
    fn recall(&self) {
        let now = Instant::now();
        let Some(fetched) = memory::recall(&self.origin(&self.trust.current()), self.source.max_age, now) else {
            return;
        };
        // Where none of them goes with the algorithms that are wanted now, the fetch that is due says so.
        let Ok((keys, remarks)) = KeySet::parse(&fetched.content, &self.algorithms, Readers::Everybody) else { return };
        let (place, count) = (self.source.option(), keys.len());
        self.show(count, fetched.date);
        self.remark(&remarks);
        self.host.info(format_args!(
            "`{place}`: {count} keys, fetched {} ago from {} by the instance before, go on to hold",
            shown(now.saturating_duration_since(fetched.at)),
            self.source.shown()
        ));
        self.state().carry_over(keys, remarks, fetched.at);
    }

    /// Where keys are fetched from by those who are trusted.
    fn origin(&self, trusted: &Trusted) -> Origin {
        Origin { place: self.source.place.clone(), roots: Arc::clone(&trusted.roots) }
    }

    /// Tells the status of the keys that decide.
    fn show(&self, count: usize, fetched: SystemTime) {
        self.metrics.fetched.set(fetched.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        self.metrics.keys.set(count as f64);
    }

    /// Logs what is odd in a key set.
    fn remark(&self, remarks: &[String]) {
        remarks.iter().for_each(|remark| self.host.warn(format_args!("`{}`: {remark}", self.source.option())));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(waiting: Waiting, verdict: Verdict) {
    // Whether anybody still waits is the relay's business.
    let _ = waiting.reply.send(verdict);
}

/// A time without fractions of a second.
fn shown(time: Duration) -> Time {
    Time(Duration::from_secs(time.as_secs()))
}
