//! The instances of one generation, one after the other: one that is lost is replaced by a new one of the same library
//! with the same options.
//!
//! A process of its own is started again by its supervisor (isolation/supervisor.rs). Here that is done for threads: the
//! lost instance and its threads are left alone, and a new instance with new threads takes its place.
//! **Invariant:** the instances that are left with threads that hang in them are bounded ([`ABANDONED_MAX`]).

use super::answer::Understood;
use super::blueprint::{Blueprint, Home};
use super::decider::Counts;
use super::library::Plugin;
use super::verdict::Request;
use super::workers::Workers;
use anyhow::Result;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Most instances that may have been given up with threads that hang in them. Each has 16 of those at most, 4 MiB of
/// stack and a connection to some backend each, say; with so many a new one would hang like them.
const ABANDONED_MAX: usize = 4;
/// How long is waited before a new instance is made: doubles up to the maximum, and begins anew when one has been asked
/// for [`STEADY`].
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
const STEADY: Duration = Duration::from_secs(60);
/// How often is looked whether a thread has come back, where no new instance may be made before.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The instance that is asked now, and those before it. Dropping it stops all of them without waiting.
pub(super) struct Instances(Arc<Shared>);

pub(super) struct Shared {
    home: Home,
    /// `None`: in a process of its own.
    maker: Option<(Plugin, Blueprint)>,
    state: Mutex<State>,
    /// No further instance is wanted.
    changed: Condvar,
}

struct State {
    current: Arc<Workers>,
    since: Instant,
    /// Those that were given up, and have threads that have not come back.
    abandoned: Vec<Arc<Workers>>,
    /// What went wrong in those that have ended.
    before: Counts,
    restarts: u64,
    backoff: Duration,
    /// A thread is about to make a new one.
    is_renewing: bool,
    stopping: bool,
}

impl State {
    fn new(first: Workers) -> Self {
        Self {
            current: Arc::new(first),
            since: Instant::now(),
            abandoned: Vec::new(),
            before: Counts::default(),
            restarts: 0,
            backoff: BACKOFF_MIN,
            is_renewing: false,
            stopping: false,
        }
    }

    /// Lets go of those that have ended.
    fn settle(&mut self) {
        let before = &mut self.before;
        self.abandoned.retain(|workers| {
            let has_ended = workers.has_ended();
            if has_ended {
                *before += workers.counts();
            }
            !has_ended
        });
    }
}

impl Instances {
    /// The instance in a process of its own, which sees to itself.
    pub(super) fn in_process(workers: Workers) -> Self {
        Self::of(workers, None, Home::default())
    }

    /// Has the library loaded by `load`, and makes the first instance.
    ///
    /// # Errors
    /// It cannot be loaded, or the plugin refuses, or its time is up.
    pub(super) fn on_threads(
        load: impl FnOnce() -> Result<Plugin> + Send + 'static,
        blueprint: Blueprint,
    ) -> Result<Self> {
        let home = Home::default();
        let (plugin, first) = blueprint.make(load, &home)?;
        Ok(Self::of(first, Some((plugin, blueprint)), home))
    }

    fn of(first: Workers, maker: Option<(Plugin, Blueprint)>, home: Home) -> Self {
        let state = Mutex::new(State::new(first));
        let shared = Arc::new(Shared { home, maker, state, changed: Condvar::new() });
        // It is empty.
        let _ = shared.home.set(Arc::downgrade(&shared));
        Self(shared)
    }

    /// Asks the one that is asked now.
    pub(super) async fn ask(&self, request: Request) -> Understood {
        let current = self.current();
        current.ask_in_detail(request).await
    }

    /// The one that is asked now.
    pub(super) fn current(&self) -> Arc<Workers> {
        Arc::clone(&self.0.lock().current)
    }

    /// What went wrong in all of them.
    pub(super) fn counts(&self) -> Counts {
        let mut state = self.0.lock();
        state.settle();
        let mut counts = state.before;
        counts.restarts += state.restarts;
        for workers in state.abandoned.iter().chain([&state.current]) {
            counts += workers.counts();
        }
        counts
    }

    /// Answers everybody who waits, and destroys the instance, for which it waits as [`Workers::stop`] does.
    pub(super) fn stop(&self) {
        let current = self.0.begin_stop();
        current.stop();
        let Counts { timed_out, turned_away, failed, late, malformed, restarts, .. } = self.counts();
        if timed_out + turned_away + failed + late + malformed + restarts > 0 {
            tracing::info!(
                plugin = current.plugin(),
                timed_out,
                turned_away,
                failed,
                late,
                malformed,
                restarts,
                "calls that went wrong until the end"
            );
        }
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        self.0.begin_stop().give_up();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No change of the state is left half made, so a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has no further instance made. Gives the last one.
    fn begin_stop(&self) -> Arc<Workers> {
        let mut state = self.lock();
        state.stopping = true;
        self.changed.notify_all();
        Arc::clone(&state.current)
    }

    /// The current instance is lost: has a new one made, unless that is being done.
    pub(super) fn lost(self: &Arc<Self>) -> bool {
        let mut state = self.lock();
        if state.stopping || state.is_renewing {
            return !state.stopping;
        }
        if state.since.elapsed() >= STEADY {
            state.backoff = BACKOFF_MIN;
        }
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name("pusu-auth-renew".into()).spawn(move || shared.renew());
        state.is_renewing = thread.is_ok();
        drop(state);
        if let Err(error) = thread {
            tracing::error!("a lost instance cannot be replaced: no thread for it: {error}");
            return false;
        }
        true
    }

    /// Makes a new instance, as soon as that works.
    fn renew(&self) {
        let Some((plugin, blueprint)) = &self.maker else { return };
        let (plugin, id) = (*plugin, blueprint.called.as_str());
        let mut has_told = false;
        loop {
            let Some(mut state) = self.wait_for_turn() else { return };
            // One that hangs may have come back meanwhile.
            if !state.current.is_lost() {
                state.is_renewing = false;
                return;
            }
            state.settle();
            if state.abandoned.len() >= ABANDONED_MAX {
                state.backoff = LOOK_AGAIN;
                drop(state);
                if !std::mem::replace(&mut has_told, true) {
                    tracing::error!(
                        plugin = id,
                        "threads hang in {ABANDONED_MAX} instances that were given up, so no further one is made: \
                         nobody can be authorized until they come back, `pusud reload --new` makes one all the same, or \
                         the daemon is restarted"
                    );
                }
                continue;
            }
            drop(state);
            match blueprint.make(move || Ok(plugin), &self.home) {
                Ok((_, workers)) => return self.replace(id, workers),
                Err(error) => tracing::error!(plugin = id, "a lost instance cannot be replaced: it {error:#}"),
            }
        }
    }

    /// Waits for as long as the backoff says; `None`: no further instance is wanted.
    fn wait_for_turn(&self) -> Option<MutexGuard<'_, State>> {
        let state = self.lock();
        let backoff = state.backoff;
        let waited = self.changed.wait_timeout_while(state, backoff, |state| !state.stopping);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.backoff = (state.backoff * 2).min(BACKOFF_MAX);
        (!state.stopping).then_some(state)
    }

    fn replace(&self, id: &str, workers: Workers) {
        let mut state = self.lock();
        state.is_renewing = false;
        if state.stopping {
            drop(state);
            return drop(workers);
        }
        workers.begin_hearing();
        let lost = std::mem::replace(&mut state.current, Arc::new(workers));
        state.since = Instant::now();
        state.restarts += 1;
        state.abandoned.push(Arc::clone(&lost));
        drop(state);
        tracing::info!(plugin = id, "a new instance has taken the place of the lost one");
        lost.give_up();
    }
}
