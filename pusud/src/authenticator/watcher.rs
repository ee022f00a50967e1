//! The pool's two attendants: one sees to deadlines and threads that hang, the other tells the plugin which answers are
//! no longer wanted. (A SERIAL plugin is told by the thread that calls it, since it is entered by one at a time.)
//!
//! The watcher never calls the plugin, so nothing the plugin does can hold it up; the canceller may hang, and then
//! nothing but the cancelling stops.

use super::decider::Decider;
use super::pool::{Pool, Running, State, TIMED_OUT, unavailable};
use super::tickets::Reply;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

/// What one round of watching found: whom to answer, and what to say in the log.
#[derive(Default)]
struct Findings {
    timed_out: Vec<Reply>,
    stuck: usize,
    stuck_in_all: usize,
    not_replaced: Option<String>,
    /// Nothing is left to serve calls: the instance is to be renewed, for the calls that hang in it.
    hangs: Option<(Arc<dyn Decider>, Vec<u64>)>,
}

/// The watcher's life: answers tickets whose time is up, and replaces threads that hang.
pub(super) fn watch(pool: &Arc<Pool>) {
    let mut state = pool.lock();
    while !state.stopping {
        let found = check(pool, &mut state, Instant::now());
        if !found.timed_out.is_empty() || found.stuck > 0 {
            drop(state);
            report(pool, found);
            state = pool.lock();
        } else {
            state = wait(pool, state);
        }
    }
}

fn check(pool: &Arc<Pool>, state: &mut State, now: Instant) -> Findings {
    let mut found = Findings::default();
    for (ticket, reply) in pool.host.tickets.take_due(now) {
        pool.timed_out.fetch_add(1, Ordering::Relaxed);
        pool.give_up(state, ticket);
        found.timed_out.push(reply);
    }
    let hangs = |running: &&mut Running| !running.stuck && running.overdue <= now;
    for running in state.running.values_mut().filter(hangs) {
        running.stuck = true;
        found.stuck += 1;
    }
    for _ in 0..found.stuck {
        state.serving -= 1;
        state.stuck += 1;
        if state.stuck <= pool.replaceable()
            && let Err(error) = pool.spawn_worker(state)
        {
            found.not_replaced = Some(format!("{error:#}"));
        }
    }
    found.stuck_in_all = state.stuck;
    if found.stuck > 0 && state.hangs() {
        let calls = state.running.iter().filter(|(_, running)| running.stuck).map(|(ticket, _)| *ticket).collect();
        found.hangs = state.decider.clone().map(|decider| (decider, calls));
    }
    found
}

fn report(pool: &Pool, found: Findings) {
    let plugin = pool.host.plugin.as_str();
    let (calls, within) = (found.timed_out.len(), pool.timeout);
    for reply in found.timed_out {
        reply.send(unavailable(TIMED_OUT));
    }
    if calls > 0 {
        pool.host.complaints.warn(plugin, format_args!("{calls} authorizations were not answered within {within:?}"));
    }
    if found.stuck > 0 {
        tracing::warn!(
            plugin,
            "{} threads hang in the plugin, {} can be replaced",
            found.stuck_in_all,
            pool.replaceable()
        );
    }
    if let Some((decider, calls)) = &found.hangs {
        decider.renew("too many calls hang in it", calls);
        if decider.lost() {
            tracing::warn!(plugin, "all threads that may call it hang in the plugin: a new instance of it is made");
        }
    }
    if let Some(error) = &found.not_replaced {
        tracing::error!(plugin, "a thread that hangs in the plugin cannot be replaced: {error}");
    }
}

fn wait<'a>(pool: &'a Pool, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    let overdue = state.running.values().filter(|running| !running.stuck).map(|running| running.overdue).min();
    let next = [overdue, pool.host.tickets.next_deadline()].into_iter().flatten().min();
    match next {
        // Calls that come meanwhile have later deadlines, so none of them has to wake the watcher.
        Some(next) => {
            let left = next.saturating_duration_since(Instant::now());
            pool.deadlines.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
        }
        None => {
            state.unwatched = true;
            pool.deadlines.wait(state).unwrap_or_else(PoisonError::into_inner)
        }
    }
}

/// The canceller's life: passes on which answers are no longer wanted.
pub(super) fn cancel(pool: &Arc<Pool>, decider: Arc<dyn Decider>) {
    let mut state = pool.lock();
    loop {
        if let Some(ticket) = state.to_cancel.pop_front() {
            drop(state);
            decider.cancel(ticket);
            state = pool.lock();
        } else if state.stopping {
            return;
        } else {
            state = pool.cancels.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
