//! Presence of other relays: who is there, who has come and who has gone.

use super::Backplane;
use super::garbage::Taken;
use super::lines::Cause;
use crate::nats::barrier::Answerer;
use crate::nats::queue::Kind;
use crate::nats::roster::{Heard, Relay, RelayId};
use crate::nats::wire::{self, About, Header, Presence};
use crate::routing::Door;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{info, warn};

/// Time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long after a connection has begun a goodbye may come of a relay of which nothing else has.
const UNKNOWN_GOODBYES: Duration = Duration::from_secs(60);
/// Least time between two warnings that others can bring about.
const WARN_PAUSE: Duration = Duration::from_secs(1);

impl<D: Door> Backplane<D> {
    /// A relay says what it is.
    pub(super) fn receive_presence(&mut self, header: Header, presence: Presence, about: About, now: Instant) -> Taken {
        if about.network != self.identity.network {
            return Err(format!("what the relay {} of another network ({}) says", about.name, about.network).into());
        }
        let is_namesake = about.name == self.identity.name;
        if is_namesake || !self.is_within_reach(&about) {
            let aside = if is_namesake { None } else { self.roster.set_aside(header.boot) };
            match aside {
                // Servers may learn one after the other that their cluster is called otherwise.
                Some(id) => self.not_waited_for(id, now),
                // It may have published before it has said its name.
                None => self.roster.refuse(header.boot).into_iter().for_each(|id| self.forget(id, now)),
            }
            if is_namesake {
                self.namesake(header, now);
            } else {
                self.elsewhere(&about, now);
            }
            return Ok(());
        }
        let (is_stopping, heartbeat) = (about.is_stopping, about.heartbeat);
        let (id, heard, replaced) = self.roster.heard(header, about, presence == Presence::Heartbeat, now);
        if let Some(replaced) = replaced {
            self.forget(replaced, now);
        }
        let Some(id) = id else {
            return if heard == Heard::Full { Err("more relays than can be".into()) } else { Ok(()) };
        };
        if heartbeat == 0 {
            // It publishes nothing before its first one.
            self.interest.begins(id, 0);
        }
        if matches!(heard, Heard::Linked | Heard::Moved) {
            // Its server may not know of all that is listened to here.
            self.interest.unsettle_barriers();
        }
        if heard == Heard::Moved {
            self.retain_servers();
        }
        if heard == Heard::Linked {
            self.learn_numbers(id);
        }
        self.begin_with(id, heard, is_stopping, now);
        if heard == Heard::Moved || presence == Presence::Join {
            self.tell_history_again(id);
        }
        let subject = self.subjects.of_relay(header.boot, header.connection);
        match presence {
            Presence::Join => self.say_to(Presence::Welcome, &subject),
            Presence::Welcome => self.joined_with(id, now),
            // It has not asked over this way, or the question was lost.
            Presence::Heartbeat if matches!(heard, Heard::Linked | Heard::Moved) => {
                self.say_to(Presence::Join, &subject);
            }
            Presence::Heartbeat => {}
        }
        self.resume_all(now);
        self.to_tick.notify_one();
        Ok(())
    }

    /// Begins with a relay what is to be said to it alone, or begins anew what it may lack.
    fn begin_with(&mut self, id: RelayId, heard: Heard, is_stopping: bool, now: Instant) {
        let relay = self.roster.get(id).expect("it was heard");
        match heard {
            Heard::Same => {}
            _ if !self.lines.may(Cause::Relays, now) => {}
            Heard::Linked if !is_stopping => info!(relay = %relay.shown(), "linked over NATS"),
            Heard::Moved => info!(relay = %relay.shown(), "the relay has another connection to NATS"),
            Heard::Gap => info!(relay = %relay.shown(), "heartbeats of the relay are missing"),
            _ => {}
        }
        match heard {
            Heard::Linked | Heard::Moved if !is_stopping => self.converse_with(id),
            // Whatever it has told meanwhile may be missing too.
            Heard::Gap => self.begin_next_conversation(id),
            _ => {}
        }
        if heard == Heard::Linked {
            self.compare_lengths(id);
        }
        self.begin_history(id);
    }

    /// Another relay has this relay's name.
    fn namesake(&mut self, header: Header, now: Instant) {
        self.figures.namesakes += 1;
        let text = match header.boot > self.boot {
            true => {
                "a relay that has started later has this relay's name: other relays do not hear this one; give each a `name` of its own"
            }
            false => "another relay has this relay's name, and is not heard any more; give each a `name` of its own",
        };
        if !self.is_known_error(text, now) && self.lines.may(Cause::Namesake, now) {
            warn!(name = %self.identity.name, boot = %header.boot, "{text}");
            self.remember_error(text.to_owned(), now);
        }
    }

    /// Whether something that others can repeat without end may be said in the log now; the status counts it.
    pub(in crate::nats) fn may_warn(&mut self, now: Instant) -> bool {
        let may = self.warned.is_none_or(|warned| warned + WARN_PAUSE <= now);
        self.warned = if may { Some(now) } else { self.warned };
        may
    }

    /// Whether a relay is at a server of the same cluster, or at the same one where that has none.
    fn is_within_reach(&self, about: &About) -> bool {
        let Some(server) = &self.server else { return false };
        let cluster = server.info.cluster();
        *about.cluster == *cluster && (!cluster.is_empty() || *about.server == *server.info.server_id)
    }

    /// A relay is at a server of another cluster: between the two no barrier holds.
    fn elsewhere(&mut self, about: &About, now: Instant) {
        self.figures.other_clusters += 1;
        let text = format!(
            "relay {} is at a NATS server of another cluster ({}), and is not linked: relays reach each other within one cluster, \
             and neither over gateways nor over leaf nodes",
            about.name,
            if about.cluster.is_empty() { "one without a name" } else { &about.cluster }
        );
        if !self.is_known_error(&text, now) && self.lines.may(Cause::OtherCluster, now) {
            warn!("{text}");
            self.remember_error(text, now);
        }
    }

    /// A relay stops as planned.
    pub(super) fn receive_goodbye(&mut self, header: Header, now: Instant) -> Taken {
        let since = self.server.as_ref().map(|server| server.since);
        let id = match self.known(header) {
            // It may be one that was there before this relay was.
            Err(_) if since.is_none_or(|since| now < since + UNKNOWN_GOODBYES) => return Ok(()),
            known => known?,
        };
        let Some(id) = id else { return Ok(()) };
        if let Some(relay) = self.roster.get(id).filter(|relay| relay.linked.is_some())
            && self.lines.may(Cause::Relays, now)
        {
            info!(relay = %relay.shown(), "the relay has stopped as planned");
        }
        self.roster.stopped(id);
        self.end_history(id, true);
        self.not_waited_for(id, now);
        Ok(())
    }

    /// Looks who has not been heard for too long.
    pub(super) fn look_for_silent(&mut self, now: Instant) {
        let Some(hears_since) = self.hears_since(now) else { return };
        for id in self.roster.fallen_silent(hears_since, now) {
            if let Some(relay) = self.roster.get(id)
                && self.lines.may(Cause::Relays, now)
            {
                warn!(relay = %relay.shown(), "nothing has been heard of the relay for 3 s");
            }
            self.not_waited_for(id, now);
        }
        let mut forgotten: BTreeSet<RelayId> = self.roster.take_forgotten().into_iter().collect();
        forgotten.extend(self.roster.forget_old(now));
        self.interest.forget(&forgotten);
        forgotten.into_iter().for_each(|id| self.not_waited_for(id, now));
    }

    /// Another start has taken its place, or it has long been gone.
    fn forget(&mut self, id: RelayId, now: Instant) {
        self.interest.forget(&[id].into());
        self.not_waited_for(id, now);
    }

    fn not_waited_for(&mut self, id: RelayId, now: Instant) {
        self.end_conversation(id);
        self.end_history(id, false);
        self.barriers.gone(&Answerer::Relay(id));
        self.retain_servers();
        self.joined_with(id, now);
        self.settle_waiting(now);
    }

    /// A server that no linked relay is at any more, since all are gone or have moved, is not waited for.
    fn retain_servers(&mut self) {
        let roster = &self.roster;
        let is_at = |relay: &Relay, server: &str| relay.about.as_ref().is_some_and(|about| *about.server == *server);
        self.barriers.retain_servers(|server| roster.linked().any(|(_, relay)| is_at(relay, server)));
    }

    /// Sends a heartbeat, if it is time.
    pub(super) fn beat(&mut self, now: Instant) {
        if self.beat_due().is_none_or(|due| due > now) {
            return;
        }
        self.heartbeat += 1;
        self.heartbeat_at = now + HEARTBEAT;
        // In order with the publications before it: what was published since a heartbeat is known by that.
        self.say(Presence::Heartbeat, Kind::Ordered, &self.subjects.of_all());
        self.tell_links();
    }

    /// When the next heartbeat is due.
    pub(super) fn beat_due(&self) -> Option<Instant> {
        // None follows on goodbye.
        (self.has_joined() && !self.is_stopping).then_some(self.heartbeat_at)
    }

    /// Says goodbye behind everything that waits. Nothing is published any more.
    pub(in crate::nats) fn stop(&mut self) {
        self.is_stopping = true;
        if !self.drain_history() {
            self.say_goodbye();
        }
        self.to_write.notify_one();
    }

    pub(super) fn say_goodbye(&mut self) {
        let sender = self.sender();
        self.send(Kind::Ordered, &self.subjects.of_all(), |out| wire::goodbye(out, sender));
    }
}
