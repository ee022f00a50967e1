//! Clients that the relay itself has disconnected: the last ones of each reason, for an operator who comes when they are gone.
//!
//! **Invariant:** so many of each reason and no more, so that a flood of one reason leaves the others there.

use crate::protocol::{Disconnect, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many of one reason a shard remembers.
const OF_ONE_REASON: usize = 8;
/// How many the status has.
const SHOWN_MAX: usize = 100;

/// A client that is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedClient {
    /// When the relay disconnected it, in milliseconds since 1970.
    pub time_ms: u64,
    /// The close code.
    pub code: u16,
    /// The reason as the client was told it.
    pub reason: String,
    /// The client, as the log names it.
    pub address: String,
    /// As whom it was authorized; `None`: it was not, or nobody knows.
    pub subject: Option<String>,
    /// The limit that it was past, by its key in the settings; `None`: it was not for a limit.
    #[serde(default)]
    pub limit: Option<String>,
}

/// The last ones of a shard, or of several.
#[derive(Debug, Clone, Default)]
pub struct Ended(HashMap<Disconnect, VecDeque<(usize, EndedClient)>>);

impl Ended {
    /// The client at this address is disconnected. `token` names it until it leaves.
    pub fn remember(&mut self, disconnect: Disconnect, token: usize, address: String) {
        // They all go, and whoever stops the relay knows why.
        if disconnect == Disconnect::GoingAway {
            return;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let client = EndedClient {
            time_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            code: disconnect.code(),
            reason: disconnect.reason().to_owned(),
            address,
            subject: None,
            limit: None,
        };
        let clients = self.0.entry(disconnect).or_default();
        if clients.len() == OF_ONE_REASON {
            clients.pop_front();
        }
        clients.push_back((token, client));
    }

    /// The client that `token` names was disconnected because it was past this limit.
    pub fn name_limit(&mut self, token: usize, limit: Refusal) {
        if let Some((_, client)) = self.last_of(token) {
            client.limit = Some(limit.key().to_owned());
        }
    }

    /// The client that `token` names leaves, and was authorized as `subject`. The token is another client's from here on.
    pub fn name(&mut self, token: usize, subject: Option<String>) {
        if let Some((named, client)) = self.last_of(token) {
            *named = 0;
            client.subject = subject;
        }
    }

    fn last_of(&mut self, token: usize) -> Option<&mut (usize, EndedClient)> {
        let mut clients = self.0.values_mut().flat_map(|clients| clients.iter_mut().rev());
        clients.find(|(named, _)| *named == token)
    }

    /// Fills in as whom those were authorized who have not left yet: `subject` knows it by their tokens.
    pub fn name_all(&mut self, subject: impl Fn(usize) -> Option<String>) {
        let unnamed = self.0.values_mut().flatten().filter(|(token, _)| *token != 0);
        unnamed.for_each(|(token, client)| client.subject = subject(*token));
    }

    /// Adds another shard's.
    pub fn add(&mut self, other: &Self) {
        for (&disconnect, clients) in &other.0 {
            self.0.entry(disconnect).or_default().extend(clients.iter().cloned());
        }
    }

    /// The last ones, the newest first.
    pub fn newest(&self) -> Vec<EndedClient> {
        let mut clients: Vec<EndedClient> = self.0.values().flatten().map(|(_, client)| client.clone()).collect();
        clients.sort_by_key(|client| std::cmp::Reverse(client.time_ms));
        clients.truncate(SHOWN_MAX);
        clients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_of_each_reason_are_remembered() {
        let mut ended = Ended::default();
        ended.remember(Disconnect::SlowConsumer, 1, "slow".into());
        ended.name_limit(1, Refusal::WriteDeadline);
        for number in 0..20 {
            ended.remember(Disconnect::LimitExceeded, 100 + number, format!("fast {number}"));
        }
        ended.remember(Disconnect::GoingAway, 2, "gone".into());
        // It is asked about before it has left.
        ended.name_all(|token| (token == 1).then(|| "alice".to_owned()));
        assert!(ended.newest().iter().any(|client| client.address == "slow" && client.subject.is_some()));
        ended.name(1, Some("alice".into()));
        ended.name_all(|_| None);
        // The token is given out anew.
        ended.name(1, Some("bob".into()));
        let mut other = Ended::default();
        other.remember(Disconnect::SlowConsumer, 1, "elsewhere".into());
        other.name(1, None);
        ended.add(&other);
        let newest = ended.newest();
        let of = |code| newest.iter().filter(move |client| client.code == code);
        assert_eq!(of(4503).count(), OF_ONE_REASON);
        assert!(of(4503).any(|client| client.address == "fast 19"), "{newest:?}");
        let slow: Vec<_> = of(4001).map(|client| (client.address.as_str(), client.subject.as_deref())).collect();
        assert!(slow.contains(&("slow", Some("alice"))) && slow.contains(&("elsewhere", None)), "{slow:?}");
        let limits: Vec<_> = of(4001).map(|client| client.limit.as_deref()).collect();
        assert!(limits.contains(&Some("write_deadline")) && limits.contains(&None), "{limits:?}");
        assert_eq!(newest.len(), OF_ONE_REASON + 2);
    }
}
