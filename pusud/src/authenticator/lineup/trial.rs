//! Trying an authenticator beside those that decide (`shadow: true`): it is asked what they were asked, off the client's
//! way, and what it says is compared and counted.
//!
//! **Invariant:** nothing that it says permits anything: what it grants has ended when it has been compared.
//! **Invariant:** an authorization is kept for it until it has answered, and for [`IN_FLIGHT_MAX`] clients at the most.

use super::super::facts::EntryFacts;
use super::super::verdict::{Decision, Request, Verdict};
use super::comparison::{Differences, compare};
use super::report::{EntryReport, TrialCounts};
use super::slot::Slot;
use crate::authenticator::answer::printable;
use crate::protocol::Permission;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Questions that may be under way in each of those that are tried.
pub(in crate::authenticator) const IN_FLIGHT_MAX: usize = 64;
/// Patterns that a line of the log shows at the most.
const SHOWN_MAX: usize = 3;

/// An authenticator that decides nothing.
#[derive(Clone)]
pub(in crate::authenticator) struct Shadow {
    pub(super) slot: Slot,
    pub(super) place: EntryFacts,
    pub(super) trial: Arc<Trial>,
}

/// What goes on through all generations of it.
pub(super) struct Trial {
    in_flight: Arc<Semaphore>,
    counts: Mutex<TrialCounts>,
}

/// A question that one of them will be asked, once it is decided.
pub(super) struct Admitted {
    shadow: Shadow,
    request: Request,
    permit: OwnedSemaphorePermit,
}

/// What was decided, as far as it is compared.
#[derive(Clone)]
pub(super) enum Decided {
    Granted { subject: String, permissions: Vec<Permission> },
    Refused,
    Nothing,
}

impl Decided {
    pub(super) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Grant(grant) => {
                Self::Granted { subject: grant.subject.clone(), permissions: grant.permissions.clone() }
            }
            Verdict::Refuse(_) => Self::Refused,
            Verdict::Unavailable(_) => Self::Nothing,
        }
    }
}

impl Trial {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { in_flight: Arc::new(Semaphore::new(IN_FLIGHT_MAX)), counts: Mutex::default() })
    }

    fn counts(&self) -> MutexGuard<'_, TrialCounts> {
        // Numbers are never left half changed, so a panic elsewhere does not make them unusable.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shadow {
    /// Keeps the question for it, unless too many are under way.
    pub(super) fn admit(&self, request: &Request) -> Option<Admitted> {
        let Ok(permit) = Arc::clone(&self.trial.in_flight).try_acquire_owned() else {
            self.trial.counts().left_out += 1;
            return None;
        };
        Some(Admitted { shadow: self.clone(), request: request.copy(), permit })
    }

    pub(super) fn report(&self) -> EntryReport {
        EntryReport { trial: Some(*self.trial.counts()), ..self.slot.report(self.place) }
    }

    /// Counts one answer, and logs what differs.
    fn note(&self, decided: &Decided, decided_in: Duration, tried: &Decision, tried_in: Duration) {
        let mut counts = self.trial.counts();
        let permissions = match (decided, tried) {
            (Decided::Nothing, _) => {
                counts.undecided += 1;
                return;
            }
            (Decided::Granted { permissions, .. }, Decision::Grant(grant)) => compare(permissions, &grant.permissions),
            _ => Differences::default(),
        };
        let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        counts.compared += 1;
        counts.microseconds += microseconds(tried_in);
        counts.decided_microseconds += microseconds(decided_in);
        counts.slower += u64::from(tried_in > decided_in);
        counts.more += u64::from(!permissions.more.is_empty());
        counts.less += u64::from(!permissions.less.is_empty());
        let differs = match (decided, tried) {
            (_, Decision::Unavailable(_)) => {
                counts.unavailable += 1;
                Some("could not decide what was decided")
            }
            (Decided::Refused, Decision::Grant(_)) => {
                counts.would_grant += 1;
                Some("would grant what was refused")
            }
            (Decided::Granted { .. }, Decision::Refuse(_) | Decision::Abstain(_)) => {
                counts.would_refuse += 1;
                Some("would refuse what was granted")
            }
            _ if permissions != Differences::default() => Some("would permit something else"),
            _ => {
                counts.same += 1;
                None
            }
        };
        drop(counts);
        if let Some(words) = differs {
            self.tell(words, decided, tried, &permissions);
        }
    }

    /// One line; the log bounds how many there are. The subject is that of what was decided, or that which was tried.
    fn tell(&self, words: &str, decided: &Decided, tried: &Decision, permissions: &Differences) {
        let subject = match (decided, tried) {
            (Decided::Granted { subject, .. }, _) => printable(subject),
            (_, Decision::Grant(grant)) => printable(&grant.subject),
            _ => String::new(),
        };
        let Differences { more, less } = permissions;
        let (entry, plugin) = (self.slot.name.as_str(), self.slot.generation.called());
        tracing::info!(
            entry,
            plugin,
            subject,
            more = (!more.is_empty()).then(|| shown(more)),
            less = (!less.is_empty()).then(|| shown(less)),
            "the shadow entry {words}"
        );
    }
}

/// Some patterns, for the log.
fn shown(permissions: &[Permission]) -> String {
    let some = permissions.iter().take(SHOWN_MAX);
    let mut text = some.map(|one| format!("{} {}", one.access, printable(&one.pattern))).collect::<Vec<_>>().join(", ");
    if permissions.len() > SHOWN_MAX {
        text.push_str(&format!(" and {} more", permissions.len() - SHOWN_MAX));
    }
    text
}

impl Admitted {
    /// Asks, on a task of its own; nobody waits for it.
    pub(super) fn ask(self, decided: Decided, decided_in: Duration) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            self.shadow.trial.counts().left_out += 1;
            return;
        };
        let Self { shadow, request, permit } = self;
        drop(runtime.spawn(async move {
            let asked = Instant::now();
            let tried = shadow.slot.ask(request).await;
            shadow.slot.count(&tried);
            shadow.note(&decided, decided_in, &tried, asked.elapsed());
            drop(permit);
        }));
    }
}
