//! The guard before and behind each decision: revocations are refused, and what was decided is remembered.
//!
//! **Invariant:** a revocation that was in the table when a verdict comes out of here is heeded by it.

use super::decisions::{Decisions, Question};
use super::grants::GrantEnd;
use super::lineup::{Lineup, Settled};
use super::verdict::{Grant, Request, Verdict};
use crate::revocation::{Hashes, REVOKED, Revocations};
use std::sync::Arc;

/// What stands around the decisions of a relay that serves.
pub(super) struct Guard {
    revocations: Arc<Revocations>,
    decisions: Arc<Decisions>,
}

impl Guard {
    pub(super) fn new(revocations: Arc<Revocations>, decisions: Arc<Decisions>) -> Self {
        Self { revocations, decisions }
    }

    /// Before the question is asked.
    pub(super) fn begin(&self, request: &Request) -> Guarded {
        let hashes = self.revocations.hashes(request.authorization.expose());
        let question = self.decisions.is_on().then(|| Question::now(request, hashes[0]));
        let is_revoked = self.revocations.revokes(&self.revocations.standing("", &hashes));
        Guarded { hashes, question, is_revoked }
    }

    /// The same of a question that nobody remembers: a verdict is only explained.
    pub(super) fn explained(&self, hashes: &Hashes, mut verdict: Verdict) -> Verdict {
        let subject = if let Verdict::Grant(grant) = &verdict { grant.subject.as_str() } else { "" };
        if self.revocations.revokes(&self.revocations.standing(subject, hashes)) {
            if let Verdict::Grant(grant) = &mut verdict {
                take_back(grant);
            }
            verdict = Verdict::Refuse(REVOKED.to_owned());
        }
        verdict
    }

    /// What an authorization is looked up by.
    pub(super) fn hashes(&self, request: &Request) -> Hashes {
        self.revocations.hashes(request.authorization.expose())
    }

    /// The verdict that holds of what `lineup` has settled.
    pub(super) fn end(&self, guarded: Guarded, settled: Settled<'_>, lineup: &Lineup) -> Verdict {
        let Guarded { hashes, question, .. } = guarded;
        let Settled { mut verdict, by, mut detail } = settled;
        let mut subject = None;
        if let Verdict::Grant(grant) = &mut verdict {
            grant.standing = self.revocations.standing(&grant.subject, &hashes);
            if self.revocations.revokes(&grant.standing) {
                subject = Some(take_back(grant));
                verdict = Verdict::Refuse(REVOKED.to_owned());
                // It says why that was granted.
                detail.clear();
            }
        }
        if let Some(question) = question {
            let entry = by.map_or_else(|| lineup.identity().id, str::to_owned);
            self.decisions.remember(question, entry, &verdict, subject, &detail);
        }
        verdict
    }
}

/// A question that is being asked.
pub(super) struct Guarded {
    hashes: Hashes,
    question: Option<Question>,
    is_revoked: bool,
}

impl Guarded {
    /// Whether the answer is known to be no.
    pub(super) fn is_revoked(&self) -> bool {
        self.is_revoked
    }
}

/// Tells the plugin why the grant ends, where it keeps an eye on it. Gives whose it was.
fn take_back(grant: &mut Grant) -> String {
    if let Some(held) = &grant.held {
        held.set_end(GrantEnd::Revoked);
    }
    std::mem::take(&mut grant.subject)
}
