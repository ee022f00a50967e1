//! Metrics of channels with history, of a relay whose settings give some to any.

use super::names;
use super::writer::Writer;
use crate::control::{History, HistoryRule};

pub(super) fn write(writer: &mut Writer, history: &History) {
    type Figure = fn(&HistoryRule) -> usize;
    let by_rule: [(_, Figure); 3] = [
        (&names::HISTORY_LOGS, |rule| rule.logs),
        (&names::HISTORY_ENTRIES, |rule| rule.entries),
        (&names::HISTORY_BYTES, |rule| rule.bytes),
    ];
    for (metric, figure) in by_rule {
        let mut family = writer.family(metric);
        for rule in &history.rules {
            family.count(&[("rule", &rule.name)], figure(rule) as u64);
        }
    }
    writer.family(&names::HISTORY_MAX).count(&[], history.bytes_max as u64);
    writer.one(&names::HISTORY_OLDEST, history.oldest_seconds.unwrap_or(0.0));
    writer.family(&names::HISTORY_APPENDED).count(&[], history.appended);
    let mut evicted = writer.family(&names::HISTORY_EVICTED);
    let reasons = [("size", history.displaced), ("bytes", history.evicted), ("ttl", history.expired)];
    reasons.into_iter().for_each(|(reason, count)| evicted.count(&[("reason", reason)], count));
    writer.family(&names::HISTORY_FORGOTTEN).count(&[], history.forgotten);
    let mut recoveries = writer.family(&names::HISTORY_RECOVERIES);
    recoveries.count(&[("result", "recovered")], history.recovered);
    recoveries.count(&[("result", "lost")], history.not_recovered);
    writer.family(&names::HISTORY_REPLAYED).count(&[], history.replayed);
    writer.family(&names::HISTORY_GAPS).count(&[], history.gaps);
    writer.family(&names::HISTORY_FETCHED).count(&[], history.fetched);
    writer.family(&names::HISTORY_HOLES).count(&[], history.holes);
    writer.family(&names::HISTORY_LATE).count(&[], history.late);
}
