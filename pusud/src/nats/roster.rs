//! Roster: the other relays of the network, as they are heard, each start of one by itself.
//!
//! Values without messages. **Invariant:** of two starts with one name the later one has the place.

mod relay;

use relay::Losses;
pub(super) use relay::{Heard, Relay, Resume, Talked};

use crate::nats::wire::{About, Header};
use crate::peers::BootId;
use crate::routing::Traffic;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// A relay of which nothing was heard for so long is down.
pub(super) const SILENT: Duration = Duration::from_secs(3);
/// How long one that is down is shown.
const SHOWN: Duration = Duration::from_secs(3600);
/// How long one that has stopped as planned is shown.
const SHOWN_WHEN_STOPPED: Duration = Duration::from_secs(60);
/// Most relays that are known at a time; strangers could name ever new ones.
pub(super) const RELAYS_MAX: usize = 256;

/// How long after it is linked again a relay has asked how far all channels are.
const ASKED: Duration = Duration::from_secs(60);
/// Earlier starts that are remembered.
const REPLACED_MAX: usize = 64;

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
    /// Starts whose places others have taken: what comes late of them is not taken for that of one more relay.
    replaced: VecDeque<BootId>,
    forgotten: Vec<RelayId>,
}

impl Roster {
    /// The relay that a message is of, which may be new; `None`: there is no room for a stranger.
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
        if self.is_replaced(boot) || self.relays.len() >= RELAYS_MAX {
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
            is_refused: false,
            is_lagging: false,
            resume: None,
            traffic: Traffic::default(),
            losses: Losses::default(),
            talked: Talked::default(),
            asked: None,
        };
        self.relays.insert(id, relay);
        self.by_boot.insert(boot, id);
        Some(id)
    }

    /// Forgets a stranger, or else the one that was heard longest ago of those that are not linked, if there is no room.
    fn make_room(&mut self) {
        if self.relays.len() < RELAYS_MAX {
            return;
        }
        let down = self.relays.iter().filter(|(_, relay)| relay.linked.is_none());
        let oldest = down.min_by_key(|(_, relay)| (relay.about.is_some(), relay.heard));
        if let Some((id, is_known)) = oldest.map(|(id, relay)| (*id, relay.about.is_some())) {
            self.forgotten.extend(is_known.then_some(id));
            self.remove(id);
        }
    }

    /// Relays that were forgotten for others since this was last asked.
    pub(super) fn take_forgotten(&mut self) -> Vec<RelayId> {
        std::mem::take(&mut self.forgotten)
    }

    /// A relay says what it is. Gives which one it is, what that changes, and an earlier start that it takes the place of.
    pub(super) fn heard(
        &mut self,
        header: Header,
        about: About,
        is_heartbeat: bool,
        now: Instant,
    ) -> (Option<RelayId>, Heard, Option<RelayId>) {
        let same_name =
            self.relays.iter().find(|(_, relay)| relay.boot != header.boot && relay.name() == Some(&about.name));
        let other =
            same_name.map(|(id, relay)| (*id, relay.boot, (relay.traffic, relay.losses), relay.linked.is_some()));
        if other.is_some_and(|(_, boot, _, is_linked)| boot > header.boot && is_linked) {
            // It may have published before it has said its name.
            let before = self.by_boot.get(&header.boot).copied();
            self.replace(header.boot);
            return (None, Heard::Replaced, before);
        }
        if let Some((_, boot, ..)) = other {
            self.replace(boot);
        }
        // A clock may have been set back between two starts.
        self.replaced.retain(|boot| *boot != header.boot);
        let old = other.map(|(old, ..)| old);
        if !self.by_boot.contains_key(&header.boot) {
            self.make_room();
        }
        let Some(id) = self.find_or_add(header, now) else { return (None, Heard::Full, old) };
        let relay = self.relays.get_mut(&id).expect("it was found");
        if let Some((_, _, (traffic, losses), _)) = other {
            relay.inherit(traffic, losses);
        }
        (Some(id), relay.is_heard(header, about, is_heartbeat, now), old)
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

    /// Whether no relay can lack anything of what was said long ago: none is down, and none was a moment ago.
    pub(super) fn have_all_heard(&self, now: Instant) -> bool {
        let is_waited_for = |about: &About| !about.is_stopping;
        let known = self.relays.values().filter(|relay| relay.about.as_ref().is_some_and(is_waited_for));
        known.map(|relay| relay.linked).all(|linked| linked.is_some_and(|since| since + ASKED <= now))
    }

    /// The relay stops as planned.
    pub(super) fn stopped(&mut self, id: RelayId) {
        if let Some(about) = self.relays.get_mut(&id).and_then(|relay| relay.about.as_mut()) {
            about.is_stopping = true;
        }
        self.down(id);
    }

    /// The relay is down: it has said so, or was not heard for long.
    pub(super) fn down(&mut self, id: RelayId) {
        if let Some(relay) = self.relays.get_mut(&id) {
            (relay.linked, relay.is_lagging) = (None, false);
        }
    }

    /// Those that have been silent for too long, and are down from now on. What they have said is heard since `hears_since`.
    pub(super) fn fallen_silent(&mut self, hears_since: Instant, now: Instant) -> Vec<RelayId> {
        let silent = |relay: &Relay| relay.linked.is_some() && relay.heard.max(hears_since) + SILENT <= now;
        let ids: Vec<RelayId> = self.all().filter(|(_, relay)| silent(relay)).map(|(id, _)| id).collect();
        ids.iter().for_each(|id| self.down(*id));
        ids
    }

    /// Those that have been down for so long that nobody wants to know; they are gone.
    pub(super) fn forget_old(&mut self, now: Instant) -> Vec<RelayId> {
        let shown = |relay: &Relay| match &relay.about {
            None => 10 * SILENT,
            Some(about) if about.is_stopping => SHOWN_WHEN_STOPPED,
            Some(_) => SHOWN,
        };
        let is_old = |relay: &Relay| relay.linked.is_none() && relay.heard + shown(relay) <= now;
        let ids: Vec<RelayId> = self.all().filter(|(_, relay)| is_old(relay)).map(|(id, _)| id).collect();
        ids.iter().for_each(|id| self.remove(*id));
        ids
    }

    /// Nothing is taken of this start any more, until it says something of itself that is good. Gives what it was known by.
    pub(super) fn refuse(&mut self, boot: BootId) -> Option<RelayId> {
        let known = self.by_boot.get(&boot).copied();
        self.replace(boot);
        known
    }

    /// The same of one that is known and not where it can be reached: what was counted of it counts on if it is there again.
    /// `None`: it is not known.
    pub(super) fn set_aside(&mut self, boot: BootId) -> Option<RelayId> {
        let id = self.by_boot.get(&boot).copied()?;
        self.relays.get_mut(&id).filter(|relay| relay.about.is_some())?.is_refused = true;
        self.down(id);
        Some(id)
    }

    fn replace(&mut self, boot: BootId) {
        if let Some(id) = self.by_boot.get(&boot) {
            self.remove(*id);
        }
        if !self.is_replaced(boot) {
            self.replaced.truncate(REPLACED_MAX - 1);
            self.replaced.push_front(boot);
        }
    }

    /// Whether another start has taken the place of this one.
    pub(super) fn is_replaced(&self, boot: BootId) -> bool {
        self.replaced.contains(&boot)
    }

    /// Whether it was said over an earlier connection than the last one that was heard of: it was on its way for long.
    pub(super) fn is_late(&self, header: Header) -> bool {
        self.find(header.boot).is_some_and(|(_, relay)| relay.about.is_some() && header.connection < relay.connection)
    }

    fn remove(&mut self, id: RelayId) {
        if let Some(relay) = self.relays.remove(&id) {
            self.by_boot.remove(&relay.boot);
            self.last = None;
        }
    }
}

#[cfg(test)]
mod tests;
