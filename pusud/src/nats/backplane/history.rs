//! History over NATS: numbered publications of the relay's own, and what relays tell each other about numbers.
//!
//! All relays with history hear what is said at one subject, so that publications of one relay come in their order as far as
//! servers keep it; what is for one of them stands at its own. Each may be lost, and comes again by [`Healing`].
//! **Invariant:** what goes to healing is of relays alone that have said that they are some.

mod numbered;
mod ways;

use super::Backplane;
use super::garbage::Taken;
use crate::history::{Healing, Malformed, Now, Origin, Way};
use crate::nats::roster::{Relay, RelayId};
use crate::nats::wire::{About, Header};
use crate::routing::Door;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::warn;
use ways::Ways;

/// Least time between two times that one relay is told all numbers, in milliseconds.
const TELL_PAUSE_MS: i64 = 1000;
/// How long other relays may take to say that they are there, when this one has its first connection.
const LOOK_ROUND: Duration = Duration::from_millis(500);
/// How long a relay that stops waits until the others have all numbers, in milliseconds.
const DRAIN_MAX_MS: i64 = 1000;

/// A network's part in history: there where channels of this relay have some.
pub(super) struct LinkedHistory {
    healing: Healing,
    linked: BTreeMap<Origin, Linked>,
    /// Told when something may have become due.
    due: Rc<Notify>,
    is_ready: bool,
    has_looked_round: bool,
    /// When the relay began to stop, in milliseconds since its start.
    draining_since: Option<i64>,
    has_said_goodbye: bool,
}

/// A relay that numbers are told to.
struct Linked {
    id: RelayId,
    told_ms: i64,
    /// It may lack something of what it was told.
    tell_again: bool,
}

impl LinkedHistory {
    /// That of a relay of this name, if the relay behind `door` has history.
    pub(super) fn of(door: &impl Door, name: &str) -> Option<Self> {
        let logs = door.logs()?;
        let now = logs.now();
        Some(Self {
            healing: Healing::new(logs, Way::Lossy, name, now),
            linked: BTreeMap::new(),
            due: Rc::default(),
            is_ready: false,
            has_looked_round: false,
            draining_since: None,
            has_said_goodbye: false,
        })
    }

    /// The relays that numbers are told to.
    fn linked(&self) -> impl Iterator<Item = Origin> {
        self.linked.keys().copied()
    }
}

impl<D: Door> Backplane<D> {
    /// Whether a relay that describes itself so and this one take from each other what is published to channels with history.
    pub(super) fn shares_history(&self, about: &About) -> bool {
        self.history.is_some()
            && about.has_history
            && usize::try_from(about.content_bytes_max) == Ok(self.identity.content_bytes_max)
    }

    /// Whether this is so of a relay that is known.
    pub(super) fn shares_history_with(&self, id: RelayId) -> bool {
        self.roster.get(id).and_then(|relay| relay.about.as_ref()).is_some_and(|about| self.shares_history(about))
    }

    /// Whether what this relay publishes to a channel without numbers are copies of what comes with some: which of them are
    /// missing says nothing.
    pub(super) fn are_copies(&self, id: RelayId, channel: &str) -> bool {
        self.shares_history_with(id) && self.door.logs().is_some_and(|logs| logs.settings().rule_of(channel).is_some())
    }

    /// A relay is linked, or goes on being so: it is told all numbers once.
    pub(super) fn begin_history(&mut self, id: RelayId) {
        let Some(relay) = self.roster.get(id).filter(|relay| relay.linked.is_some()) else { return };
        let (Some(history), Some(about)) = (&self.history, &relay.about) else { return };
        let (origin, name) = (origin(relay), about.name.clone());
        if history.linked.contains_key(&origin) || !self.shares_history(about) {
            return;
        }
        if let (Some(history), Some(logs)) = (&mut self.history, self.door.logs()) {
            history.linked.insert(origin, Linked { id, told_ms: logs.now().ms, tell_again: false });
        }
        self.heal_with(|healing, now, ways| healing.linked(origin, &name, now, ways));
    }

    /// Says it if a relay that has been linked cannot complete this one's history.
    pub(super) fn compare_lengths(&self, id: RelayId) {
        let Some(about) = self.roster.get(id).and_then(|relay| relay.about.as_ref()) else { return };
        if self.history.is_some() && about.has_history && !self.shares_history(about) {
            warn!(
                relay = %about.name,
                own = self.identity.content_bytes_max,
                theirs = about.content_bytes_max,
                "the relays take messages of different lengths, so that they do not complete each other's history: set \
                 `limits.max_message_bytes` alike on all relays"
            );
        }
    }

    /// A relay is linked no more.
    pub(super) fn end_history(&mut self, id: RelayId, said_goodbye: bool) {
        let Some(history) = &mut self.history else { return };
        let Some((&origin, _)) = history.linked.iter().find(|(_, linked)| linked.id == id) else { return };
        history.linked.remove(&origin);
        self.heal_with(|healing, now, _| healing.unlinked(origin, said_goodbye, now));
    }

    /// The connection has ended, and with it everything that was linked.
    pub(super) fn end_all_history(&mut self) {
        let ids: Vec<RelayId> =
            self.history.iter().flat_map(|history| history.linked.values()).map(|linked| linked.id).collect();
        ids.into_iter().for_each(|id| self.end_history(id, false));
    }

    /// A relay may lack something of what it was told.
    pub(super) fn tell_history_again(&mut self, id: RelayId) {
        let Some(history) = &mut self.history else { return };
        for linked in history.linked.values_mut().filter(|linked| linked.id == id) {
            linked.tell_again = true;
            history.due.notify_one();
        }
    }

    /// Whether any channel of this relay can have history.
    pub(super) fn has_channels_with_history(&self) -> bool {
        self.door.logs().is_some_and(|logs| logs.settings().is_on())
    }

    /// What is published with numbers cannot be heard. Where no channel has history, others publish copies for this relay, once
    /// it says that it takes no numbers.
    pub(super) fn do_without_history(&mut self) {
        if !self.has_channels_with_history() {
            self.history = None;
        }
    }

    /// The server has refused what was for all: each of them is told at its own subject what it lacks, and asks for it there.
    pub(super) fn tell_all_history_again(&mut self) {
        if let Some(history) = &mut self.history {
            history.linked.values_mut().for_each(|linked| linked.tell_again = true);
            history.due.notify_one();
        }
    }

    /// A relay tells of numbers, or has published with some.
    pub(super) fn receive_history(&mut self, header: Header, message: &[u8], now: Instant) -> Taken {
        if self.history.is_none() {
            return Ok(());
        }
        let Some(relay) = self.source(header, now)?.and_then(|id| self.roster.get(id)) else { return Ok(()) };
        let origin = origin(relay);
        let mut taken = Ok(());
        self.heal_with(|healing, now, ways| taken = healing.received(origin, message, now, ways));
        match taken {
            Ok(()) => Ok(()),
            Err(Malformed::UnknownKind(_)) => {
                self.figures.unknown += 1;
                Ok(())
            }
            Err(_) => Err("a message about numbers that is none".into()),
        }
    }

    /// Does what is due; gives after how long there is something more to do.
    pub(in crate::nats) fn heal(&mut self, now: Instant) -> Option<Duration> {
        let has_joined = self.has_joined();
        let has_looked_round = self.server.as_ref().is_some_and(|server| server.since + LOOK_ROUND <= now);
        let history = self.history.as_mut()?;
        if has_joined && has_looked_round && !std::mem::replace(&mut history.has_looked_round, true) {
            history.healing.dialled();
        }
        self.tell_all_again();
        self.heal_quietly(|healing, now, ways| healing.tick(now, ways));
        self.end_draining();
        let history = self.history.as_mut()?;
        if !history.is_ready && history.healing.is_ready() {
            history.is_ready = true;
            self.door.history_is_ready();
        }
        history.healing.say_who_differs();
        let now = self.door.logs()?.now();
        let again =
            history.linked.values().filter(|linked| linked.tell_again).map(|linked| linked.told_ms + TELL_PAUSE_MS);
        let look_round = (!history.has_looked_round).then_some(now.ms + 50);
        let drained = history.draining_since.filter(|_| !history.has_said_goodbye).map(|since| since + DRAIN_MAX_MS);
        let due = again.chain(history.healing.next_due(now)).chain(look_round).chain(drained).min()?;
        Some(Duration::from_millis(u64::try_from(due - now.ms).unwrap_or(0).max(1)))
    }

    fn tell_all_again(&mut self) {
        let (Some(history), Some(logs)) = (&mut self.history, self.door.logs()) else { return };
        let now_ms = logs.now().ms;
        let mut due = Vec::new();
        for (origin, linked) in &mut history.linked {
            if linked.tell_again && linked.told_ms + TELL_PAUSE_MS <= now_ms {
                (linked.told_ms, linked.tell_again) = (now_ms, false);
                due.push(*origin);
            }
        }
        for origin in due {
            self.heal_quietly(|healing, now, ways| healing.tell_again(origin, now, ways));
        }
    }

    /// How a linked relay keeps other history than this one; `None`: it does not, or nobody knows.
    pub(super) fn history_difference(&self, id: RelayId) -> Option<&'static str> {
        let (history, relay) = (self.history.as_ref()?, self.roster.get(id)?);
        let about = relay.about.as_ref()?;
        match () {
            () if self.shares_history(about) => {
                history.healing.differs(origin(relay)).then_some("it has another `history`")
            }
            // Where no channel has any, it does not matter.
            () if !self.door.logs()?.settings().is_on() => None,
            () if about.has_history => Some("it has another `limits.max_message_bytes`"),
            () if about.minor == 0 => Some("it runs an earlier version"),
            () => Some("it has no `history`"),
        }
    }

    /// How many holes there are that others are asked to fill.
    pub(super) fn history_holes(&self) -> usize {
        self.history.as_ref().map_or(0, |history| history.healing.holes())
    }

    /// Told when something about history may have become due; `None`: there is none.
    pub(in crate::nats) fn history_due(&self) -> Option<Rc<Notify>> {
        self.history.as_ref().map(|history| history.due.clone())
    }

    /// The relay stops: others are to have all numbers before it says goodbye. False: there is nothing that they could lack.
    pub(super) fn drain_history(&mut self) -> bool {
        let Some(ms) = self.door.logs().map(|logs| logs.now().ms) else { return false };
        let Some(history) = &mut self.history else { return false };
        history.draining_since = Some(ms);
        self.heal_with(|healing, now, ways| healing.drain(now, ways));
        true
    }

    /// Says goodbye if the others have what they need of a relay that stops, or have had their time.
    fn end_draining(&mut self) {
        let (Some(history), Some(logs)) = (&mut self.history, self.door.logs()) else { return };
        let now = logs.now();
        let Some(since) = history.draining_since.filter(|_| !history.has_said_goodbye) else { return };
        if history.healing.is_drained(now) || now.ms - since >= DRAIN_MAX_MS {
            history.has_said_goodbye = true;
            self.say_goodbye();
        }
    }

    /// Whether nothing of history keeps a relay that stops from ending.
    pub(super) fn is_drained(&self) -> bool {
        self.history.as_ref().is_none_or(|history| history.has_said_goodbye)
    }

    /// Does something after which something may have become due.
    fn heal_with(&mut self, act: impl FnOnce(&mut Healing, Now, &mut Ways<'_, D>)) {
        self.heal_quietly(act);
        if let Some(history) = &self.history {
            history.due.notify_one();
        }
    }

    fn heal_quietly(&mut self, act: impl FnOnce(&mut Healing, Now, &mut Ways<'_, D>)) {
        let (sender, payload_bytes_max, is_connected) =
            (self.sender(), self.payload_bytes_max(), self.server.is_some());
        let Some(logs) = self.door.logs() else { return };
        let Self { history, door, roster, queue, subjects, .. } = self;
        let Some(LinkedHistory { healing, linked, .. }) = history else { return };
        let mut ways = Ways { door, roster, linked, queue, subjects, sender, payload_bytes_max, is_connected };
        act(healing, logs.now(), &mut ways);
        self.to_write.notify_one();
    }
}

/// A relay, as numbers name it.
fn origin(relay: &Relay) -> Origin {
    Origin::of_boot(&relay.boot.0)
}
