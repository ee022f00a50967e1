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
mod built_in;
mod callbacks;
mod checked;
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
mod lineup;
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
mod swapped;
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
use crate::revocation::{REVOKED, Revocations};
use crate::routing::OwnDecider;
use anyhow::Result;
use generation::Plan;
use guard::Guard;
use images::Images;
use lineup::{Lineup, Settled};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

pub use checked::Checked;
pub use creation::loading_hangs;
pub use decider::{Condition, Counts};
pub use decisions::{Decision, Decisions, Filter, decision_bytes_max};
pub use directory::{Candidate, list};
pub use exit::{EXIT_STATUS, allow_exit, exit_past_hanging_load, exit_past_hanging_threads, forbid_exit};
pub use grants::{GrantEnd, HeldGrant, Mail, Mailbox};
pub use identity::Identity;
pub use inspect::{Inspection, inspect};
pub use lineup::{Asked, DecisionCounts, EntryReport, TrialCounts};
pub use manifest::{BUILT_IN_ID, Manifest};
pub use memory::authorizations_bytes_max;
pub use metrics::{Definition, Kind, Value};
pub use swapped::Swapped;
pub use verdict::{Authorization, Grant, PREVIOUS_TICKET, Request, Verdict, reason_or_none};

/// A running authenticator; clones are the same one. Dropping the last of them stops it without waiting.
///
/// What decides can be swapped while it runs ([`Self::swap`]): each call is answered by the generation that was the
/// current one when it began.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    current: RwLock<Arc<Lineup>>,
    /// Held by whoever swaps.
    images: Mutex<Images>,
    reauthorizes: AtomicBool,
    /// Not there before a relay serves with it.
    guard: OnceLock<Guard>,
}

impl Authenticator {
    /// Resolves, checks, loads and creates what the settings name, and says so in the log. `call_timeout` is the time
    /// that one decision may take.
    ///
    /// # Errors
    /// One message for the operator: what, which file, what was expected and found, and what to do.
    pub fn start(config: &AuthenticatorConfig, call_timeout: Duration) -> Result<Self> {
        let images = Images::default();
        let first = Lineup::start(config, call_timeout, &images)?;
        for (name, identity) in first.identities() {
            tracing::debug!(entry = config.is_list().then_some(name), "the authenticator is {identity}");
        }
        Ok(Self(Arc::new(Inner {
            current: RwLock::new(Arc::new(first)),
            images: Mutex::new(images),
            reauthorizes: AtomicBool::new(config.on_swap == OnSwap::Reauthorize),
            guard: OnceLock::new(),
        })))
    }

    /// Does what [`Self::start`] does, but for starting: each library is loaded, and its options are checked. Gives what
    /// each entry of the settings is.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn check(config: &AuthenticatorConfig, call_timeout: Duration) -> Result<Vec<Checked>> {
        config.entries().iter().map(|entry| Plan::make(entry, call_timeout)?.check()).collect()
    }

    /// Lets what the settings name now decide from here on, as it reads its files now. What is replaced answers the calls
    /// that it has, and ends with the last of them. What the settings name already is asked to reload; one that cannot,
    /// that fails or has failed is replaced by a new instance of itself, and so is every one if the caller `wants_new`.
    /// Blocks as long as the plugins take to reload and to make an instance, and for `create_timeout` at most for each.
    ///
    /// # Errors
    /// As [`Self::start`]; then nothing has changed.
    pub fn swap(&self, config: &AuthenticatorConfig, call_timeout: Duration, wants_new: bool) -> Result<Swapped> {
        // A panic elsewhere leaves the list as it was.
        let images = self.0.images.lock().unwrap_or_else(PoisonError::into_inner);
        let (new, swapped) = self.current().swap(config, call_timeout, &images, wants_new)?;
        if let Some(new) = new {
            *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        }
        self.0.reauthorizes.store(config.on_swap == OnSwap::Reauthorize, Ordering::Release);
        self.current().set_can_recheck(config);
        Ok(swapped)
    }

    /// What is running; of a list, the names of those that decide.
    pub fn identity(&self) -> Identity {
        self.current().identity()
    }

    /// What is running in each entry, with its name.
    pub fn identities(&self) -> Vec<(String, Identity)> {
        self.current().identities()
    }

    /// Each entry, those that decide in their order; one, where the settings have no list.
    pub fn entries(&self) -> Vec<EntryReport> {
        self.current().reports()
    }

    /// Whether the settings have a list.
    pub fn is_list(&self) -> bool {
        self.current().is_list()
    }

    /// Those that decide, in their order, for other relays to compare with theirs.
    pub fn deciders(&self) -> Vec<OwnDecider> {
        self.current().deciders()
    }

    /// How many authenticators have decided, this one included: 1 until the first swap.
    pub fn generation(&self) -> u32 {
        self.current().number()
    }

    /// Since when this one decides, in seconds since 1970.
    pub fn since(&self) -> u64 {
        self.current().since()
    }

    /// Whether live authorizations are asked again of a new generation (`on_swap: reauthorize`), so that they have to
    /// be kept.
    pub fn reauthorizes(&self) -> bool {
        self.0.reauthorizes.load(Ordering::Acquire)
    }

    /// Asks. The answer is there within the call timeout, whatever the plugin does; dropping the future gives the
    /// question up and tells the plugin so, on a thread of the authenticator's.
    pub async fn authorize(&self, request: Request) -> Verdict {
        self.ask(request, None).await
    }

    /// Asks about a grant again, which `entry` has given in `generation`: that one alone, or all anew if others decide by
    /// now.
    pub async fn authorize_again(&self, request: Request, generation: u32, entry: u32) -> Verdict {
        self.ask(request, Some((generation, entry))).await
    }

    /// Asks, and says what each entry of a list has said. What is revoked is refused, whatever they have said; nothing of it
    /// is remembered.
    pub async fn explain(&self, request: Request) -> (Verdict, Vec<Asked>) {
        let lineup = self.current();
        let guard = self.0.guard.get().map(|guard| (guard, guard.hashes(&request)));
        let (verdict, asked) = lineup.explain(request).await;
        match guard {
            Some((guard, hashes)) => (guard.explained(&hashes, verdict), asked),
            None => (verdict, asked),
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

    /// `previous`: the generation and the entry that have granted what is asked about again.
    async fn ask(&self, request: Request, previous: Option<(u32, u32)>) -> Verdict {
        let lineup = self.current();
        let Some(guard) = self.0.guard.get() else { return lineup.decide_as_before(request, previous).await.verdict };
        let guarded = guard.begin(&request);
        let settled = match guarded.is_revoked() {
            true => Settled::by_nobody(Verdict::Refuse(REVOKED.to_owned())),
            false => lineup.decide_as_before(request, previous).await,
        };
        guard.end(guarded, settled, &lineup)
    }

    /// Whether a question would be taken now, rather than turned away at once.
    pub fn ready(&self) -> bool {
        self.current().ready()
    }

    /// How many questions wait for a thread; 0 for `None`.
    pub fn queued(&self) -> usize {
        self.current().queued()
    }

    /// The condition of the plugin, as it said last; one that says nothing is good. Of several, the worst.
    pub fn condition(&self) -> Condition {
        self.current().condition()
    }

    /// Every series that the plugins have defined, with what it says.
    pub fn metrics(&self) -> Vec<(Definition, Value)> {
        self.current().metrics()
    }

    /// What went wrong so far, since the last swap; all 0 for `None`.
    pub fn counts(&self) -> Counts {
        self.current().counts()
    }

    /// From here on the plugins hear of no grant any more: the relay is about to stop.
    pub fn end_news(&self) {
        self.current().end_news();
    }

    /// Answers everybody who waits with [`Verdict::Unavailable`] and destroys the plugins' instances. Waits at most a
    /// second for calls that are inside a plugin, and 5 s for an instance to be destroyed. Questions asked afterwards are
    /// turned away.
    pub fn stop(&self) {
        self.current().stop();
    }

    fn current(&self) -> Arc<Lineup> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
