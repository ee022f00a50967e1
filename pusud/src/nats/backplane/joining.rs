//! Joining: from a new connection until all relays that were known have answered over it.

use super::{ALL_SID, Backplane, HISTORY_SID, RELAY_SID, Server};
use crate::nats::queue::Kind;
use crate::nats::roster::RelayId;
use crate::nats::server::{Info, command};
use crate::nats::servers::Way;
use crate::nats::wire::{self, Presence};
use crate::routing::Door;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{info, warn};

/// How often the question is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// How long relays are waited for.
const WAIT: Duration = Duration::from_secs(1);
/// Least time between two warnings that there is no connection.
const DIAL_WARN_PAUSE: Duration = Duration::from_secs(60);
/// How long answers are waited for where nobody is known.
const LOOK_ROUND: Duration = Duration::from_millis(250);

/// A relay that joins.
pub(super) struct Joining {
    began: Instant,
    asked: Instant,
    /// Relays that were there and have not answered.
    left: BTreeSet<RelayId>,
    /// Nobody was known when it began.
    is_first: bool,
}

impl<D: Door> Backplane<D> {
    /// There is a connection to a server.
    pub(in crate::nats) fn connected(&mut self, way: Way, info: Info, now: Instant) {
        self.connection += 1;
        let encryption = way.encryption.as_deref().unwrap_or("none");
        info!(
            server = %way.server,
            address = %way.address,
            name = %info.server_name,
            version = %info.version,
            encryption,
            "connected to NATS"
        );
        self.server = Some(Server {
            way,
            info,
            since: now,
            round_trip: None,
            pinged: None,
            refusals: 0,
            heard: now,
            hears_since: now,
        });
        self.look_at_payload_limit();
        // Also what was subscribed to while there was no connection.
        self.interest.unsettle();
        self.subscribe_all();
        let left: BTreeSet<RelayId> = self.roster.linked().map(|(id, _)| id).collect();
        let is_first = left.is_empty();
        left.iter().for_each(|id| self.converse_with(*id));
        self.joining = Some(Joining { began: now, asked: now, left, is_first });
        // Each of them says how far its channels are, since some of it may have been lost meanwhile.
        for (_, relay) in self.roster.all_mut() {
            relay.linked = relay.linked.map(|_| now);
            if let Some(heartbeat) = relay.about.as_ref().map(|about| about.heartbeat) {
                relay.resume_since(heartbeat);
            }
        }
        // And of channels that were subscribed to meanwhile nothing is known yet.
        let all: Vec<RelayId> = self.roster.all().map(|(id, _)| id).collect();
        all.into_iter().for_each(|id| self.learn_numbers(id));
        self.say(Presence::Join, Kind::Urgent, &self.subjects.of_all());
        if self.is_stopping && self.is_drained() {
            // What it has said over another connection counts no more, or was dropped with that.
            self.say_goodbye();
        }
        self.to_tick.notify_one();
    }

    /// The connection has ended, or there could be none: `reason` says why.
    pub(in crate::nats) fn disconnected(&mut self, reason: String, now: Instant) {
        if let Some(server) = self.server.take() {
            warn!(server = %server.way.server, reason, "the connection to NATS has ended; other relays are not reached");
            self.figures.disconnects += 1;
            (self.alone_since, self.dial_warned) = (now, None);
        } else if self.dial_warned.is_none_or(|warned| warned + DIAL_WARN_PAUSE <= now) {
            warn!(reason, "cannot connect to NATS; trying again");
            self.dial_warned = Some(now);
        }
        self.remember_error(reason, now);
        self.forget_connection(now);
    }

    /// Another connection takes the place of the one that there is, since its server is about to stop.
    pub(in crate::nats) fn moves(&mut self, now: Instant) {
        if let Some(server) = self.server.take() {
            info!(server = %server.way.server, "the NATS server is about to stop, and the relay moves to another one");
            self.figures.disconnects += 1;
            (self.alone_since, self.dial_warned) = (now, None);
        }
        self.forget_connection(now);
    }

    fn forget_connection(&mut self, now: Instant) {
        self.joining = None;
        self.queue.disconnected();
        self.answers.clear();
        self.interest.unsettle();
        self.end_all_history();
        self.settle_waiting(now);
    }

    fn subscribe_all(&mut self) {
        let group = self.own_group();
        let (all, relay) = (self.subjects.of_all(), self.subjects.of_relay(self.boot, self.connection));
        let Self { queue, interest, subjects, history, .. } = self;
        queue.write(Kind::Urgent, |out| {
            command::subscribe(out, &all, Some(&group), ALL_SID);
            command::subscribe(out, &relay, Some(&group), RELAY_SID);
            if history.is_some() {
                command::subscribe(out, &subjects.of_history(), Some(&group), HISTORY_SID);
            }
            for (channel, sid) in interest.all() {
                command::subscribe(out, &subjects.of_channel(channel), Some(&group), sid);
            }
        });
    }

    /// Says what this relay is to another one, which has asked or is not known.
    pub(super) fn say_to(&mut self, presence: Presence, subject: &str) {
        let (sender, about) = (self.sender(), self.about());
        self.answer(Kind::Urgent, subject, |out| wire::presence(out, sender, presence, &about));
    }

    /// Says what this relay is.
    pub(super) fn say(&mut self, presence: Presence, kind: Kind, subject: &str) {
        let (sender, about) = (self.sender(), self.about());
        self.send(kind, subject, |out| wire::presence(out, sender, presence, &about));
    }

    /// A relay has answered, or is gone.
    pub(super) fn joined_with(&mut self, id: RelayId, now: Instant) {
        if let Some(joining) = &mut self.joining {
            joining.left.remove(&id);
            self.join_on(now);
        }
    }

    /// Asks again, or ends the joining.
    pub(super) fn join_on(&mut self, now: Instant) {
        let Some(joining) = &mut self.joining else { return };
        let is_over = joining.began + WAIT <= now
            || joining.left.is_empty() && (!joining.is_first || joining.began + LOOK_ROUND <= now);
        if is_over {
            for id in std::mem::take(&mut joining.left) {
                if let Some(relay) = self.roster.get(id) {
                    info!(relay = %relay.shown(), "the relay has not answered since this one has another connection");
                }
            }
            self.joining = None;
            // What has waited for this leaves, also where the relay stops and has nothing more to say.
            self.to_write.notify_one();
            self.beat(now);
            self.resume_all(now);
            self.begin_barrier(now);
            self.converse();
        } else if joining.asked + ASK_AGAIN <= now {
            joining.asked = now;
            self.say(Presence::Join, Kind::Urgent, &self.subjects.of_all());
        }
    }

    /// When something has to be done about it.
    pub(super) fn joining_due(&self) -> Option<Instant> {
        let joining = self.joining.as_ref()?;
        let end = joining.began + if joining.is_first && joining.left.is_empty() { LOOK_ROUND } else { WAIT };
        Some(end.min(joining.asked + ASK_AGAIN))
    }
}
