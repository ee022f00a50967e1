//! The audit log: who has changed something through the operations port, from where, what, and what came of it.
//!
//! Its lines are written whatever the level of the log is, and none of them is left out.

use super::caller::Caller;
use std::fmt::Display;
use tracing::info;

/// Writes a line. `whom`: whom or what it is about, if anything.
pub(super) fn audit(who: &dyn Display, caller: Caller, what: &str, whom: Option<&str>, result: &str) {
    info!(target: "pusud::audit", %who, from = %caller.peer, whom, result, "operator: {what}");
}
