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
}

impl Lineup {
    /// As [`Self::decide`], and what each of them said.
    pub(in crate::authenticator) async fn explain(&self, request: Request) -> (Verdict, Vec<Asked>) {
        let mut asked = Vec::new();
        if !self.is_list {
            return (self.decide(request, None).await.0, asked);
        }
        let copies: Vec<Request> = self.shadows.iter().map(|_| request.copy()).collect();
        let mut note = |slot: &Slot, decision: &Decision, how: &dyn Fn(&'static str) -> &'static str| {
            let (name, id) = (slot.name.clone(), slot.generation.identity.id.clone());
            asked.push(Asked { name, id, decision: how(word(decision)) });
        };
        let (verdict, _) = self.walk(request, None, &mut |slot, decision| note(slot, decision, &|word| word)).await;
        for (shadow, request) in self.shadows.iter().zip(copies) {
            let tried = shadow.slot.ask(request).await;
            note(&shadow.slot, &tried, &would);
        }
        (verdict, asked)
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
