//! History in the status of a relay and in its lists: how much is kept, what has happened to it, and a channel's newest
//! publications.
//!
//! **Invariant:** fields are only ever added; contents are shown to operators alone, and a bounded part of each.

use crate::history::{self, Counts, Logs, Sum};
use crate::routing::ChannelHistory;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// The most of a content that is shown, in bytes.
const CONTENT_BYTES_SHOWN: usize = 1000;
/// The most publications of a channel that are shown at once.
pub const PUBLICATIONS_SHOWN_MAX: usize = 200;

/// What there is of channels with history. Counters run since the relay's start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// Channels of which something is kept.
    pub logs: usize,
    /// Publications that are kept.
    pub entries: usize,
    /// What all of it takes, in bytes.
    pub bytes: usize,
    /// The most that it may take: `history_bytes`.
    pub bytes_max: usize,
    /// For how long the oldest publication has been kept, in seconds; `None`: there is none.
    pub oldest_seconds: Option<f64>,
    /// Each entry of `history` in the settings.
    pub rules: Vec<HistoryRule>,
    /// Publications that were taken in, of whatever relay.
    pub appended: u64,
    /// Publications whose place newer ones of their channel have taken: `size`.
    pub displaced: u64,
    /// Publications that went before their time because of `history_bytes`.
    pub evicted: u64,
    /// Publications that were too old.
    pub expired: u64,
    /// Listeners that came back and were sent all that they had missed.
    pub recovered: u64,
    /// Listeners that came back and were told that something is lost.
    pub not_recovered: u64,
    /// Publications that listeners were sent afterwards.
    pub replayed: u64,
    /// Gaps that listeners were told of: what no relay had any more.
    pub gaps: u64,
    /// Publications that were missing here and came from other relays.
    pub fetched: u64,
    /// Publications that came too late or twice, and were dropped.
    pub late: u64,
    /// Channels of which nothing is remembered any more, since nobody used them.
    pub forgotten: u64,
    /// Runs of publications that are missing here at the moment, and that other relays are asked for.
    pub holes: u64,
}

/// One entry of `history` in the settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HistoryRule {
    /// Its `for`, or `history[0]` by its place.
    pub name: String,
    /// The patterns of its channels.
    pub channels: Vec<String>,
    /// Publications of one channel at most.
    pub size: u32,
    /// For how long at most, in seconds.
    pub ttl_seconds: f64,
    /// Channels of which something is kept.
    pub logs: usize,
    /// Publications that are kept.
    pub entries: usize,
    /// What they take, in bytes.
    pub bytes: usize,
}

/// The newest publications of a channel with history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// The channel.
    pub channel: String,
    /// What there is of it; `None`: it has no history.
    pub history: Option<ChannelHistory>,
    /// Its newest publications, the newest first.
    pub publications: Vec<KeptPublication>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptPublication {
    /// How long ago its relay accepted it, in milliseconds.
    pub age_ms: u64,
    /// The relay that accepted it; `None`: nobody knows, as of relays that give no numbers.
    pub relay: Option<String>,
    /// Its number: of one start of one relay, each publication of the channel has the next one.
    pub number: u64,
    /// Its JSON text, or the beginning of that.
    pub content: String,
    /// The length of the whole text, in bytes.
    pub content_bytes: usize,
}

/// How history is in a relay, which has so many holes.
pub(super) fn of_relay(logs: &Logs, holes: u64) -> History {
    let sums = logs.sums();
    let rules = sums.iter().enumerate().map(|(place, sum)| {
        let rule = &logs.settings().rules[place];
        HistoryRule {
            name: rule.shown(place),
            channels: rule.channels.iter().map(|pattern| pattern.to_string()).collect(),
            size: rule.size,
            ttl_seconds: rule.ttl.as_secs_f64(),
            logs: sum.logs,
            entries: sum.entries,
            bytes: sum.bytes,
        }
    });
    let rules = rules.collect();
    let all: Sum = sums.into_iter().sum();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    // Without `..`, so that a counter that is forgotten here does not compile.
    let Counts {
        appended,
        displaced,
        evicted,
        expired,
        recovered,
        replayed,
        not_recovered,
        gaps,
        fetched,
        late,
        forgotten,
    } = logs.counts();
    History {
        logs: all.logs,
        entries: all.entries,
        bytes: all.bytes,
        bytes_max: logs.settings().bytes_max,
        oldest_seconds: seconds(all),
        rules,
        appended: count(appended),
        displaced: count(displaced),
        evicted: count(evicted),
        expired: count(expired),
        recovered: count(recovered),
        not_recovered: count(not_recovered),
        replayed: count(replayed),
        gaps: count(gaps),
        fetched: count(fetched),
        late: count(late),
        forgotten: count(forgotten),
        holes,
    }
}

/// What there is of a channel; `None`: it has no history.
pub(super) fn of_channel(logs: &Logs, channel: &str) -> Option<ChannelHistory> {
    let place = logs.settings().place_of(channel)?;
    let rule = &logs.settings().rules[place];
    // Whoever looks makes no log.
    let sum = logs.find(channel).map(|log| log.sum(logs.now())).unwrap_or_default();
    Some(ChannelHistory {
        rule: rule.shown(place),
        size: rule.size,
        ttl_seconds: rule.ttl.as_secs_f64(),
        entries: sum.entries,
        bytes: sum.bytes,
        oldest_seconds: seconds(sum),
    })
}

/// The newest publications of a channel, at most so many.
pub(super) fn newest(logs: &Logs, channel: &str, last: usize) -> Vec<KeptPublication> {
    let Some(log) = logs.find(channel) else { return Vec::new() };
    let shown = |entry: history::Entry| KeptPublication {
        age_ms: u64::try_from(entry.age_ms).unwrap_or(0),
        relay: logs.boots().name(entry.origin).map(String::from),
        number: entry.number,
        content: beginning(&entry.content).to_owned(),
        content_bytes: entry.content.len(),
    };
    log.newest(last, logs.now()).into_iter().map(shown).collect()
}

fn seconds(sum: Sum) -> Option<f64> {
    sum.oldest_ms.map(|ms| ms.max(0) as f64 / 1000.0)
}

fn beginning(content: &str) -> &str {
    let mut end = content.len().min(CONTENT_BYTES_SHOWN);
    while !content.is_char_boundary(end) {
        end -= 1;
    }
    &content[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Origin, Rule, Settings};
    use std::time::Duration;

    #[test]
    fn a_channel_is_shown_with_its_rule_and_the_beginnings_of_its_newest_contents() {
        let rule = |pattern: &str, name: Option<&str>| Rule {
            channels: vec![pattern.into()],
            size: 2,
            ttl: Duration::from_secs(90),
            name: name.map(Into::into),
        };
        let settings = Settings { rules: vec![rule("a.*", Some("bids")), rule("b", None)], bytes_max: 1 << 20 };
        let (own, now) = (Origin::of_boot(&[7; 16]), |logs: &Logs| logs.now());
        let logs = Logs::new(settings, own, 1);
        logs.boots().call(own, "r1");
        assert_eq!(of_channel(&logs, "c"), None);
        let nothing = of_channel(&logs, "b").unwrap();
        assert_eq!((nothing.rule.as_str(), nothing.size, nothing.entries, logs.len()), ("history[1]", 2, 0, 0));
        let long = format!("\"{}\"", "ä".repeat(1000));
        let log = logs.log("a.1", now(&logs)).unwrap();
        log.publish(0, ["1", &*long, "3"].into_iter(), now(&logs), &mut Vec::new(), |_, _, _| {});
        log.receive_next(own.unnumbered(), ["4".into()].into_iter(), now(&logs), &mut Vec::new(), |_, _, _| {});
        let shown = newest(&logs, "a.1", 9);
        assert_eq!((shown.len(), shown[0].content.as_str(), shown[0].relay.as_deref()), (2, "4", None));
        assert_eq!((shown[1].number, shown[1].relay.as_deref()), (3, Some("r1")));
        assert_eq!(newest(&logs, "a.1", 1).len(), 1);
        log.publish(0, [&*long].into_iter(), now(&logs), &mut Vec::new(), |_, _, _| {});
        let shown = newest(&logs, "a.1", 1).remove(0);
        assert_eq!((shown.content_bytes, shown.content.len()), (2002, 999), "no letter is cut");
        let relay = of_relay(&logs, 3);
        assert_eq!((relay.entries, relay.rules[0].entries, relay.rules[0].name.as_str()), (2, 2, "bids"));
        assert_eq!((relay.appended, relay.holes, relay.bytes_max), (5, 3, 1 << 20));
        assert_eq!((relay.displaced, relay.evicted, relay.expired), (3, 0, 0), "its size is 2");
    }
}
