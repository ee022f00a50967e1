//! A question that is settled: the verdict, who has given it, and what that one says beside it.

use super::super::verdict::Verdict;

/// What came of a question.
pub(in crate::authenticator) struct Settled<'a> {
    pub(in crate::authenticator) verdict: Verdict,
    /// The entry that has decided; `None`: all of them have had their turn.
    pub(in crate::authenticator) by: Option<&'a str>,
    /// What the plugin says beside its verdict, for the operator alone; printable, may be empty.
    pub(in crate::authenticator) detail: String,
}

impl Settled<'_> {
    /// By nobody, who has nothing to say.
    pub(in crate::authenticator) fn by_nobody(verdict: Verdict) -> Self {
        Self { verdict, by: None, detail: String::new() }
    }
}
