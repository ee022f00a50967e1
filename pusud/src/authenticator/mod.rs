//! The authenticator: from a name in the settings to a running one that answers requests.
//!
//! An authenticator is the built-in `None` or a plugin's library out of the plugins directory, whose author is a
//! stranger. It is checked before any of its code runs, called on threads of its own, and nothing it answers is
//! believed unseen.
//! **Invariant:** authorization fails closed: whatever goes wrong, the client gets no permissions.

mod answer;
mod attendants;
mod binary;
mod blueprint;
mod callbacks;
mod complaints;
mod conformance;
mod creation;
mod decider;
mod decisions;
mod directory;
mod exit;
mod facts;
mod file;
mod generation;
mod grants;
mod guard;
mod host;
mod identity;
mod image;
mod images;
mod inspect;
mod instances;
mod isolation;
mod lasting;
mod library;
mod linkage;
mod log_line;
mod log_rate;
mod manifest;
mod memory;
mod metrics;
mod options;
mod ownership;
mod pool;
mod proof;
mod recipe;
#[cfg(unix)]
mod siblings;
mod stopping;
mod tickets;
#[cfg(unix)]
mod trail;
mod verdict;
mod watcher;
mod worker;
mod workers;

pub use conformance::{CHECKS, Check, Job, Latency, Passed, run};
#[cfg(all(unix, any(test, feature = "fuzzing")))]
pub use isolation::any_verdict;
pub use isolation::{COMMAND, serve};

use crate::config::{AuthenticatorConfig, OnSwap};
use crate::revocation::Revocations;
use anyhow::Result;
use generation::{Generation, Plan, Reload};
use guard::Guard;
use images::Images;
use instances::Instances;
use lasting::Lasting;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

pub use creation::loading_hangs;
pub use decider::{Condition, Counts};
pub use decisions::{Decision, Decisions, Filter, decision_bytes_max};
pub use directory::{Candidate, list};
pub use exit::{EXIT_STATUS, allow_exit, exit_past_hanging_load, exit_past_hanging_threads, forbid_exit};
pub use grants::{GrantEnd, HeldGrant, Mail, Mailbox};
pub use identity::Identity;
pub use inspect::{Inspection, inspect};
pub use manifest::{BUILT_IN_ID, Manifest};
pub use memory::authorizations_bytes_max;
pub use metrics::{Definition, Kind, Value};
pub use verdict::{Authorization, Grant, PREVIOUS_TICKET, Request, Verdict, reason_or_none};

/// A running authenticator; clones are the same one. Dropping the last of them stops it without waiting.
///
/// What decides can be swapped while it runs ([`Self::swap`]): each call is answered by the generation that was the
/// current one when it began.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    current: RwLock<Arc<Generation>>,
    /// Held by whoever swaps.
    images: Mutex<Images>,
    lasting: Lasting,
    reauthorizes: AtomicBool,
    /// Not there before a relay serves with it.
    guard: OnceLock<Guard>,
}

/// What a swap has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swapped {
    /// The built-in authenticator goes on; there is nothing that it could read again.
    Nothing,
    /// The instance that decides has read its files again.
    Reloaded,
    /// A new instance of the same decides.
    Renewed,
    /// Something else decides.
    Replaced,
}

impl Authenticator {
    /// Resolves, checks, loads and creates what the settings name, and says so in the log. `call_timeout` is the time
    /// that one decision may take.
    ///
    /// # Errors
    /// One message for the operator: what, which file, what was expected and found, and what to do.
    pub fn start(config: &AuthenticatorConfig, call_timeout: Duration) -> Result<Self> {
        let images = Images::default();
        let lasting = Lasting::new();
        lasting.set_can_recheck(config.on_swap == OnSwap::Reauthorize);
        let first = Plan::make(config, call_timeout)?.carry_out(1, false, &images, &lasting)?;
        first.begin_hearing();
        tracing::debug!("the authenticator is {}", first.identity);
        Ok(Self(Arc::new(Inner {
            current: RwLock::new(Arc::new(first)),
            images: Mutex::new(images),
            lasting,
            reauthorizes: AtomicBool::new(config.on_swap == OnSwap::Reauthorize),
            guard: OnceLock::new(),
        })))
    }

    /// Does what [`Self::start`] does, but for starting: the plugin's library is loaded, and its options are checked.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn check(config: &AuthenticatorConfig, call_timeout: Duration) -> Result<Identity> {
        Plan::make(config, call_timeout)?.check()
    }

    /// Lets what the settings name now decide from here on, as it reads its files now. What is replaced answers the calls
    /// that it has, and ends with the last of them. Where the settings name what decides already, it is asked to reload;
    /// one that cannot, that fails or has failed is replaced by a new instance of itself, and so is every one if the caller
    /// `wants_new`. Blocks as long as the plugin takes to reload and to make an instance, and for `config.create_timeout`
    /// at most for each.
    ///
    /// # Errors
    /// As [`Self::start`]; then nothing has changed.
    pub fn swap(&self, config: &AuthenticatorConfig, call_timeout: Duration, wants_new: bool) -> Result<Swapped> {
        // A panic elsewhere leaves the list as it was.
        let images = self.0.images.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = Plan::make(config, call_timeout)?;
        let old = self.current();
        let differences = plan.differences_from(&old);
        let keeps = !wants_new && differences.is_empty() && !old.is_lost();
        let swapped = match if keeps { old.reload(plan.create_timeout()) } else { Reload::NotPossible } {
            Reload::Nothing => Swapped::Nothing,
            Reload::Done => Swapped::Reloaded,
            Reload::NotPossible if differences.is_empty() => Swapped::Renewed,
            Reload::NotPossible => Swapped::Replaced,
        };
        if matches!(swapped, Swapped::Replaced | Swapped::Renewed) {
            let is_no_swap = plan.is_no_swap();
            let new =
                plan.carry_out(old.number() + 1, true, &images, &self.0.lasting).map_err(
                    |error| match &differences[..] {
                        [_, ..] if is_no_swap => {
                            error.context(format!("a restart would bring {}", differences.join(", ")))
                        }
                        _ => error,
                    },
                )?;
            new.begin_hearing();
            *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        }
        self.0.reauthorizes.store(config.on_swap == OnSwap::Reauthorize, Ordering::Release);
        self.0.lasting.set_can_recheck(config.on_swap == OnSwap::Reauthorize);
        Ok(swapped)
    }

    /// What is running.
    pub fn identity(&self) -> Identity {
        self.current().identity.clone()
    }

    /// How many authenticators have decided, this one included: 1 until the first swap.
    pub fn generation(&self) -> u32 {
        self.current().number()
    }

    /// Whether live authorizations are asked again of a new generation (`on_swap: reauthorize`), so that they have to
    /// be kept.
    pub fn reauthorizes(&self) -> bool {
        self.0.reauthorizes.load(Ordering::Acquire)
    }

    /// Asks. The answer is there within the call timeout, whatever the plugin does; dropping the future gives the
    /// question up and tells the plugin so, on a thread of the authenticator's.
    pub async fn authorize(&self, request: Request) -> Verdict {
        let generation = self.current();
        match self.0.guard.get() {
            Some(guard) => guard.ask(&generation, request).await,
            None => generation.ask(request).await,
        }
    }

    /// From here on what `revocations` say is refused, and `decisions` are remembered. Only the first call counts.
    ///
    /// A client that is told of a revocation behind this has to look at what it was granted before: whoever uses a grant
    /// has to put it where that is found before anything else is awaited.
    pub fn guard(&self, revocations: Arc<Revocations>, decisions: Arc<Decisions>) {
        // Whoever binds the relay calls it, once.
        let _ = self.0.guard.set(Guard::new(revocations, decisions));
    }

    /// Whether a question would be taken now, rather than turned away at once.
    pub fn ready(&self) -> bool {
        self.current().instances.as_ref().is_none_or(|instances| instances.current().ready())
    }

    /// How many questions wait for a thread; 0 for `None`.
    pub fn queued(&self) -> usize {
        self.current().instances.as_ref().map_or(0, |instances| instances.current().queued())
    }

    /// The condition of the plugin, as it said last; one that says nothing is good.
    pub fn condition(&self) -> Condition {
        self.current().instances.as_ref().map(|instances| instances.current().condition()).unwrap_or_default()
    }

    /// Every series that the plugin has defined, with what it says.
    pub fn metrics(&self) -> Vec<(Definition, Value)> {
        self.current().instances.as_ref().map(|instances| instances.current().metrics()).unwrap_or_default()
    }

    /// What went wrong so far, since the last swap; all 0 for `None`.
    pub fn counts(&self) -> Counts {
        self.current().instances.as_ref().map(Instances::counts).unwrap_or_default()
    }

    /// From here on the plugin hears of no grant any more: the relay is about to stop.
    pub fn end_news(&self) {
        if let Some(instances) = &self.current().instances {
            instances.current().end_hearing();
        }
    }

    /// Answers everybody who waits with [`Verdict::Unavailable`] and destroys the plugin's instance. Waits at most a
    /// second for calls that are inside the plugin, and 5 s for the instance to be destroyed. Questions asked afterwards are turned away.
    pub fn stop(&self) {
        if let Some(instances) = &self.current().instances {
            instances.stop();
        }
    }

    fn current(&self) -> Arc<Generation> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
