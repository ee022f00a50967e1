//! The operator's hand: connections are ended and authorizations taken back, here and at the linked relays, and what was
//! decided last is shown.
//!
//! **Invariant:** whoever asks is told what is done and what is not known to be done, and no more than a second later than
//! the slowest of this relay's own parts.

use crate::authenticator::{Decision, Decisions, Filter};
use crate::config::format_duration;
use crate::control::lists::Lists;
use crate::revocation::{Entry, Revocations, Saving, Whom};
use crate::routing::{Event, InboxSender, Item, Kick, Order, OrderNews, Tally};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tracing::info;

/// How long shards and linked relays may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// What an operator may have done in a relay that serves.
pub struct Operator {
    inboxes: Vec<InboxSender>,
    network: Option<InboxSender<Event>>,
    revocations: Arc<Revocations>,
    saving: Option<Saving>,
    decisions: Arc<Decisions>,
    lists: Arc<Lists>,
}

/// What has become of an order at one linked relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtRelay {
    /// The relay's name.
    pub relay: String,
    /// What was done there: so many connections were ended, or so many clients were authorized by what is revoked.
    pub connections: Option<u64>,
    /// Why it is not known to be done there.
    pub problem: Option<String>,
}

/// Connections have been ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kicked {
    /// So many here; `None`: not all shards have answered.
    pub connections: Option<u64>,
    /// The linked relays, if they were told.
    pub relays: Vec<AtRelay>,
}

/// A revocation holds, or is lifted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// When it ends, in milliseconds since 1970; 0: when it is lifted.
    pub until_ms: u64,
    /// So many clients were authorized by it here; `None`: not all shards have answered.
    pub connections: Option<u64>,
    /// Whether it outlives a restart of this relay; `None`: there is no `revocations_file`.
    pub is_saved: Option<bool>,
    /// Why it could not be saved.
    pub save_problem: Option<String>,
    /// The linked relays.
    pub relays: Vec<AtRelay>,
}

/// A revocation that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Whose authorizations.
    pub whom: Whom,
    /// When it was made, in milliseconds since 1970.
    pub since_ms: u64,
    /// When it ends, in milliseconds since 1970; 0: when it is lifted.
    pub until_ms: u64,
    /// It revokes nothing: it is a hash that was made under a key which the relay does not have any more.
    #[serde(default)]
    pub is_void: bool,
}

/// Decisions that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Whether any are remembered at all.
    pub is_on: bool,
    /// How many there are that fit.
    pub count: usize,
    /// The last ones of these, the oldest first.
    pub decisions: Vec<Decision>,
}

impl Operator {
    /// Of the relay with these shards and this network. `saving`: what keeps revocations over a restart.
    pub fn new(
        inboxes: Vec<InboxSender>,
        network: Option<InboxSender<Event>>,
        revocations: Arc<Revocations>,
        saving: Option<Saving>,
        decisions: Arc<Decisions>,
        lists: Arc<Lists>,
    ) -> Self {
        Self { inboxes, network, revocations, saving, decisions, lists }
    }

    /// What makes lists of clients and channels, and tails.
    pub fn lists(&self) -> &Arc<Lists> {
        &self.lists
    }

    /// Ends connections, here or in the whole network.
    ///
    /// # Errors
    /// There can be no such clients, or not at other relays: what is wrong.
    pub async fn kick(&self, kick: &Kick, network: bool) -> Result<Kicked, String> {
        kick.check_reach(network).map_err(|error| error.to_string())?;
        let target = kick.target(&self.revocations).map_err(|error| format!("{error:#}"))?;
        let (done, count) = oneshot::channel();
        let tally = Tally::new(move |count| {
            // Nobody waits any more after a second.
            let _ = done.send(count);
        });
        for inbox in &self.inboxes {
            inbox.send(Item::Kick(target.clone(), tally.clone()));
        }
        drop(tally);
        let deadline = Instant::now() + ANSWER_WITHIN;
        let (here, relays) = tokio::join!(timeout_at(deadline, count), async {
            if network { self.order(Order::Kick(kick.clone()), deadline).await } else { Vec::new() }
        });
        let connections = here.ok().and_then(Result::ok);
        info!(whom = %kick, connections, network, "connections ended by the operator");
        Ok(Kicked { connections, relays })
    }

    /// Takes authorizations back, here and at all linked relays.
    ///
    /// # Errors
    /// There can be nobody like that, or there is no room for one more.
    pub async fn revoke(&self, whom: Whom, lasting: Option<Duration>) -> Result<Revoked, String> {
        whom.check().map_err(|error| format!("{error:#}"))?;
        if self.revocations.is_of_nothing(&whom) {
            return Err("this is the hash of an empty authorization, which everybody sends who is known by something else, such \
                        as a cookie or a certificate: revoke the subject"
                .to_owned());
        }
        if self.revocations.is_void(&whom) {
            return Err("this hash was made under a key that this relay does not have: ask a relay whose `pusud decisions` shows \
                        it now, or revoke the subject"
                .to_owned());
        }
        // Ends are counted in milliseconds: anything less is none at all.
        if lasting.is_some_and(|lasting| lasting.as_millis() == 0) {
            return Err("expected a time that is longer than nothing, a millisecond or more".to_owned());
        }
        let (done, count) = oneshot::channel();
        let tell = move |count| {
            // Nobody waits any more after a second.
            let _ = done.send(count);
        };
        let (number, Entry { until_ms, .. }) =
            self.revocations.revoke(whom.clone(), lasting, tell).map_err(|no_room| no_room.to_string())?;
        let lasting = lasting.map_or_else(|| "until it is lifted".to_owned(), format_duration);
        let deadline = Instant::now() + ANSWER_WITHIN;
        let (count, spread) = tokio::join!(timeout_at(deadline, count), self.spread(&whom, number, deadline));
        let connections = count.ok().and_then(Result::ok);
        info!(%whom, lasting, connections, "authorizations revoked by the operator");
        Ok(Revoked { until_ms, connections, ..spread })
    }

    /// Lifts a revocation, here and at all linked relays.
    ///
    /// # Errors
    /// There is none.
    pub async fn lift(&self, whom: &Whom) -> Result<Revoked, String> {
        let number = self.revocations.lift(whom);
        let number = number.ok_or_else(|| format!("{whom} is not revoked; `pusud revocations` lists who is"))?;
        info!(%whom, "revocation lifted by the operator");
        Ok(self.spread(whom, number, Instant::now() + ANSWER_WITHIN).await)
    }

    /// Waits until a change of the revocations is saved, and until `deadline` for the linked relays to know it.
    async fn spread(&self, whom: &Whom, number: u64, deadline: Instant) -> Revoked {
        let saved = async {
            match &self.saving {
                Some(saving) => Some(saving.finish().await),
                None => None,
            }
        };
        let told = async {
            if self.revocations.is_for_others(whom) {
                return self.order(Order::Revocations(number), deadline).await;
            }
            let problem = "not told: the hash was made under this relay's own key, which no other relay has; with a \
                           `network_key_file` all show the same hash"
                .to_owned();
            let others = AtRelay { relay: "other relays".to_owned(), connections: None, problem: Some(problem) };
            self.network.iter().map(|_| others.clone()).collect()
        };
        let (saved, relays) = tokio::join!(saved, told);
        let is_saved = saved.as_ref().map(Result::is_ok);
        Revoked { is_saved, save_problem: saved.and_then(Result::err), relays, ..Revoked::default() }
    }

    /// All revocations that hold.
    pub fn revocations(&self) -> Vec<Revocation> {
        let revocation = |Entry { whom, stamp, until_ms, .. }| {
            let is_void = self.revocations.is_void(&whom);
            Revocation { whom, since_ms: stamp.time_ms, until_ms, is_void }
        };
        self.revocations.list().into_iter().map(revocation).collect()
    }

    /// What was decided last.
    ///
    /// # Errors
    /// There can be no such address.
    pub fn decisions(&self, filter: &Filter) -> Result<Found, String> {
        let (decisions, count) = self.decisions.find(filter).map_err(|error| format!("{error:#}"))?;
        Ok(Found { is_on: self.decisions.is_on(), count, decisions })
    }

    /// Has the linked relays told, and waits for their answers until `deadline`.
    async fn order(&self, order: Order, deadline: Instant) -> Vec<AtRelay> {
        let Some(network) = &self.network else { return Vec::new() };
        let (reply, mut news) = mpsc::unbounded_channel();
        network.send(Event::Order(order, reply));
        let mut relays = Vec::new();
        // It ends when the network has let go of the last of the senders.
        loop {
            match timeout_at(deadline, news.recv()).await {
                Ok(Some(news)) => take_in(&mut relays, news),
                Ok(None) => break,
                Err(_) if relays.is_empty() => {
                    let problem = "this relay's network has not answered within a second".to_owned();
                    return vec![AtRelay {
                        relay: "all linked relays".to_owned(),
                        connections: None,
                        problem: Some(problem),
                    }];
                }
                Err(_) => break,
            }
        }
        relays.sort_by(|one, other| one.relay.cmp(&other.relay));
        relays
    }
}

fn take_in(relays: &mut Vec<AtRelay>, news: OrderNews) {
    let (relay, connections, problem) = match news {
        OrderNews::Sent(relay) => (relay, None, Some("has not answered within a second")),
        OrderNews::TooOld(relay) => (relay, None, Some("runs an earlier version, which knows no such order")),
        OrderNews::NoRoom(relay) => (relay, None, Some("has no room for one more revocation")),
        OrderNews::UnknownKey(relay) => {
            (relay, None, Some("does not have the key that the hash was made under, so that nothing is revoked there"))
        }
        OrderNews::Done(relay, connections) => (relay, Some(connections), None),
    };
    relays.retain(|known| known.relay != relay);
    relays.push(AtRelay { relay, connections, problem: problem.map(str::to_owned) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Admission;
    use crate::protocol::Limits;

    #[test]
    fn the_last_word_of_a_relay_counts() {
        let mut relays = Vec::new();
        for news in [
            OrderNews::Sent("a".into()),
            OrderNews::Sent("b".into()),
            OrderNews::TooOld("c".into()),
            OrderNews::Done("a".into(), 3),
            OrderNews::NoRoom("b".into()),
            OrderNews::UnknownKey("d".into()),
        ] {
            take_in(&mut relays, news);
        }
        let said: Vec<_> = relays.iter().map(|at| (at.relay.as_str(), at.connections, at.problem.is_some())).collect();
        assert_eq!(said, [("c", None, true), ("a", Some(3), false), ("b", None, true), ("d", None, true)]);
    }

    #[tokio::test]
    async fn a_time_in_which_nothing_would_hold_is_an_error() {
        let revocations = Arc::new(Revocations::default());
        let admission = Admission::new(0, &Limits::default(), &[]);
        let lists = Lists::new(Vec::new(), None, revocations.clone(), Box::new(Default::default), admission, 0);
        let decisions = Arc::new(Decisions::new(0));
        let operator = Operator::new(Vec::new(), None, revocations.clone(), None, decisions, Arc::new(lists));
        let revoke = |lasting| operator.revoke(Whom::Subject("alice".into()), Some(lasting));
        for none in [Duration::ZERO, Duration::from_nanos(1), Duration::from_micros(999)] {
            assert!(revoke(none).await.unwrap_err().contains("a millisecond or more"), "{none:?}");
        }
        assert_eq!(revocations.last(), 0);
        assert!(revoke(Duration::from_secs(60)).await.is_ok());
    }
}
