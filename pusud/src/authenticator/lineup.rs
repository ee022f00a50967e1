//! The lineup: the entries of the settings that run, those that decide in their order and those that are tried beside
//! them.
//!
//! One alone is asked as if there were no list. Of several, each is asked after the one before it has abstained; any other
//! decision is the last one.
//! **Invariant:** whatever goes wrong on the way, nobody gets a permission that no entry has granted.

mod comparison;
mod explanation;
mod report;
mod settled;
mod slot;
mod swap;
mod trial;

pub use explanation::Asked;
pub use report::{DecisionCounts, EntryReport, TrialCounts};
pub(super) use settled::Settled;
pub(super) use trial::IN_FLIGHT_MAX;

use super::answer::Understood;
use super::decider::{Condition, Counts};
use super::facts::EntryFacts;
use super::identity::Identity;
use super::instances::Instances;
use super::metrics::{Definition, Value};
use super::verdict::{Decision, PREVIOUS_TICKET, Request, Verdict};
use crate::routing::OwnDecider;
use slot::Slot;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::timeout_at;
use trial::{Admitted, Decided, Shadow};

/// What a client is told when its time is up before all have been asked.
const ALL_TIMED_OUT: &str = "the authenticators did not answer in time";

/// The label that says whose a series is, where there are several.
const ENTRY_LABEL: &str = "entry";

/// Entries that run.
pub(super) struct Lineup {
    /// How many lineups have decided, this one included: counts from 1, and goes up when an entry reloads.
    number: AtomicU32,
    /// Since when it is this one that decides: seconds since 1970.
    since: AtomicU64,
    /// At least one.
    deciding: Vec<Slot>,
    shadows: Vec<Shadow>,
    /// `authenticator` is a list.
    is_list: bool,
    /// The time that asking one after the other may take.
    timeout: Duration,
}

impl Lineup {
    /// Since when it decides, in seconds since 1970.
    pub(super) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    pub(super) fn number(&self) -> u32 {
        self.number.load(Ordering::Acquire)
    }

    /// Asks; `previous`: the generation and the entry that have granted what is asked about again.
    pub(super) async fn decide_as_before(&self, request: Request, previous: Option<(u32, u32)>) -> Settled<'_> {
        match previous {
            None => self.decide(request, None).await,
            Some((generation, entry)) => self.decide_again(request, generation, entry).await,
        }
    }

    /// `previous`: the entry that has granted what is asked about again.
    async fn decide(&self, request: Request, previous: Option<u32>) -> Settled<'_> {
        // An entry may reload meanwhile.
        let number = self.number();
        let mut settled = match &self.deciding[..] {
            [alone] if !self.is_list => {
                let answer = alone.ask_in_detail(request).await;
                alone.count(&answer.verdict);
                alone.settle(answer)
            }
            _ => self.walk_with_shadows(request, previous).await,
        };
        if let Verdict::Grant(grant) = &mut settled.verdict {
            grant.generation = number;
        }
        settled
    }

    /// Asks the entry alone that has granted what is asked about again; all, where another lineup has.
    async fn decide_again(&self, request: Request, generation: u32, entry: u32) -> Settled<'_> {
        let number = self.number();
        let own = self.deciding.iter().find(|slot| slot.lasts.number == entry);
        match own.filter(|_| self.is_list && generation == number) {
            Some(slot) => {
                let answer = slot.ask_in_detail(request).await;
                slot.count(&answer.verdict);
                let mut settled = slot.settle(answer);
                if let Verdict::Grant(grant) = &mut settled.verdict {
                    grant.generation = number;
                }
                settled
            }
            None => self.decide(request, Some(entry)).await,
        }
    }

    /// Those that are tried are asked afterwards, each if it has room for the question; not about what was granted before.
    async fn walk_with_shadows(&self, request: Request, previous: Option<u32>) -> Settled<'_> {
        let admit = |shadow: &Shadow| if request.recheck { None } else { shadow.admit(&request) };
        let admitted: Vec<Admitted> = self.shadows.iter().filter_map(admit).collect();
        let began = Instant::now();
        let settled = self.walk(request, previous, &mut |_, _| ()).await;
        let took = began.elapsed();
        if !admitted.is_empty() {
            let decided = Decided::of(&settled.verdict);
            admitted.into_iter().for_each(|one| one.ask(decided.clone(), took));
        }
        settled
    }

    async fn walk(
        &self,
        request: Request,
        previous: Option<u32>,
        said: &mut (dyn FnMut(&Slot, &Understood) + Send),
    ) -> Settled<'_> {
        let deadline = Instant::now() + self.timeout;
        let (mut unavailable, mut abstained) = (None, (String::new(), String::new()));
        for slot in &self.deciding {
            let mut question = request.copy();
            if previous.is_some_and(|entry| entry != slot.lasts.number) {
                // It knows nothing of a grant of another one.
                question.attributes.retain(|(key, _)| key != PREVIOUS_TICKET);
            }
            let began = Instant::now();
            let answer = timeout_at(deadline.into(), slot.ask_in_detail(question)).await;
            let (answer, has_time) = match answer {
                Ok(answer) => (answer, true),
                Err(_) => {
                    slot.count_duration(began);
                    (Decision::Unavailable(ALL_TIMED_OUT.to_owned()).into(), false)
                }
            };
            slot.count(&answer.verdict);
            said(slot, &answer);
            let Understood { verdict: decision, detail } = answer;
            match decision {
                Decision::Abstain(reason) if reason.is_empty() => {}
                Decision::Abstain(reason) => abstained = (reason, detail),
                Decision::Unavailable(reason) if slot.goes_on && has_time => {
                    unavailable = unavailable.or(Some((reason, detail)));
                }
                // Whoever could not be asked may have been the one whose it is.
                Decision::Refuse(_) if unavailable.is_some() => break,
                verdict => return slot.settle(Understood { verdict, detail }),
            }
        }
        let (verdict, detail) = match unavailable {
            Some((reason, detail)) => (Verdict::Unavailable(reason), detail),
            None => (Verdict::Refuse(abstained.0), abstained.1),
        };
        Settled { verdict, by: None, detail }
    }

    /// What decides. Of a list, the names.
    pub(super) fn identity(&self) -> Identity {
        match &self.deciding[..] {
            [alone] if !self.is_list => alone.generation.identity.clone(),
            several => Identity {
                id: several.iter().map(|slot| slot.name.as_str()).collect::<Vec<_>>().join(", "),
                version: String::new(),
                sha256: String::new(),
                path: None,
            },
        }
    }

    /// Each entry with its name; those that are tried last.
    pub(super) fn identities(&self) -> Vec<(String, Identity)> {
        self.slots().map(|slot| (slot.name.clone(), slot.generation.identity.clone())).collect()
    }

    /// Those that decide, to be compared with others.
    pub(super) fn deciders(&self) -> Vec<OwnDecider> {
        self.deciding.iter().map(Slot::decider).collect()
    }

    /// Whether no question would end for want of somebody who takes it.
    pub(super) fn ready(&self) -> bool {
        self.deciding.iter().all(|slot| slot.goes_on || slot.ready()) && self.deciding.iter().any(Slot::ready)
    }

    /// The worst condition among those that decide.
    pub(super) fn condition(&self) -> Condition {
        let of = |slot: &Slot| slot.instances().map(|all| all.current().condition()).unwrap_or_default();
        let badness = |condition: &Condition| match condition {
            Condition::Good => 0,
            Condition::Degraded(_) => 1,
            Condition::Bad(_) => 2,
        };
        let mut worst = Condition::Good;
        for slot in &self.deciding {
            let said = of(slot);
            if badness(&said) > badness(&worst) {
                worst = self.named(slot, said);
            }
        }
        worst
    }

    /// The words of one of several, with its name.
    fn named(&self, slot: &Slot, condition: Condition) -> Condition {
        let named = |why: String| if self.is_list { format!("{}: {why}", slot.name) } else { why };
        match condition {
            Condition::Good => Condition::Good,
            Condition::Degraded(why) => Condition::Degraded(named(why)),
            Condition::Bad(why) => Condition::Bad(named(why)),
        }
    }

    /// Every series that the plugins have defined; those of a list say whose they are.
    pub(super) fn metrics(&self) -> Vec<(Definition, Value)> {
        let of = |slot: &Slot| slot.instances().map(|all| all.current().metrics()).unwrap_or_default();
        let labelled = |slot: &Slot| {
            let mut series = of(slot);
            if self.is_list {
                for (definition, _) in &mut series {
                    definition.labels.push((ENTRY_LABEL.to_owned(), slot.name.clone()));
                }
            }
            series
        };
        self.slots().flat_map(labelled).collect()
    }

    pub(super) fn queued(&self) -> usize {
        self.deciding.iter().filter_map(Slot::instances).map(|instances| instances.current().queued()).sum()
    }

    /// What went wrong in those that decide.
    pub(super) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for instances in self.deciding.iter().filter_map(Slot::instances) {
            sum += instances.counts();
        }
        sum
    }

    /// Whether the settings have a list.
    pub(super) fn is_list(&self) -> bool {
        self.is_list
    }

    /// Each entry.
    pub(super) fn reports(&self) -> Vec<EntryReport> {
        let place =
            |index: usize| EntryFacts { index: u32::try_from(index).unwrap_or(u32::MAX), ..EntryFacts::default() };
        let deciding = self.deciding.iter().enumerate().map(|(index, slot)| slot.report(place(index)));
        deciding.chain(self.shadows.iter().map(Shadow::report)).collect()
    }

    pub(super) fn end_news(&self) {
        self.slots().filter_map(Slot::instances).for_each(|instances| instances.current().end_hearing());
    }

    /// Stops all of them at the same time.
    pub(super) fn stop(&self) {
        let all: Vec<&Instances> = self.slots().filter_map(Slot::instances).collect();
        match &all[..] {
            [alone] => alone.stop(),
            several => std::thread::scope(|scope| {
                several.iter().for_each(|instances| drop(scope.spawn(|| instances.stop())));
            }),
        }
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.deciding.iter().chain(self.shadows.iter().map(|shadow| &shadow.slot))
    }
}
