//! The explanation of a decision: what each entry has said, and what those would have said that are only tried.

use super::super::verdict::{Decision, Request, Verdict};
use super::Lineup;
use super::slot::Slot;

/// What one of them was asked about, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The entry's name.
    pub name: String,
    /// Its plugin.
    pub id: String,
    /// A word for what it decided.
    pub decision: &'static str,
    /// What it says beside that, for the operator alone; may be empty.
    pub detail: String,
}

impl Lineup {
    /// As [`Self::decide`], and what each of them said, also where there is but one.
    pub(in crate::authenticator) async fn explain(&self, request: Request) -> (Verdict, Vec<Asked>) {
        let mut asked = Vec::new();
        let copies: Vec<Request> = self.shadows.iter().map(|_| request.copy()).collect();
        let mut note = |slot: &Slot, decision: &'static str, detail: String| {
            let (name, id) = (slot.name.clone(), slot.generation.identity.id.clone());
            asked.push(Asked { name, id, decision, detail });
        };
        let settled = self
            .walk(request, None, &mut |slot, answer| note(slot, word(&answer.verdict), answer.detail.clone()))
            .await;
        for (shadow, request) in self.shadows.iter().zip(copies) {
            let tried = shadow.slot.ask_in_detail(request).await;
            note(&shadow.slot, would(word(&tried.verdict)), tried.detail);
        }
        (settled.verdict, asked)
    }
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Grant(_) => "granted",
        Decision::Refuse(_) => "refused",
        Decision::Abstain(_) => "abstained",
        Decision::Unavailable(_) => "could not decide",
    }
}

/// The word for one that decides nothing.
fn would(word: &'static str) -> &'static str {
    match word {
        "granted" => "shadow: would grant",
        "could not decide" => "shadow: could not decide",
        _ => "shadow: would refuse",
    }
}
