//! Attendants of an instance, each a thread of the pool's: one tells the plugin of its grants, one asks how it is.
//!
//! What the plugin does in these calls holds up nothing else, but for a SERIAL plugin: there one call is made at a time.

use super::decider::{Condition, Decider, Gone};
use super::grants::Next;
use super::pool::Pool;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

/// An instance that does not say how it is for so many times the time of a call hangs.
const HEALTH_MISSES_MAX: u32 = 3;
/// How often a plugin is asked how it is.
const HEALTH_EVERY: Duration = Duration::from_secs(5);

impl Pool {
    /// From here on the instance is the one that hears of grants.
    pub(super) fn begin_hearing(self: &Arc<Self>) {
        let mut state = self.lock();
        let Some(decider) = state.decider.clone() else { return };
        let offers = decider.offers();
        self.host.begin_hearing(offers);
        if !offers.hears {
            return;
        }
        let begun = self.spawn(&mut state, "pusu-auth-heard".into(), hear);
        let begun = begun.and(self.spawn(&mut state, "pusu-auth-deaf".into(), give_up_when_deaf));
        if let Err(error) = begun {
            tracing::error!(plugin = self.host.plugin, "the plugin cannot be told of the ends of grants: {error:#}");
        }
    }

    /// Has the plugin read its files again, on a thread of its own; `None`: it has no way to. Past the time the thread is
    /// left alone, and there is no second one as long as it has not come back.
    pub(super) fn reload(self: &Arc<Self>, within: Duration) -> Option<Result<(), String>> {
        let mut state = self.lock();
        let offers = state.decider.as_ref().map(|decider| decider.offers()).unwrap_or_default();
        if !offers.reloads {
            return None;
        }
        if state.reloading {
            return Some(Err("it has not come back from an earlier reload".to_owned()));
        }
        let (done, outcome) = sync_channel(1);
        let reload = move |pool: &Arc<Self>, decider: Arc<dyn Decider>| {
            let attending = pool.attend();
            let outcome = decider.reload();
            drop(attending);
            pool.lock().reloading = false;
            // Nobody waits any more past the time.
            let _ = done.send(outcome);
        };
        if let Err(error) = self.spawn(&mut state, "pusu-auth-reload".into(), reload) {
            return Some(Err(format!("there is no thread for it: {error:#}")));
        }
        state.reloading = true;
        drop(state);
        let outcome = outcome.recv_timeout(within);
        Some(outcome.unwrap_or_else(|_| Err(format!("it has not come back within {within:?}"))))
    }

    /// Of reload and health one is called at a time.
    fn attend(&self) -> MutexGuard<'_, ()> {
        self.attending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the plugin what becomes of grants, as long as its instance is the one that hears of them.
fn hear(pool: &Arc<Pool>, decider: Arc<dyn Decider>) {
    let Some(book) = pool.host.grant_book() else { return };
    let mut epoch = pool.host.epoch();
    loop {
        match book.next_news(epoch) {
            // Where its process has gone meanwhile, the next one adopts what lives.
            Next::Heard(heard) => drop(decider.hear(epoch, &heard)),
            // Another process of the same instance hears.
            Next::Over if pool.host.epoch() != epoch => epoch = pool.host.epoch(),
            Next::Over => return,
        }
    }
}

/// Has an instance that takes no news of its grants any more replaced, as long as it is the one that hears of them.
fn give_up_when_deaf(pool: &Arc<Pool>, decider: Arc<dyn Decider>) {
    let Some(book) = pool.host.grant_book() else { return };
    let mut epoch = pool.host.epoch();
    loop {
        if book.wait_until_deaf(epoch, false) {
            decider.give_up("it does not take the news of its grants", epoch);
            // The next process has another number.
            book.wait_until_deaf(epoch, true);
        }
        if pool.host.epoch() == epoch {
            return;
        }
        epoch = pool.host.epoch();
    }
}

/// Asks the plugin how it is, until the pool stops. One that does not answer in the time of a call, and in two more, hangs:
/// it is given up.
pub(super) fn watch_health(pool: &Arc<Pool>, decider: Arc<dyn Decider>) {
    // The instance is not to be kept from being destroyed while nobody asks.
    drop(decider);
    let (asks, asked) = sync_channel(0);
    let (says, said) = sync_channel(1);
    let answer = move |pool: &Arc<Pool>, decider: Arc<dyn Decider>| {
        while asked.recv().is_ok() {
            let attending = pool.attend();
            let condition = decider.health();
            drop(attending);
            if says.send(condition).is_err() {
                return;
            }
        }
    };
    let mut state = pool.lock();
    if state.decider.is_none() {
        // The pool has stopped before this thread had its first turn.
        return;
    }
    if let Err(error) = pool.spawn(&mut state, "pusu-auth-health".into(), answer) {
        return tracing::error!(plugin = pool.host.plugin, "the plugin cannot be asked how it is: {error:#}");
    }
    while !state.stopping {
        drop(state);
        if asks.send(()).is_err() {
            return;
        }
        match said.recv_timeout(pool.timeout * HEALTH_MISSES_MAX) {
            Ok(Ok(condition)) => pool.host.set_condition(condition),
            // Where its process has gone meanwhile, the next one is asked.
            Ok(Err(Gone)) => {}
            Err(RecvTimeoutError::Timeout) => {
                pool.host.set_condition(Condition::Bad("it does not say how it is, so it is given up".to_owned()));
                pool.host.set_hangs(true);
                let decider = pool.lock().decider.clone();
                if let Some(decider) = decider {
                    decider.give_up("it does not say how it is", pool.host.epoch());
                }
                // Of a process the next one is asked; on threads another instance takes its place.
                if said.recv().is_err() {
                    return;
                }
                pool.host.set_hangs(false);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let waited = pool.ended.wait_timeout_while(pool.lock(), HEALTH_EVERY, |state| !state.stopping);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}
