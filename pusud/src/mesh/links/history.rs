//! History over links: numbered publications of the relay's own, and what relays tell each other about numbers.
//!
//! Each link has a queue of its own for that ([`HistoryQueue`]). It is there only where both sides know such frames.

mod queue;

pub(crate) use queue::HISTORY_BYTES_MAX;
pub(super) use queue::HistoryQueue;

use super::{Link, Mesh};
use crate::frames;
use crate::history::{Appended, Healing, Now, Origin, Out, Way, push_publications};
use crate::mesh::handshake::Refusal;
use crate::mesh::links::holding::Held;
use crate::mesh::membership::LinkId;
use crate::mesh::wire::kind;
use crate::peers::BootId;
use crate::routing::{Door, Publications};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tracing::warn;

/// How often a relay that has just started looks whether clients may come.
const READY_LOOK: Duration = Duration::from_millis(50);
/// How long a relay that stops waits until the others have all numbers.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// A network's part in history: there where channels of this relay have some.
pub(super) struct LinkedHistory {
    healing: Healing,
    /// Told when something may have become due.
    due: Rc<Notify>,
    is_ready: bool,
    /// When the relay began to stop, in milliseconds since its start.
    draining_since: Option<i64>,
}

/// What healing may do.
struct Ways<'a, D> {
    door: &'a mut D,
    links: &'a mut BTreeMap<LinkId, Link>,
    held: &'a Held,
}

impl<D> Ways<'_, D> {
    fn link(&mut self, peer: Origin) -> Option<&mut Link> {
        self.links.values_mut().find(|link| link.origin == peer && link.history.is_some())
    }
}

impl<D: Door> Out for Ways<'_, D> {
    fn send(&mut self, peer: Origin, message: &[u8]) {
        let Some(link) = self.link(peer) else { return };
        if let Some(queue) = &mut link.history {
            queue.push(message.into());
            link.signals.send.notify_one();
        }
    }

    fn room(&self, peer: Origin) -> usize {
        let link = self.links.values().find(|link| link.origin == peer);
        let queue = link.and_then(|link| link.history.as_ref());
        queue.map_or(0, HistoryQueue::room)
    }

    fn is_held(&self, channel: &str) -> bool {
        self.held.has(channel)
    }

    fn deliver(&mut self, frames: &[u8], appended: Appended, shards: u64) {
        if let Some(link) = self.link(appended.origin) {
            link.account.traffic.received += appended.count;
        }
        self.door.deliver_numbered(frames, appended, shards);
    }

    fn deliver_plain(&mut self, channel: &str, content: &str) {
        self.door.deliver(channel, content);
    }
}

impl LinkedHistory {
    /// That of a relay of this name, if the relay behind `door` has history.
    pub(super) fn of(door: &impl Door, name: &str) -> Option<Self> {
        let logs = door.logs()?;
        let now = logs.now();
        let healing = Healing::new(logs, Way::Links, name, now);
        Some(Self { healing, due: Rc::default(), is_ready: false, draining_since: None })
    }

    /// Whether the others have all numbers of a relay that stops, or have had their time.
    fn is_drained(&self, now: Now) -> bool {
        let has_waited = |since: i64| now.ms - since >= DRAIN_MAX.as_millis() as i64;
        self.healing.is_drained(now) || self.draining_since.is_some_and(has_waited)
    }
}

impl<D: Door> Mesh<D> {
    /// A link has come up over which both sides can tell of numbers.
    pub(super) fn begin_history(&mut self, id: LinkId) {
        let Some(link) = self.links.get(&id).filter(|link| link.history.is_some()) else { return };
        let (origin, name) = (link.origin, link.name.clone());
        self.heal_with(|healing, now, ways| healing.linked(origin, &name, now, ways));
    }

    /// A link has ended.
    pub(super) fn end_history(&mut self, link: &Link) {
        if link.history.is_some() {
            let said_goodbye = link.has_heard_goodbye;
            self.heal_with(|healing, now, _| healing.unlinked(link.origin, said_goodbye, now));
        }
    }

    /// Takes a message about numbers.
    ///
    /// # Errors
    /// It is none, and the link has to end.
    pub(super) fn receive_history(&mut self, id: LinkId, message: &[u8]) -> Result<(), Refusal> {
        let Some(link) = self.links.get(&id).filter(|link| link.history.is_some()) else {
            return Err(crate::peers::Malformed::UnknownType(kind::HISTORY).into());
        };
        let origin = link.origin;
        let mut taken = Ok(());
        self.heal_with(|healing, now, ways| taken = healing.received(origin, message, now, ways));
        taken.map_err(|_| Refusal::protocol("a message about numbers that is none"))
    }

    /// Sends publications with numbers to all peers that know such, and to others that listen.
    pub(super) fn publish_numbered(&mut self, publications: &Publications<'_>, appended: &Appended) {
        let channel = publications.channel;
        let contents = || frames::contents(channel, publications.frames);
        let mut message = Vec::with_capacity(publications.frames.len());
        let texts = contents().map(|content| str::from_utf8(content).expect("it was text when its frame was made"));
        push_publications(&mut message, channel, appended.origin, appended.base, appended.first, 0, texts);
        let message: Rc<[u8]> = message.into();
        let mut without_room = Vec::new();
        for (id, link) in &mut self.links {
            let Some(queue) = &mut link.history else { continue };
            if queue.publish(channel, message.clone()) {
                link.account.traffic.sent += appended.count;
                link.signals.send.notify_one();
                continue;
            }
            link.account.traffic.dropped += appended.count;
            if queue.begins_to_drop() {
                warn!(
                    relay = %link.name, queued_bytes = queue.bytes(),
                    "the peer takes messages of channels with history more slowly than they come: it will ask for them"
                );
            }
            without_room.push(*id);
        }
        for id in without_room {
            if let Some(origin) = self.links.get(&id).map(|link| link.origin) {
                self.heal_with(|healing, now, _| healing.dropping(origin, now));
            }
            self.tell_dropped(id);
        }
        let Some((channel, ids)) = self.wanted.links(channel) else { return };
        for id in ids {
            if let Some(link) = self.links.get_mut(id).filter(|link| link.history.is_none()) {
                link.publish(channel, contents());
            }
        }
    }

    /// Publications for a peer were dropped, and those that waited before them have left: it is told that they are there.
    pub(super) fn tell_dropped(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let (origin, queue) = (link.origin, link.history.as_mut());
        for channel in queue.map(HistoryQueue::take_overflowed).unwrap_or_default() {
            self.heal_with(|healing, now, _| healing.overflowed(origin, &channel, now));
        }
    }

    /// Whether it is waited for that each relay of the settings is tried.
    pub(crate) fn waits_for_dialling(&self) -> bool {
        self.history.as_ref().is_some_and(|history| !history.is_ready)
    }

    /// Each relay of the settings was tried.
    pub(crate) fn dialled(&mut self) {
        self.heal_quietly(|healing, _, _| healing.dialled());
    }

    /// Does what is due; gives after how long there is something more to do.
    pub(crate) fn heal(&mut self) -> Option<Duration> {
        self.heal_quietly(|healing, now, ways| healing.tick(now, ways));
        let history = self.history.as_mut()?;
        let now = self.door.logs()?.now();
        if !history.is_ready && history.healing.is_ready() {
            history.is_ready = true;
            self.door.history_is_ready();
        }
        history.healing.say_who_differs();
        if history.draining_since.is_some() {
            self.links.values().for_each(|link| link.signals.send.notify_one());
        }
        let is_ready = history.is_ready;
        let due =
            history.healing.next_due(now).map(|due| u64::try_from(due.saturating_sub(now.ms)).unwrap_or(0).max(1));
        let due = due.map(Duration::from_millis);
        // Nothing says when all relays were tried.
        if is_ready { due } else { Some(due.map_or(READY_LOOK, |due| due.min(READY_LOOK))) }
    }

    /// Told when something about history may have become due.
    pub(crate) fn history_due(&self) -> Option<Rc<Notify>> {
        self.history.as_ref().map(|history| history.due.clone())
    }

    /// The relay stops: others are to have all numbers before it says goodbye.
    pub(super) fn drain_history(&mut self) {
        self.heal_with(|healing, now, ways| healing.drain(now, ways));
        let now = self.door.logs().map(|logs| logs.now().ms);
        if let Some(history) = &mut self.history {
            history.draining_since = now;
        }
    }

    /// Whether nothing of history keeps a relay that stops from saying goodbye.
    pub(super) fn may_say_goodbye(&self) -> bool {
        let (Some(history), Some(logs)) = (&self.history, self.door.logs()) else { return true };
        history.is_drained(logs.now())
    }

    /// How the relay at the other end keeps other history than this one; `None`: it does not, or nobody knows.
    pub(crate) fn history_difference(&self, link: &Link) -> Option<&'static str> {
        let history = self.history.as_ref()?;
        match link.history {
            Some(_) => history.healing.differs(link.origin).then_some("it has another `history`"),
            // Where no channel has any, it does not matter.
            None if !self.door.logs()?.settings().is_on() => None,
            None if link.content_bytes_max != self.content_bytes_max => {
                Some("it has another `limits.max_message_bytes`")
            }
            None => Some("it runs an earlier version"),
        }
    }

    /// How many holes there are that others are asked to fill.
    pub(crate) fn history_holes(&self) -> usize {
        self.history.as_ref().map_or(0, |history| history.healing.holes())
    }

    /// Does something after which something may have become due.
    fn heal_with(&mut self, act: impl FnOnce(&mut Healing, Now, &mut Ways<'_, D>)) {
        self.heal_quietly(act);
        if let Some(history) = &self.history {
            history.due.notify_one();
        }
    }

    fn heal_quietly(&mut self, act: impl FnOnce(&mut Healing, Now, &mut Ways<'_, D>)) {
        let Some(history) = &mut self.history else { return };
        let Some(logs) = self.door.logs() else { return };
        let ways = &mut Ways { door: &mut self.door, links: &mut self.links, held: &self.held };
        act(&mut history.healing, logs.now(), ways);
    }
}

/// A peer, as numbers name it.
pub(super) fn origin(boot: BootId) -> Origin {
    Origin::of_boot(&boot.0)
}
