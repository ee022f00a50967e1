//! Words for a token that is not accepted: a reason that its holder may read, and what the log says in addition.
//!
//! **Invariant:** both are made of texts of this source and of names that the operator has written; nothing of a token is in
//! them.

use crate::token::Refusal;
use std::fmt::Display;

/// Why a token is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) reason: Refusal,
    /// Which claim it is, and what was expected of it; empty where the reason says all.
    pub(crate) detail: String,
}

/// The reason for whatever is wrong with the shape of a claim.
const MALFORMED: Refusal = "a claim is malformed";

impl Denied {
    /// For this reason; `claim` is the one that it is about, and `what` what is wrong with it.
    pub(crate) fn by(reason: Refusal, claim: impl Display, what: impl Display) -> Self {
        Self { reason, detail: format!("{claim}: {what}") }
    }

    /// The claim is not what it should be.
    pub(crate) fn malformed(claim: impl Display, expected: impl Display) -> Self {
        Self::by(MALFORMED, claim, format_args!("expected {expected}"))
    }

    /// The claims as a whole are not.
    pub(crate) fn no_claims() -> Self {
        Self { reason: MALFORMED, detail: "the payload: expected an object of claims, each name once".to_owned() }
    }
}

impl From<Refusal> for Denied {
    fn from(reason: Refusal) -> Self {
        Self { reason, detail: String::new() }
    }
}
