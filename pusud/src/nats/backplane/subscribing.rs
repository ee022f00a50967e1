//! Subscribing: what the relay's own clients listen to, and when they can be told that nothing will be missed.

use super::Backplane;
use crate::nats::barrier::{Answerer, Begun};
use crate::nats::queue::Kind;
use crate::nats::roster::{Relay, RelayId};
use crate::nats::server::command;
use crate::nats::wire;
use crate::routing::{Door, Ticket};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;
use tracing::{info, warn};

/// Up to so many relays all answer each barrier, and say how far they are; past it one at each server does.
const ALL_ANSWER_MAX: usize = 16;

impl<D: Door> Backplane<D> {
    /// The channel may have got or lost listeners here.
    pub(in crate::nats) fn changed(&mut self, channel: &str) {
        let is_there = self.interest.contains(channel);
        match self.door.has_listeners(channel) {
            true if !is_there => {
                let Some(sid) = self.interest.add(channel) else { return };
                let (subject, group) = (self.subjects.of_channel(channel), self.own_group());
                self.command(|out| command::subscribe(out, &subject, Some(&group), sid));
            }
            false if is_there => {
                let Some(sid) = self.interest.remove(channel) else { return };
                self.command(|out| command::unsubscribe(out, sid));
            }
            _ => {}
        }
    }

    /// Tells by the ticket when all publications of linked relays to the channel will come.
    pub(in crate::nats) fn settle(&mut self, channel: &str, ticket: Ticket, now: Instant) {
        self.changed(channel);
        let asked = self.interest.needs_barrier(channel).filter(|_| self.server.is_some());
        let Some(asked) = asked else { return self.door.settled(ticket) };
        let is_refused = self.interest.is_refused(asked.sid);
        self.barriers.ask(asked, ticket, now);
        if is_refused {
            self.hold_refused(now);
        }
        self.begin_barrier(now);
        self.to_tick.notify_one();
    }

    /// A command about a subscription, if there is a connection; each new one begins with all subscriptions.
    fn command(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.server.is_some() {
            let kind = if self.has_joined() { Kind::Ordered } else { Kind::Urgent };
            self.queue.write(kind, write);
            self.to_write.notify_one();
        }
    }

    /// Begins the next barrier, if it is time.
    pub(super) fn begin_barrier(&mut self, now: Instant) {
        self.hold_now();
        if !self.has_joined() || !self.barriers.may_begin(now) {
            return;
        }
        let (answerers, subjects) = self.answerers();
        let is_nobody = answerers.is_empty();
        let begun = self.barriers.begin(answerers, self.interest.epoch(), now);
        self.send_barrier(&begun, &subjects);
        if is_nobody {
            self.settle_waiting(now);
        }
    }

    /// Who has to answer a barrier, and where they are asked.
    fn answerers(&self) -> (BTreeSet<Answerer>, Vec<String>) {
        if self.roster.linked().count() <= ALL_ANSWER_MAX {
            let waited_for = self.roster.linked().filter(|(_, relay)| !relay.is_lagging);
            let is_any = self.roster.linked().next().is_some();
            let subjects = if is_any { vec![self.subjects.of_all()] } else { Vec::new() };
            return (waited_for.map(|(id, _)| Answerer::Relay(id)).collect(), subjects);
        }
        // Those that lag are asked where there is no other.
        let mut asked: BTreeMap<&str, &Relay> = BTreeMap::new();
        for (_, relay) in self.roster.linked() {
            let Some(about) = &relay.about else { continue };
            let chosen = asked.entry(&about.server).or_insert(relay);
            if chosen.is_lagging {
                *chosen = relay;
            }
        }
        let subjects = asked.values().map(|relay| self.subjects.of_relay(relay.boot, relay.connection)).collect();
        let waited_for = asked.into_iter().filter(|(_, relay)| !relay.is_lagging);
        (waited_for.map(|(server, _)| Answerer::Server(server.into())).collect(), subjects)
    }

    /// Asks all relays of the servers from which no answer has come for a while: the one that was asked may be gone.
    pub(super) fn ask_again(&mut self, now: Instant) {
        let Some((begun, servers)) = self.barriers.unanswered(now) else { return };
        let is_meant = |relay: &Relay| relay.about.as_ref().is_some_and(|about| servers.contains(&about.server));
        let meant = self.roster.linked().filter(|(_, relay)| is_meant(relay));
        let subjects: Vec<String> =
            meant.map(|(_, relay)| self.subjects.of_relay(relay.boot, relay.connection)).collect();
        self.send_barrier(&begun, &subjects);
    }

    /// Asks those that lag whether they have caught up: there may be no other question for long.
    pub(super) fn ask_lagging(&mut self, now: Instant) {
        let lagging = self.roster.linked().filter(|(_, relay)| relay.is_lagging);
        let subjects: Vec<String> =
            lagging.map(|(_, relay)| self.subjects.of_relay(relay.boot, relay.connection)).collect();
        if !subjects.is_empty()
            && self.has_joined()
            && let Some(begun) = self.barriers.probe(now)
        {
            self.send_barrier(&begun, &subjects);
        }
    }

    fn send_barrier(&mut self, begun: &Begun, subjects: &[String]) {
        let sender = self.sender();
        for subject in subjects {
            let channels = begun.subscriptions.iter().map(|asked| &*asked.channel);
            self.send(Kind::Ordered, subject, |out| wire::barrier(out, sender, begun.number, channels));
        }
    }

    /// Tells those that need not wait any more.
    pub(super) fn settle_waiting(&mut self, now: Instant) {
        self.hold_now();
        let settled = self.barriers.settle(self.server.is_none(), self.interest.epoch(), now);
        if self.server.is_some() {
            settled.subscriptions.iter().for_each(|asked| self.interest.settle(asked.sid));
        }
        for answerer in settled.lagging {
            self.lags(&answerer);
        }
        for ticket in settled.tickets {
            self.door.settled(ticket);
        }
        self.begin_barrier(now);
    }

    fn lags(&mut self, answerer: &Answerer) {
        for (id, relay) in self.roster.all_mut() {
            let is_meant = match answerer {
                Answerer::Relay(meant) => *meant == id,
                Answerer::Server(server) => relay.about.as_ref().is_some_and(|about| about.server == *server),
            };
            if is_meant && relay.linked.is_some() && !relay.is_lagging {
                relay.is_lagging = true;
                warn!(relay = %relay.shown(), "the relay answers subscriptions too slowly: `subscribe_ok` does not wait for it");
            }
        }
    }

    /// A relay has answered a barrier.
    pub(super) fn caught_up(&mut self, id: RelayId, number: u64, now: Instant) {
        if self.barriers.is_in_time(number, now)
            && let Some(relay) = self.roster.get_mut(id)
            && relay.is_lagging
        {
            relay.is_lagging = false;
            info!(relay = %relay.shown(), "the relay has caught up: `subscribe_ok` waits for it again");
            // Barriers have been passed without it.
            self.interest.unsettle_barriers();
            self.learn_numbers(id);
        }
    }
}
