//! Growth of what is counted: the difference of two statuses of one relay.

use crate::control::{Disconnects, History, Messages, Status};
use crate::routing::{NatsStatus, PeerStatus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What has grown between two statuses of the same relay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recent {
    /// In how many seconds.
    pub seconds: f64,
    /// Connections that were let in.
    pub accepted: u64,
    /// Connections that the relay has ended.
    pub disconnects: Vec<Disconnects>,
    /// What was refused, by limit; those that have grown.
    pub refusals: BTreeMap<String, u64>,
    /// Messages that went through.
    pub messages: Messages,
    /// What went wrong with the authenticator.
    pub authenticator: RecentFailures,
    /// Questions that an entry of the authenticator could not decide, by its name; those where that was so.
    pub undecided: BTreeMap<String, u64>,
    /// Messages that were lost on the way to or from other relays, by relay; those that have lost some.
    pub lost: BTreeMap<String, u64>,
    /// Log lines that were lost.
    pub lost_log_lines: u64,
    /// What went wrong with NATS; zero where that is not the backplane.
    pub nats: RecentNats,
    /// What went wrong with history; zero where no channel has any.
    pub history: RecentHistory,
}

/// What went wrong with history meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecentHistory {
    /// Gaps that listeners were told of.
    pub gaps: u64,
    /// Publications that went before their time because of `history_bytes`.
    pub evicted: u64,
    /// Listeners that came back and were told that something is lost.
    pub not_recovered: u64,
}

/// What went wrong with NATS meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecentNats {
    /// Messages that were not given to it, since too much waited.
    pub dropped: u64,
    /// Messages that were not, since it takes none as long.
    pub too_large: u64,
    /// Messages at the network's subjects that no relay of it has sent.
    pub garbage: u64,
    /// Times that it has refused something.
    pub refusals: u64,
    /// Times that another relay of this relay's name was heard.
    pub namesakes: u64,
    /// Times that a relay at a server of another cluster was heard.
    pub other_clusters: u64,
}

/// What went wrong with the authenticator meanwhile, and whether it decided at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecentFailures {
    /// Calls that were not answered in time.
    pub timed_out: u64,
    /// Calls that were turned away at once.
    pub turned_away: u64,
    /// Calls that it failed or forgot to answer.
    pub failed: u64,
    /// Answers that came too late or twice.
    pub late: u64,
    /// Answers that broke the rules.
    pub malformed: u64,
    /// Instances or processes of it that were lost and replaced.
    pub restarts: u64,
    /// Questions that it could not decide, for one of these reasons or because it said so.
    pub unavailable: u64,
    /// Questions that it decided: it granted or refused.
    pub decided: u64,
}

/// Questions without a decision, and no other ones, that mean that nobody would be let in.
const UNDECIDED_MIN: u64 = 3;

impl RecentFailures {
    /// Whether it was asked several times and has decided nothing. A single question says nothing: a stranger may have sent
    /// what nobody can decide.
    pub fn decides_nothing(&self) -> bool {
        self.unavailable >= UNDECIDED_MIN && self.decided == 0
    }
}

impl Recent {
    /// What has grown from `before` to `now`, `seconds` later. Nothing where another process answers.
    pub fn between(before: &Status, now: &Status, seconds: f64) -> Self {
        if (before.pid, before.since) != (now.pid, now.since) {
            return Self { seconds, ..Self::default() };
        }
        let code = |row: &Disconnects| (row.code, row.reason.clone());
        let disconnects_before: BTreeMap<_, _> = before.disconnects.iter().map(|row| (code(row), row.count)).collect();
        let disconnects = now.disconnects.iter().filter_map(|row| {
            let count = grown(disconnects_before.get(&code(row)).copied().unwrap_or(0), row.count);
            (count > 0).then(|| Disconnects { count, ..row.clone() })
        });
        let lost_before = losses(before);
        Self {
            seconds,
            accepted: grown(before.connections.accepted, now.connections.accepted),
            disconnects: disconnects.collect(),
            refusals: all_grown(&before.refusals, &now.refusals),
            messages: messages(&before.messages, &now.messages),
            authenticator: failures(before, now),
            undecided: all_grown(&undecided(before), &undecided(now)),
            lost: all_grown(&lost_before, &losses(now)),
            lost_log_lines: grown(before.lost_log_lines, now.lost_log_lines),
            nats: nats(before.nats.as_ref(), now.nats.as_ref()),
            history: history(before.history.as_ref(), now.history.as_ref()),
        }
    }
}

/// What is less than before began anew.
fn grown(before: u64, now: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

fn all_grown(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let grown = |(key, count): (&String, &u64)| {
        let count = grown(before.get(key).copied().unwrap_or(0), *count);
        (count > 0).then(|| (key.clone(), count))
    };
    now.iter().filter_map(grown).collect()
}

fn messages(before: &Messages, now: &Messages) -> Messages {
    // Without `..`, so that a field that is forgotten here does not compile.
    let Messages { published, published_bytes, delivered, delivered_bytes, dropped, dropped_bytes } = *now;
    Messages {
        published: grown(before.published, published),
        published_bytes: grown(before.published_bytes, published_bytes),
        delivered: grown(before.delivered, delivered),
        delivered_bytes: grown(before.delivered_bytes, delivered_bytes),
        dropped: grown(before.dropped, dropped),
        dropped_bytes: grown(before.dropped_bytes, dropped_bytes),
    }
}

/// A new generation counts anew.
fn failures(before: &Status, now: &Status) -> RecentFailures {
    let (before, now) = (&before.authenticator, &now.authenticator);
    RecentFailures {
        timed_out: grown(before.timed_out, now.timed_out),
        turned_away: grown(before.turned_away, now.turned_away),
        failed: grown(before.failed, now.failed),
        late: grown(before.late, now.late),
        malformed: grown(before.malformed, now.malformed),
        restarts: grown(before.restarts, now.restarts),
        unavailable: grown(before.decisions.unavailable, now.decisions.unavailable),
        decided: grown(before.decisions.granted, now.decisions.granted)
            .saturating_add(grown(before.decisions.refused, now.decisions.refused)),
    }
}

fn nats(before: Option<&NatsStatus>, now: Option<&NatsStatus>) -> RecentNats {
    let (Some(before), Some(now)) = (before, now) else { return RecentNats::default() };
    RecentNats {
        dropped: grown(before.dropped, now.dropped),
        too_large: grown(before.too_large, now.too_large),
        garbage: grown(before.garbage, now.garbage),
        refusals: grown(before.refusals, now.refusals),
        namesakes: grown(before.namesakes, now.namesakes),
        other_clusters: grown(before.other_clusters, now.other_clusters),
    }
}

fn history(before: Option<&History>, now: Option<&History>) -> RecentHistory {
    let (Some(before), Some(now)) = (before, now) else { return RecentHistory::default() };
    RecentHistory {
        gaps: grown(before.gaps, now.gaps),
        evicted: grown(before.evicted, now.evicted),
        not_recovered: grown(before.not_recovered, now.not_recovered),
    }
}

/// By entry; those that decide nothing and are only compared do not count.
fn undecided(status: &Status) -> BTreeMap<String, u64> {
    let entries = status.authenticator.entries.iter().filter(|entry| !entry.shadow);
    entries.map(|entry| (entry.name.clone(), entry.decisions.unavailable)).collect()
}

fn losses(status: &Status) -> BTreeMap<String, u64> {
    let lost = |relay: &PeerStatus| {
        let traffic = &relay.traffic;
        // Others can name numbers as large as they like.
        let lost = [traffic.dropped, traffic.too_large, traffic.lost, traffic.missed, traffic.gaps];
        Some((relay.name.clone().or_else(|| relay.address.clone())?, lost.into_iter().fold(0, u64::saturating_add)))
    };
    let mut all = BTreeMap::<_, u64>::new();
    for (relay, lost) in status.relays.iter().filter(|relay| relay.same_as.is_none()).filter_map(lost) {
        let sum = all.entry(relay).or_default();
        *sum = sum.saturating_add(lost);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Traffic;

    #[test]
    fn what_has_grown_and_nothing_of_another_process() {
        let slow = |count| Disconnects { code: 4001, reason: "slow consumer".into(), count };
        let before = Status { pid: 1, disconnects: vec![slow(3)], lost_log_lines: 1, ..Status::default() };
        let mut now = Status { disconnects: vec![slow(5)], lost_log_lines: 1, ..before.clone() };
        now.refusals.insert("publish_rate".into(), 4);
        now.messages.published = 10;
        now.connections.accepted = 7;
        now.authenticator.timed_out = 2;
        now.authenticator.decisions.unavailable = 3;
        let nats = |garbage| Some(NatsStatus { garbage, refusals: 1, ..NatsStatus::default() });
        let before = Status { nats: nats(2), ..before };
        now.nats = nats(6);
        let history = |gaps| Some(History { gaps, evicted: 1, ..History::default() });
        let before = Status { history: history(1), ..before };
        now.history = history(4);
        let recent = Recent::between(&before, &now, 2.0);
        assert!(recent.authenticator.decides_nothing());
        assert_eq!((recent.disconnects.as_slice(), recent.accepted), (&[slow(2)][..], 7));
        assert_eq!((recent.refusals.get("publish_rate"), recent.messages.published), (Some(&4), 10));
        assert_eq!((recent.authenticator.timed_out, recent.lost_log_lines), (2, 0));
        assert_eq!(recent.nats, RecentNats { garbage: 4, ..RecentNats::default() });
        assert_eq!(recent.history, RecentHistory { gaps: 3, ..RecentHistory::default() });
        let other = Status { pid: 2, ..now };
        assert_eq!(Recent::between(&before, &other, 2.0), Recent { seconds: 2.0, ..Recent::default() });
    }

    /// A message that a stranger has numbered.
    #[test]
    fn losses_beyond_what_can_be_counted_do_no_harm() {
        let relay = |name: &str, missed| PeerStatus {
            name: Some(name.into()),
            traffic: Traffic { missed, too_large: 5, ..Traffic::default() },
            ..PeerStatus::default()
        };
        let before = Status::default();
        let now = Status { relays: vec![relay("a", u64::MAX), relay("a", 3), relay("b", 1)], ..before.clone() };
        let lost = Recent::between(&before, &now, 1.0).lost;
        assert_eq!((lost["a"], lost["b"]), (u64::MAX, 6));
    }
}
