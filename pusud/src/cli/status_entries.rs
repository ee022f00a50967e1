//! The rows of `pusud status` about authenticators: the entries of a list, and what plugins count.

use pusud::authenticator::{Condition, DecisionCounts, TrialCounts, reason_or_none};
use pusud::control::AuthenticatorEntry;

/// One row for each entry, in their order; those that decide nothing last.
pub(super) fn rows(entries: &[AuthenticatorEntry]) -> Vec<String> {
    entries.iter().map(row).collect()
}

fn row(entry: &AuthenticatorEntry) -> String {
    let AuthenticatorEntry { name, id, version, decisions, failures, .. } = entry;
    let called = if name == id { format!("{id} {version}") } else { format!("{name}: {id} {version}") };
    let mut facts = vec![called.trim_end().to_owned()];
    facts.push(if entry.ready { "ready" } else { "NOT READY" }.to_owned());
    match &entry.condition {
        Condition::Good => {}
        Condition::Degraded(why) => facts.push(format!("degraded: {}", reason_or_none(why))),
        Condition::Bad(why) => facts.push(format!("BAD: {}", reason_or_none(why))),
    }
    if entry.if_unavailable_next {
        facts.push("goes on to the next one if unavailable".to_owned());
    }
    match &entry.trial {
        Some(trial) => facts.extend(compared(trial)),
        None => facts.push(decided(decisions)),
    }
    let failures = [
        (failures.timed_out, "timed out"),
        (failures.turned_away, "turned away"),
        (failures.failed, "failed"),
        (failures.late, "answered too late"),
        (failures.malformed, "malformed"),
        (failures.stuck_threads as u64, "hanging threads"),
        (failures.restarts, "restarts"),
    ];
    facts.extend(failures.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    facts.join(", ")
}

/// How often it has decided what.
pub(super) fn decided(decisions: &DecisionCounts) -> String {
    let DecisionCounts { granted, refused, abstained, unavailable } = decisions;
    format!("{granted} granted, {refused} refused, {abstained} abstained, {unavailable} unavailable")
}

/// What differs is named; what has never happened is left out.
fn compared(trial: &TrialCounts) -> Vec<String> {
    let mean = |sum: u64| sum as f64 / trial.compared.max(1) as f64 / 1000.0;
    let mut facts = vec![format!("shadow: {} of {} the same", trial.same, trial.compared)];
    let counts = [
        (trial.would_grant, "would be granted"),
        (trial.would_refuse, "would be refused"),
        (trial.unavailable, "could not be decided"),
        (trial.more, "with more permissions"),
        (trial.less, "with less permissions"),
        (trial.left_out, "left out"),
    ];
    facts.extend(counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    if trial.compared > 0 {
        let (own, theirs) = (mean(trial.microseconds), mean(trial.decided_microseconds));
        facts.push(format!("{own:.1} ms on average where deciding took {theirs:.1} ms"));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_row_and_a_shadow_says_what_differs() {
        let entry = AuthenticatorEntry {
            name: "users".into(),
            id: "A".into(),
            version: "1.0".into(),
            ready: true,
            decisions: DecisionCounts { granted: 3, abstained: 2, ..DecisionCounts::default() },
            ..AuthenticatorEntry::default()
        };
        assert_eq!(row(&entry), "users: A 1.0, ready, 3 granted, 0 refused, 2 abstained, 0 unavailable");
        let trial = TrialCounts {
            compared: 4,
            same: 3,
            would_refuse: 1,
            microseconds: 8000,
            decided_microseconds: 2000,
            ..TrialCounts::default()
        };
        let shadow = AuthenticatorEntry { name: "A".into(), shadow: true, trial: Some(trial), ready: false, ..entry };
        let wanted = "A 1.0, NOT READY, shadow: 3 of 4 the same, 1 would be refused, 2.0 ms on average where deciding took \
                      0.5 ms";
        assert_eq!(row(&shadow), wanted);
    }
}
