//! Attendants of an instance, each a thread of the pool's: one tells the plugin of its grants, one asks how it is.
//!
//! What the plugin does in these calls holds up nothing else, but for a SERIAL plugin: there one call is made at a time.

use super::decider::Decider;
use super::grants::Next;
use super::pool::Pool;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

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
        let mut begun = self.spawn(&mut state, "pusu-auth-heard".into(), hear);
        if state.can_renew {
            begun = begun.and(self.spawn(&mut state, "pusu-auth-deaf".into(), renew_when_deaf));
        }
        if let Err(error) = begun {
            tracing::error!(plugin = self.host.plugin, "the plugin cannot be told of the ends of grants: {error:#}");
        }
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
fn renew_when_deaf(pool: &Arc<Pool>, decider: Arc<dyn Decider>) {
    let Some(book) = pool.host.grant_book() else { return };
    let mut epoch = pool.host.epoch();
    loop {
        if book.wait_until_deaf(epoch, false) {
            decider.renew("it does not take the news of its grants");
            // The next process has another number.
            book.wait_until_deaf(epoch, true);
        }
        if pool.host.epoch() == epoch {
            return;
        }
        epoch = pool.host.epoch();
    }
}

/// Asks the plugin how it is, until the pool stops.
pub(super) fn watch_health(pool: &Arc<Pool>, decider: Arc<dyn Decider>) {
    let mut state = pool.lock();
    while !state.stopping {
        drop(state);
        // Where its process has gone meanwhile, the next one is asked.
        if let Ok(condition) = decider.health() {
            pool.host.set_condition(condition);
        }
        let waited = pool.ended.wait_timeout_while(pool.lock(), HEALTH_EVERY, |state| !state.stopping);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}
