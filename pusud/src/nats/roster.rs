//! Roster: the other relays of the network, as they are heard, each start of one by itself.
//!
//! Values without messages. **Invariant:** of two starts with one name the later one has the place.

use crate::nats::wire::{About, Header};
use crate::peers::BootId;
use crate::routing::Traffic;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// A relay of which nothing was heard for so long is down.
pub(super) const SILENT: Duration = Duration::from_secs(3);
/// How long one that is down is shown.
const SHOWN: Duration = Duration::from_secs(3600);
/// Most relays that are known at a time; strangers could name ever new ones.
pub(super) const RELAYS_MAX: usize = 1024;

/// One start of a relay, by a number of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RelayId(pub u64);

/// All relays that are known.
#[derive(Default)]
pub(super) struct Roster {
    relays: BTreeMap<RelayId, Relay>,
    by_boot: HashMap<BootId, RelayId>,
    /// The one that was asked for last.
    last: Option<(BootId, RelayId)>,
    given: u64,
}

/// One start of a relay.
#[derive(Debug)]
pub(super) struct Relay {
    /// Which one.
    pub boot: BootId,
    /// Its connection to NATS.
    pub connection: u32,
    /// What it says of itself; `None`: nothing yet, though it has published.
    pub about: Option<About>,
    /// When something was heard of it.
    pub heard: Instant,
    /// Since when it is linked; `None`: it is down.
    pub linked: Option<Instant>,
    /// Subscriptions do not wait for it: it has not answered in time.
    pub is_lagging: bool,
    /// It is to say how far its channels are.
    pub resume: Option<Resume>,
    /// Messages.
    pub traffic: Traffic,
    /// Heartbeats that did not come.
    pub heartbeats_missed: u64,
    /// It was asked to say what it is, since it has published without that.
    pub is_asked: bool,
}

/// A question that a relay has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resume {
    /// About what it has published to since this heartbeat; 0: about everything.
    pub since: u64,
    /// When it was asked.
    pub asked: Option<Instant>,
    /// Pieces of the answer that have come.
    pub pieces: u32,
}

impl Resume {
    /// To be asked.
    pub(super) fn since(since: u64) -> Self {
        Self { since, asked: None, pieces: 0 }
    }
}

/// What a relay's presence has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing.
    Same,
    /// Some heartbeats before it did not come.
    Gap,
    /// It is linked now, and was not.
    Linked,
    /// It has another connection, or another server.
    Moved,
    /// It is an earlier start of a relay that is there: it is ignored.
    Replaced,
    /// There is no room for it.
    Full,
}

impl Roster {
    /// The relay that a message is of, which may be new; `None`: there is no room for one more.
    #[inline]
    pub(super) fn find_or_add(&mut self, header: Header, now: Instant) -> Option<RelayId> {
        if let Some((boot, id)) = self.last
            && boot == header.boot
        {
            return Some(id);
        }
        let id = match self.by_boot.get(&header.boot) {
            Some(id) => *id,
            None => self.add(header, now)?,
        };
        self.last = Some((header.boot, id));
        Some(id)
    }

    fn add(&mut self, Header { boot, connection }: Header, now: Instant) -> Option<RelayId> {
        if self.relays.len() >= RELAYS_MAX {
            return None;
        }
        self.given += 1;
        let id = RelayId(self.given);
        let relay = Relay {
            boot,
            connection,
            about: None,
            heard: now,
            linked: None,
            is_lagging: false,
            resume: None,
            traffic: Traffic::default(),
            heartbeats_missed: 0,
            is_asked: false,
        };
        self.relays.insert(id, relay);
        self.by_boot.insert(boot, id);
        Some(id)
    }

    /// A relay says what it is. Gives which one it is, what that changes, and an earlier start that it takes the place of.
    pub(super) fn heard(
        &mut self,
        header: Header,
        about: About,
        now: Instant,
    ) -> (Option<RelayId>, Heard, Option<RelayId>) {
        let same_name =
            self.relays.iter().find(|(_, relay)| relay.boot != header.boot && relay.name() == Some(&about.name));
        let other = same_name.map(|(id, relay)| (*id, relay.boot, relay.traffic));
        if other.is_some_and(|(_, boot, _)| boot > header.boot) {
            return (None, Heard::Replaced, None);
        }
        let Some(id) = self.find_or_add(header, now) else { return (None, Heard::Full, None) };
        if let Some((old, ..)) = other {
            self.remove(old);
        }
        let relay = self.relays.get_mut(&id).expect("it was found");
        if let Some((_, _, traffic)) = other {
            relay.inherit(traffic);
        }
        (Some(id), relay.is_heard(header, about, now), other.map(|(old, ..)| old))
    }

    /// The start of a relay with this number.
    pub(super) fn find(&self, boot: BootId) -> Option<(RelayId, &Relay)> {
        let id = self.by_boot.get(&boot)?;
        Some((*id, self.relays.get(id)?))
    }

    /// One of them.
    pub(super) fn get_mut(&mut self, id: RelayId) -> Option<&mut Relay> {
        self.relays.get_mut(&id)
    }

    /// One of them.
    pub(super) fn get(&self, id: RelayId) -> Option<&Relay> {
        self.relays.get(&id)
    }

    /// All, in the order in which they were first heard of.
    pub(super) fn all(&self) -> impl Iterator<Item = (RelayId, &Relay)> {
        self.relays.iter().map(|(id, relay)| (*id, relay))
    }

    /// All, to be changed.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = (RelayId, &mut Relay)> {
        self.relays.iter_mut().map(|(id, relay)| (*id, relay))
    }

    /// Those that are there.
    pub(super) fn linked(&self) -> impl Iterator<Item = (RelayId, &Relay)> {
        self.all().filter(|(_, relay)| relay.linked.is_some())
    }

    /// The relay is down: it has said so, or was not heard for long.
    pub(super) fn down(&mut self, id: RelayId) {
        if let Some(relay) = self.relays.get_mut(&id) {
            (relay.linked, relay.is_lagging) = (None, false);
        }
    }

    /// Those that have been silent for too long, and are down from now on.
    pub(super) fn fallen_silent(&mut self, now: Instant) -> Vec<RelayId> {
        let silent = |relay: &Relay| relay.linked.is_some() && relay.heard + SILENT <= now;
        let ids: Vec<RelayId> = self.all().filter(|(_, relay)| silent(relay)).map(|(id, _)| id).collect();
        ids.iter().for_each(|id| self.down(*id));
        ids
    }

    /// Those that have been down for so long that nobody wants to know; they are gone.
    pub(super) fn forget_old(&mut self, now: Instant) -> Vec<RelayId> {
        let shown = |relay: &Relay| if relay.about.is_some() { SHOWN } else { 10 * SILENT };
        let is_old = |relay: &Relay| relay.linked.is_none() && relay.heard + shown(relay) <= now;
        let ids: Vec<RelayId> = self.all().filter(|(_, relay)| is_old(relay)).map(|(id, _)| id).collect();
        ids.iter().for_each(|id| self.remove(*id));
        ids
    }

    fn remove(&mut self, id: RelayId) {
        if let Some(relay) = self.relays.remove(&id) {
            self.by_boot.remove(&relay.boot);
            self.last = None;
        }
    }
}

impl Relay {
    /// Its name, if it has said it.
    pub(super) fn name(&self) -> Option<&str> {
        self.about.as_ref().map(|about| &*about.name)
    }

    /// How it is called in the log.
    pub(super) fn shown(&self) -> String {
        self.name().map_or_else(|| self.boot.to_string(), str::to_owned)
    }

    /// It has to say how far the channels are that it has published to since this heartbeat, or since an earlier one that it
    /// has to be asked about already.
    pub(super) fn resume_since(&mut self, heartbeat: u64) {
        let since = self.resume.map_or(heartbeat, |resume| resume.since.min(heartbeat));
        self.resume = Some(Resume::since(since));
    }

    fn inherit(&mut self, Traffic { received, missed, late, too_large, .. }: Traffic) {
        self.traffic.received += received;
        self.traffic.missed += missed;
        self.traffic.late += late;
        self.traffic.too_large += too_large;
    }

    fn is_heard(&mut self, header: Header, about: About, now: Instant) -> Heard {
        self.heard = now;
        let before = self.about.replace(about);
        let about = self.about.as_ref().expect("it was put in");
        let is_same_way = before.as_ref().is_some_and(|before| before.server == about.server);
        let moved = std::mem::replace(&mut self.connection, header.connection) != header.connection;
        let was_linked = self.linked.is_some();
        if !was_linked && !about.is_stopping {
            self.linked = Some(now);
        }
        let last = before.as_ref().map_or(about.heartbeat, |before| before.heartbeat);
        let missed = about.heartbeat.saturating_sub(last + 1);
        self.heartbeats_missed += missed;
        let has_moved = moved || (before.is_some() && !is_same_way);
        if before.is_some() && (missed > 0 || has_moved || !was_linked) {
            self.resume_since(last);
        }
        match () {
            () if !was_linked => Heard::Linked,
            () if has_moved => Heard::Moved,
            () if missed > 0 => Heard::Gap,
            () => Heard::Same,
        }
    }
}

#[cfg(test)]
mod tests;
