//! Metrics of the authenticator, or of each in a list.

use super::names;
use super::writer::{Family, Writer};
use crate::authenticator::{Condition, TrialCounts};
use crate::control::{Authenticator, AuthenticatorEntry, Failures, Status};
use std::borrow::Cow;

pub(super) fn write(writer: &mut Writer, status: &Status) {
    writer.one_histogram(&names::AUTHORIZE, &status.times.authorize);
    writer.family(&names::AUTHENTICATORS_READY).is(&[], status.authenticator.ready);
    let entries = entries(&status.authenticator);
    let mut info = writer.family(&names::AUTHENTICATOR);
    for entry in entries.iter() {
        let shadow = if entry.shadow { "true" } else { "false" };
        info.is(&[("entry", &entry.name), ("id", &entry.id), ("version", &entry.version), ("shadow", shadow)], true);
    }
    of_each(&entries, writer.family(&names::AUTHENTICATOR_READY), |entry| entry.ready.into());
    conditions(writer, &entries);
    of_each(&entries, writer.family(&names::GENERATION), |entry| entry.generation.into());
    of_each(&entries, writer.family(&names::QUEUED), |entry| entry.queued as u64);
    of_each(&entries, writer.family(&names::STUCK), |entry| entry.failures.stuck_threads as u64);
    decisions(writer, &entries);
    failures(writer, &entries);
    of_each(&entries, writer.family(&names::RESTARTS), |entry| entry.failures.restarts);
    shadows(writer, &entries);
}

/// Each entry; what the settings have without a list is one, called as its plugin is.
fn entries(all: &Authenticator) -> Cow<'_, [AuthenticatorEntry]> {
    if !all.entries.is_empty() {
        return Cow::Borrowed(&all.entries);
    }
    Cow::Owned(vec![AuthenticatorEntry {
        name: all.id.clone(),
        id: all.id.clone(),
        version: all.version.clone(),
        ready: all.ready,
        queued: all.queued,
        condition: all.condition.clone(),
        generation: all.generation,
        failures: Failures {
            timed_out: all.timed_out,
            turned_away: all.turned_away,
            failed: all.failed,
            late: all.late,
            malformed: all.malformed,
            stuck_threads: all.stuck_threads,
            restarts: all.restarts,
        },
        decisions: all.decisions,
        durations: all.durations.clone(),
        ..AuthenticatorEntry::default()
    }])
}

fn of_each(entries: &[AuthenticatorEntry], mut family: Family<'_>, value: impl Fn(&AuthenticatorEntry) -> u64) {
    for entry in entries {
        family.count(&[("entry", &entry.name)], value(entry));
    }
}

fn conditions(writer: &mut Writer, entries: &[AuthenticatorEntry]) {
    let mut family = writer.family(&names::CONDITION);
    for entry in entries {
        let now = match entry.condition {
            Condition::Good => "good",
            Condition::Degraded(_) => "degraded",
            Condition::Bad(_) => "bad",
        };
        for state in ["good", "degraded", "bad"] {
            family.is(&[("entry", &entry.name), ("state", state)], state == now);
        }
    }
}

fn decisions(writer: &mut Writer, entries: &[AuthenticatorEntry]) {
    let mut family = writer.family(&names::DECISIONS);
    for entry in entries {
        let counts = &entry.decisions;
        for (decision, count) in [
            ("granted", counts.granted),
            ("refused", counts.refused),
            ("abstained", counts.abstained),
            ("unavailable", counts.unavailable),
        ] {
            family.count(&[("entry", &entry.name), ("decision", decision)], count);
        }
    }
    let mut family = writer.family(&names::DECISION_SECONDS);
    for entry in entries {
        let durations = &entry.durations;
        family.histogram(&[("entry", &entry.name)], &durations.bounds, &durations.counts, durations.sum);
    }
}

fn failures(writer: &mut Writer, entries: &[AuthenticatorEntry]) {
    let mut family = writer.family(&names::FAILURES);
    for entry in entries {
        let Failures { timed_out, turned_away, failed, late, malformed, .. } = entry.failures;
        for (kind, count) in [
            ("timed_out", timed_out),
            ("turned_away", turned_away),
            ("failed", failed),
            ("late", late),
            ("malformed", malformed),
        ] {
            family.count(&[("entry", &entry.name), ("kind", kind)], count);
        }
    }
}

fn shadows(writer: &mut Writer, entries: &[AuthenticatorEntry]) {
    let mut family = writer.family(&names::SHADOW);
    for (name, trial) in entries.iter().filter_map(|entry| Some((&entry.name, entry.trial?))) {
        let TrialCounts { compared, same, would_grant, would_refuse, unavailable, .. } = trial;
        let TrialCounts { more, less, slower, left_out, undecided, .. } = trial;
        for (result, count) in [
            ("compared", compared),
            ("same", same),
            ("would_grant", would_grant),
            ("would_refuse", would_refuse),
            ("unavailable", unavailable),
            ("more", more),
            ("less", less),
            ("slower", slower),
            ("left_out", left_out),
            ("undecided", undecided),
        ] {
            family.count(&[("entry", name), ("result", result)], count);
        }
    }
}
