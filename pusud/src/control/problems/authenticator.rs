//! Problems of the authenticator.

use super::{Problem, View, counted, within};
use crate::authenticator::{Condition, reason_or_none};
use crate::control::{Recent, RecentFailures, Status};

pub(super) fn problems(status: &Status, recent: &Recent) -> Vec<Problem> {
    let authenticator = &status.authenticator;
    let id = &authenticator.id;
    let mut found = Vec::new();
    if !authenticator.ready {
        let text = format!(
            "The authenticator {id} is not ready, so nobody new is let in: the log says why; mend what it depends on, or \
             restart it with `pusud reload --new`."
        );
        found.push(Problem::error("authenticator_not_ready", View::Why, text).about(id));
    }
    match &authenticator.condition {
        Condition::Good => {}
        Condition::Degraded(why) => {
            let text = format!(
                "The authenticator {id} says that it is degraded ({}): mend what it names.",
                reason_or_none(why)
            );
            found.push(Problem::warning("authenticator_failing", View::Why, text).about(id));
        }
        Condition::Bad(why) => {
            let text = format!(
                "The authenticator {id} says that it is in a bad way ({}): mend what it names.",
                reason_or_none(why)
            );
            found.push(Problem::error("authenticator_failing", View::Why, text).about(id));
        }
    }
    let RecentFailures { timed_out, turned_away, failed, late, malformed, restarts, unavailable, .. } =
        recent.authenticator;
    let said_so = unavailable.saturating_sub(timed_out + turned_away + failed + malformed);
    let failures = [
        (timed_out, "not answered in time"),
        (turned_away, "turned away"),
        (failed, "failed"),
        (malformed, "answered against the rules"),
        (said_so, "answered that it cannot decide"),
    ];
    let failures: Vec<String> =
        failures.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !failures.is_empty() {
        let text = format!(
            "The authenticator {id} could not decide: of its questions in {} {}{}; look at the last decisions, and at what it \
             depends on.",
            within(recent),
            failures.join(", "),
            by_entry(recent)
        );
        let entry = recent.undecided.iter().max_by_key(|(_, count)| **count).map_or(id, |(name, _)| name);
        found.push(Problem::error("authenticator_failing", View::Why, text).about(entry));
    }
    if restarts > 0 {
        let text = format!(
            "The authenticator {id} was lost and replaced {} in {}: the log says how it ended.",
            counted(restarts, "time"),
            within(recent)
        );
        found.push(Problem::error("authenticator_failing", View::Why, text).about(id));
    }
    if late > 0 || authenticator.stuck_threads > 0 {
        let text = format!(
            "The authenticator {id} is slow: it has {}, and {} came too late in {}; see what it waits for.",
            counted(authenticator.stuck_threads as u64, "hanging thread"),
            counted(late, "answer"),
            within(recent)
        );
        found.push(Problem::warning("authenticator_slow", View::Why, text).about(id));
    }
    found
}

/// Which entries could not decide how often, where there are several.
fn by_entry(recent: &Recent) -> String {
    let entries: Vec<String> = recent.undecided.iter().map(|(name, count)| format!("{count} of {name}")).collect();
    if entries.is_empty() { String::new() } else { format!(" ({})", entries.join(", ")) }
}
