//! The guard before and behind each decision: revocations are refused, and what was decided is remembered.
//!
//! **Invariant:** a revocation that was in the table when a verdict comes out of here is heeded by it.

use super::decisions::{Asked, Decisions};
use super::generation::Generation;
use super::grants::GrantEnd;
use super::verdict::{Grant, Request, Verdict};
use crate::revocation::{REVOKED, Revocations};
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

    /// Asks, unless the answer is known to be no.
    pub(super) async fn ask(&self, generation: &Generation, request: Request) -> Verdict {
        let hashes = self.revocations.hashes(request.authorization.expose());
        let asked = self.decisions.is_on().then(|| Asked::now(&request, hashes[0], &generation.identity.id));
        let mut verdict = match self.revocations.revokes(&self.revocations.standing("", &hashes)) {
            true => Verdict::Refuse(REVOKED.to_owned()),
            false => generation.ask(request).await,
        };
        let mut subject = None;
        if let Verdict::Grant(grant) = &mut verdict {
            grant.standing = self.revocations.standing(&grant.subject, &hashes);
            if self.revocations.revokes(&grant.standing) {
                subject = Some(take_back(grant));
                verdict = Verdict::Refuse(REVOKED.to_owned());
            }
        }
        if let Some(asked) = asked {
            self.decisions.remember(asked, &verdict, subject);
        }
        verdict
    }
}

/// Tells the plugin why the grant ends, where it keeps an eye on it. Gives whose it was.
fn take_back(grant: &mut Grant) -> String {
    if let Some(held) = &grant.held {
        held.set_end(GrantEnd::Revoked);
    }
    std::mem::take(&mut grant.subject)
}
