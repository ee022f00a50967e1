//! History, for people: the rows of `pusud status` about channels with history; what has never happened is left out.

use crate::cli::columns::bytes;
use pusud::config::format_duration;
use pusud::control::{History, HistoryRule};
use std::time::Duration;

/// The rows about it.
pub(super) fn of_status(history: &History) -> Vec<(&'static str, String)> {
    let mut rows = vec![("history", sums(history))];
    // One entry has the same figures as all.
    let rules = history.rules.iter().filter(|_| history.rules.len() > 1);
    rows.extend(rules.map(|rule| ("  entry", of_rule(rule))));
    let came_back = [
        (history.recovered, "got all that they had missed"),
        (history.not_recovered, "were told that something is LOST"),
        (history.replayed, "messages sent to them and to those who began with the newest"),
    ];
    rows.extend(listed(&came_back).map(|said| ("  came back", said)));
    let happened = [
        (history.appended, "taken in"),
        (history.displaced, "displaced by newer ones (size)"),
        (history.expired, "too old (ttl)"),
        (history.evicted, "gone before their time (history_bytes)"),
    ];
    rows.extend(listed(&happened).map(|said| ("  messages", said)));
    let between_relays = [
        (history.holes, "runs of messages missing now"),
        (history.fetched, "messages fetched"),
        (history.late, "came too late or twice"),
        (history.gaps, "GAPS told to listeners"),
    ];
    rows.extend(listed(&between_relays).map(|said| ("  other relays", said)));
    rows.extend(listed(&[(history.forgotten, "forgotten, since nobody used them")]).map(|said| ("  channels", said)));
    rows
}

fn sums(history: &History) -> String {
    let History { logs, entries, bytes: taken, bytes_max, oldest_seconds, .. } = history;
    let oldest = oldest_seconds.map_or_else(String::new, |seconds| format!(", the oldest for {}", time(seconds)));
    let [taken, most] = [taken, bytes_max].map(|amount| bytes(*amount as f64));
    format!("{entries} messages of {logs} channels are kept{oldest}; {taken} of at most {most}")
}

fn of_rule(rule: &HistoryRule) -> String {
    let HistoryRule { name, size, ttl_seconds, logs, entries, bytes: taken, .. } = rule;
    let taken = bytes(*taken as f64);
    format!("{name}: {entries} messages of {logs} channels, {taken}; at most {size} each, for {}", time(*ttl_seconds))
}

/// In whole seconds, where it is longer than one.
pub(in crate::cli) fn time(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    format_duration(if seconds < 1.0 { time } else { Duration::from_secs(time.as_secs()) })
}

fn listed(counts: &[(u64, &str)]) -> Option<String> {
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let list = counts.collect::<Vec<_>>().join(", ");
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str) -> HistoryRule {
        HistoryRule {
            name: name.into(),
            size: 9,
            ttl_seconds: 90.0,
            logs: 1,
            entries: 2,
            bytes: 2048,
            ..HistoryRule::default()
        }
    }

    #[test]
    fn what_has_happened_is_told_and_nothing_else() {
        let mut history = History { rules: vec![rule("bids")], bytes_max: 64 << 20, ..History::default() };
        let kept = "0 messages of 0 channels are kept; 0 B of at most 64.0 MiB".to_owned();
        assert_eq!(of_status(&history), [("history", kept)]);
        history.rules.push(rule("history[1]"));
        (history.not_recovered, history.gaps, history.oldest_seconds) = (2, 3, Some(61.7));
        let rows = of_status(&history);
        let is = |at: usize, label: &str, part: &str| {
            let (said, row) = &rows[at];
            assert!(*said == label && row.contains(part), "{rows:#?}");
        };
        is(0, "history", "the oldest for 1m 1s");
        is(1, "  entry", "bids: 2 messages of 1 channels, 2.0 KiB; at most 9 each, for 1m 30s");
        is(2, "  entry", "history[1]: ");
        is(3, "  came back", "2 were told that something is LOST");
        is(4, "  other relays", "3 GAPS told");
        assert_eq!(rows.len(), 5);
        (history.appended, history.displaced, history.expired, history.evicted) = (9, 4, 3, 2);
        let rows = of_status(&history);
        let gone =
            "9 taken in, 4 displaced by newer ones (size), 3 too old (ttl), 2 gone before their time (history_bytes)";
        assert_eq!(rows[4], ("  messages", gone.to_owned()));
    }
}
