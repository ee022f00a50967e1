//! Problems of channels with history: what listeners that come back are not sent.

use super::{Problem, View, counted, mebibytes, within};
use crate::control::{History, Recent, RecentHistory};

/// The item of these problems: where the console shows it.
const ITEM: &str = "history";

pub(super) fn problems(history: &History, recent: &Recent) -> Vec<Problem> {
    let RecentHistory { gaps, evicted, not_recovered } = recent.history;
    let mut found = Vec::new();
    if gaps > 0 {
        let text = format!(
            "Listeners of channels with history were told of {} in {}, since no relay had these messages any more: look whether \
             a relay was killed, or links were cut for longer than what is kept.",
            counted(gaps, "gap"),
            within(recent)
        );
        found.push(Problem::warning("history_gaps", View::Now, text).about(ITEM));
    }
    if evicted > 0 && not_recovered > 0 {
        let text = format!(
            "{} that came back in {} could not be sent all that they had missed, while {} went before their time, since history \
             takes {} of {} (history_bytes): raise history_bytes, or lower `size` or `ttl` of an entry of `history`.",
            counted(not_recovered, "listener"),
            within(recent),
            counted(evicted, "message"),
            mebibytes(history.bytes),
            mebibytes(history.bytes_max)
        );
        found.push(Problem::warning("history_full", View::Now, text).about(ITEM));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(gaps: u64, evicted: u64, not_recovered: u64) -> Vec<Problem> {
        let history = History { bytes: 63 << 20, bytes_max: 64 << 20, ..History::default() };
        let lately = RecentHistory { gaps, evicted, not_recovered };
        problems(&history, &Recent { seconds: 60.0, history: lately, ..Recent::default() })
    }

    #[test]
    fn listeners_that_were_not_sent_all_are_a_problem_and_what_goes_before_its_time_alone_is_none() {
        // Who has been away for longer than what is kept is told so every day.
        assert_eq!([found(0, 9, 0), found(0, 0, 9)], [[], []]);
        let gaps = found(1, 0, 1).remove(0);
        assert!(gaps.id == "history_gaps" && gaps.text.contains("1 gap in the last 60 s"), "{gaps:?}");
        let full = found(0, 9, 2).remove(0);
        assert_eq!((full.id.as_str(), full.view, full.item.as_deref()), ("history_full", View::Now, Some(ITEM)));
        for part in ["2 listeners", "9 messages", "63.0 MiB of 64.0 MiB (history_bytes)"] {
            assert!(full.text.contains(part), "{part} is not in {full:?}");
        }
    }
}
