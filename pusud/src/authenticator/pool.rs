//! The queue in front of the threads that call the authenticator, and the state they share.
//!
//! Owns the queue, the instance and the book of threads. The threads are started and live in worker.rs; those that hang
//! are replaced by watcher.rs, up to a limit.
//! **Invariant:** the lock is never held during a call into the plugin or a line of the log. Lock order: state,
//! tickets.
//! **Invariant:** the number of threads is bounded: those that serve, [`STUCK_MAX`] that hang, and one of each attendant.

use super::answer::Understood;
use super::decider::{Counts, Decider};
use super::host::Host;
use super::verdict::{Decision, Request};
use anyhow::{Context, Result};
use pusu_plugin_abi as abi;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Most calls that wait for a thread; past it: unavailable at once.
pub(super) const QUEUE_MAX: usize = 1024;
/// Most threads that may hang in the plugin and be replaced; with so many, calls are turned away at once.
pub(super) const STUCK_MAX: usize = 16;
/// Most calls without an answer, those included that the plugin answers later (PENDING). Each holds memory of the relay and
/// of the plugin; eight queues are more than one backend answers in the five seconds that a call has.
pub(super) const OPEN_MAX: usize = 8 * QUEUE_MAX;
/// Most tickets that wait to be cancelled; more are not cancelled, which costs the plugin time and nothing else.
const CANCELS_MAX: usize = OPEN_MAX;
/// Longest time that a call may be given; keeps deadlines within what the clock can hold.
const CALL_TIMEOUT_MAX: Duration = Duration::from_secs(3600);

/// The threads' side of [`super::workers::Workers`].
pub(super) struct Pool {
    pub(super) host: Arc<Host>,
    pub(super) timeout: Duration,
    pub(super) serial: bool,
    pub(super) may_pend: bool,
    state: Mutex<State>,
    /// Held while the plugin reloads or says how it is.
    pub(super) attending: Mutex<()>,
    /// A job waits, or the pool stops.
    pub(super) work: Condvar,
    /// There is a deadline to watch where there was none, or the pool stops.
    pub(super) deadlines: Condvar,
    /// A ticket is to be cancelled, unless the plugin is SERIAL, or the pool stops.
    pub(super) cancels: Condvar,
    /// A thread has ended, or no call is inside the plugin any more.
    pub(super) ended: Condvar,
    /// The last call was turned away: the log speaks of changes only.
    turning_away: AtomicBool,
    turned_away: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) failed: AtomicU64,
}

pub(super) struct State {
    /// What new threads are given; `None` once the pool stops.
    pub(super) decider: Option<Arc<dyn Decider>>,
    /// By ticket: the oldest is first, and one that is given up can be taken out.
    pub(super) queue: BTreeMap<u64, Job>,
    /// The calls that are inside the plugin, by ticket.
    pub(super) running: BTreeMap<u64, Running>,
    pub(super) to_cancel: VecDeque<u64>,
    pub(super) can_cancel: bool,
    pub(super) can_renew: bool,
    /// Threads that serve: idle, or in a call that is not overdue.
    pub(super) serving: usize,
    /// Threads in a call that is overdue.
    pub(super) stuck: usize,
    /// All threads that have not ended, watcher and canceller too.
    pub(super) threads: usize,
    /// How many serving threads have ever been started, for their names.
    pub(super) started: usize,
    /// The watcher waits without a deadline.
    pub(super) unwatched: bool,
    /// A thread is in the plugin for a reload, or waits until it may be.
    pub(super) reloading: bool,
    /// The plugin has panicked: its instance is not asked again.
    pub(super) retired: bool,
    pub(super) stopping: bool,
}

impl State {
    /// Whether so many threads hang that no call is taken.
    pub(super) fn hangs(&self) -> bool {
        self.serving == 0 || self.stuck >= STUCK_MAX
    }
}

/// A call that waits for a thread.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) deadline: Instant,
}

/// A call that is inside the plugin.
pub(super) struct Running {
    /// From here on its thread counts as stuck.
    pub(super) overdue: Instant,
    pub(super) stuck: bool,
}

/// What a client is told when its time is up.
pub(super) const TIMED_OUT: &str = "the authenticator did not answer in time";

/// What a client is told when the plugin has failed.
pub(super) const FAILED: &str = "the authenticator failed";
/// What a client is told when there is nobody to ask any more.
pub(super) const STOPPED: &str = "the authenticator was stopped";

/// [`Decision::Unavailable`], with words for the client.
pub(super) fn unavailable(why: &str) -> Decision {
    Decision::Unavailable(why.to_owned())
}

impl Pool {
    pub(super) fn start(
        decider: Arc<dyn Decider>,
        host: Arc<Host>,
        flags: u32,
        timeout: Duration,
    ) -> Result<Arc<Self>> {
        let (serial, may_pend) = (flags & abi::F_SERIAL != 0, flags & abi::F_ASYNC != 0);
        let state = State {
            // While a SERIAL plugin decides it cannot be told anything, and afterwards it has nothing to cancel.
            can_cancel: decider.can_cancel() && (!serial || may_pend),
            can_renew: decider.can_renew(),
            decider: Some(decider),
            queue: BTreeMap::new(),
            running: BTreeMap::new(),
            to_cancel: VecDeque::new(),
            serving: 0,
            stuck: 0,
            threads: 0,
            started: 0,
            unwatched: false,
            reloading: false,
            retired: false,
            stopping: false,
        };
        let pool = Arc::new(Self {
            host,
            timeout: timeout.min(CALL_TIMEOUT_MAX),
            serial,
            may_pend,
            state: Mutex::new(state),
            attending: Mutex::default(),
            work: Condvar::new(),
            deadlines: Condvar::new(),
            cancels: Condvar::new(),
            ended: Condvar::new(),
            turning_away: AtomicBool::new(false),
            turned_away: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        if let Err(error) = pool.start_threads() {
            pool.begin_stop();
            return Err(error).context("the authenticator's threads cannot be started; raise the limit on processes");
        }
        Ok(pool)
    }

    /// Opens a ticket and queues its job.
    ///
    /// # Errors
    /// The verdict for a call that is turned away.
    pub(super) fn submit(&self, request: Request) -> Result<(u64, oneshot::Receiver<Understood>), Box<Decision>> {
        let mut state = self.lock();
        if let Some(why) = self.closed(&state) {
            drop(state);
            return Err(Box::new(self.turn_away(why)));
        }
        // Under the lock, so that tickets and deadlines have one order.
        let deadline = Instant::now() + self.timeout;
        let (ticket, receiver) = self.host.tickets.open(deadline);
        state.queue.insert(ticket, Job { request, deadline });
        let unwatched = std::mem::replace(&mut state.unwatched, false);
        drop(state);
        self.work.notify_one();
        if unwatched {
            self.deadlines.notify_one();
        }
        if self.turning_away.swap(false, Ordering::Relaxed) {
            tracing::info!(plugin = self.host.plugin, "accepting authorizations again");
        }
        Ok((ticket, receiver))
    }

    fn closed(&self, state: &State) -> Option<&'static str> {
        if state.stopping {
            Some(STOPPED)
        } else if state.retired {
            Some(FAILED)
        } else if state.decider.as_ref().is_some_and(|decider| !decider.is_up()) {
            Some(if self.is_lost_now(state) { FAILED } else { "the authenticator is started again" })
        } else if state.hangs() || self.host.hangs() {
            Some("the authenticator hangs")
        } else if state.queue.len() >= QUEUE_MAX || self.host.tickets.len() >= OPEN_MAX {
            Some("too many authorizations are waiting")
        } else {
            None
        }
    }

    fn turn_away(&self, why: &str) -> Decision {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        if !self.turning_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(plugin = self.host.plugin, "authenticator overloaded, rejecting authorizations: {why}");
        }
        unavailable(why)
    }

    /// The one who waits for the ticket has gone.
    pub(super) fn abandon(&self, ticket: u64) {
        if self.host.tickets.take(ticket).is_some() {
            let mut state = self.lock();
            let job = self.give_up(&mut state, ticket);
            drop(state);
            drop(job);
        }
    }

    /// Takes a ticket that nobody waits for out of the queue, or has the plugin told if it knows of it already.
    pub(super) fn give_up(&self, state: &mut State, ticket: u64) -> Option<Job> {
        let job = state.queue.remove(&ticket);
        if job.is_none() && state.can_cancel && state.to_cancel.len() < CANCELS_MAX {
            state.to_cancel.push_back(ticket);
            // A SERIAL plugin is told by the thread that calls it, between two calls.
            let who = if self.serial { &self.work } else { &self.cancels };
            who.notify_one();
        }
        job
    }

    pub(super) fn ready(&self) -> bool {
        self.closed(&self.lock()).is_none()
    }

    /// Whether its instance has failed, or hangs in all the threads it may have, or has been gone for long. One that is
    /// renewed by itself is lost only if that does not work.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost_now(&self.lock())
    }

    fn is_lost_now(&self, state: &State) -> bool {
        !state.can_renew && (state.retired || state.hangs() || self.host.hangs())
            || state.decider.as_ref().is_some_and(|decider| decider.is_lost())
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            timed_out: self.timed_out.load(Ordering::Relaxed),
            turned_away: self.turned_away.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed) + self.host.lost(),
            late: self.host.late(),
            malformed: self.host.malformed(),
            stuck_threads: self.lock().stuck,
            restarts: self.host.restarts(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No change of the state is left half made, so a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
