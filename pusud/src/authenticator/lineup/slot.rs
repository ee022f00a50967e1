//! One entry of the settings that runs: its present generation, and what goes on through all of them.

use super::super::answer::Understood;
use super::super::decider::Counts;
use super::super::facts::EntryFacts;
use super::super::generation::Generation;
use super::super::instances::Instances;
use super::super::lasting::Lasting;
use super::super::verdict::{Decision, Grant, Request};
use super::report::{DecisionCounts, EntryReport};
use super::settled::Settled;
use crate::config::AuthenticatorConfig;
use crate::routing::{Histogram, OwnDecider};
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What the options are hashed with where the next entry is asked.
const GOES_ON: &[u8] = b"if_unavailable: next";

/// The number of the next entry that begins. 0 is nobody's.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// What goes on through all generations of an entry.
#[derive(Clone)]
pub(super) struct Lasts {
    /// Of this entry alone, as long as the relay runs.
    pub(super) number: u32,
    pub(super) lasting: Lasting,
    tally: Arc<Tally>,
}

/// What an entry has decided.
#[derive(Default)]
struct Tally {
    granted: AtomicU64,
    refused: AtomicU64,
    abstained: AtomicU64,
    unavailable: AtomicU64,
    /// How long deciding took, whatever came of it.
    durations: Mutex<Histogram>,
    generations: AtomicU32,
}

/// An entry. Clones are the same one.
#[derive(Clone)]
pub(in crate::authenticator) struct Slot {
    pub(super) name: String,
    /// The next one is asked where this one cannot decide.
    pub(super) goes_on: bool,
    pub(super) lasts: Lasts,
    pub(super) generation: Arc<Generation>,
}

impl Lasts {
    /// Of an entry that begins.
    pub(super) fn new() -> Self {
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), lasting: Lasting::new(), tally: Arc::default() }
    }
}

impl Tally {
    fn durations(&self) -> MutexGuard<'_, Histogram> {
        // Numbers are never left half changed, so a panic elsewhere does not make them unusable.
        self.durations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    pub(super) fn new(config: &AuthenticatorConfig, lasts: Lasts, generation: Arc<Generation>) -> Self {
        Self { name: config.name().to_owned(), goes_on: config.entry.goes_on, lasts, generation }
    }

    /// Asks. What it grants carries its number.
    pub(super) async fn ask(&self, request: Request) -> Decision {
        self.ask_in_detail(request).await.verdict
    }

    /// As [`Self::ask`], with what it says beside it.
    pub(super) async fn ask_in_detail(&self, request: Request) -> Understood {
        let began = Instant::now();
        let mut answer = self.generation.ask(request).await;
        self.count_duration(began);
        if let Decision::Grant(Grant { entry, .. }) = &mut answer.verdict {
            *entry = self.lasts.number;
        }
        answer
    }

    /// What comes of a question that it has answered so, and nobody else is asked.
    pub(super) fn settle(&self, answer: Understood) -> Settled<'_> {
        let Understood { verdict, detail } = answer;
        Settled { verdict: verdict.into(), by: Some(&self.name), detail }
    }

    /// What other relays compare with theirs.
    pub(super) fn decider(&self) -> OwnDecider {
        let identity = &self.generation.identity;
        OwnDecider {
            id: identity.id.clone(),
            version: identity.version.clone(),
            library: identity.library(),
            options_sha256: self.terms_sha256(),
        }
    }

    /// The hash of its options, and of whether the next one is asked where it cannot decide.
    fn terms_sha256(&self) -> [u8; 32] {
        let options = self.generation.options_sha256();
        if self.goes_on { Sha256::new().chain_update(options).chain_update(GOES_ON).finalize().into() } else { options }
    }

    /// A new instance of it begins, or it has read its files again.
    pub(super) fn count_generation(&self) {
        self.lasts.tally.generations.fetch_add(1, Ordering::Relaxed);
    }

    /// It has taken until now, from then on.
    pub(super) fn count_duration(&self, began: Instant) {
        self.lasts.tally.durations().observe(began.elapsed());
    }

    /// Counts what it has decided.
    pub(super) fn count(&self, decision: &Decision) {
        let Tally { granted, refused, abstained, unavailable, .. } = &*self.lasts.tally;
        let counter = match decision {
            Decision::Grant(_) => granted,
            Decision::Refuse(_) => refused,
            Decision::Abstain(_) => abstained,
            Decision::Unavailable(_) => unavailable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ready(&self) -> bool {
        self.instances().is_none_or(|instances| instances.current().ready())
    }

    pub(super) fn instances(&self) -> Option<&Instances> {
        self.generation.instances.as_ref()
    }

    /// What there is to say about it; `place` is what it is told.
    pub(super) fn report(&self, place: EntryFacts) -> EntryReport {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let tally = &self.lasts.tally;
        let instances = self.instances();
        EntryReport {
            name: self.name.clone(),
            identity: self.generation.identity.clone(),
            number: self.lasts.number,
            index: place.index,
            goes_on: self.goes_on,
            ready: self.ready(),
            queued: instances.map_or(0, |instances| instances.current().queued()),
            condition: instances.map(|instances| instances.current().condition()).unwrap_or_default(),
            counts: instances.map_or(Counts::default(), Instances::counts),
            decisions: DecisionCounts {
                granted: read(&tally.granted),
                refused: read(&tally.refused),
                abstained: read(&tally.abstained),
                unavailable: read(&tally.unavailable),
            },
            durations: *tally.durations(),
            generation: tally.generations.load(Ordering::Relaxed),
            trial: None,
        }
    }
}
