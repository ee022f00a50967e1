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
