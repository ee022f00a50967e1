//! All links together: what of the relay's own goes to which peer, and what of the peers goes to the relay.
//!
//! Everything here happens at once and on one thread; nothing waits. **Invariant:** a channel is announced to the relay
//! ([`Door::announce`]) exactly while a link has it in `wanted`, which is while a linked peer listens to it, and until a
//! link that has ended is cleared up; and what comes from a peer goes to no other peer.

mod clearing;
mod conversation;
mod encrypted;
mod greeting;
mod history;
mod holding;
mod link;
mod queue;
mod reading;
mod reception;
mod sequence;
mod tcp_options;
mod telling;
mod transport;
mod waiting;
mod writing;

pub(crate) use conversation::{Conversation, READ_BYTES};
pub(crate) use history::HISTORY_QUEUE_BYTES_MAX;
pub(crate) use link::{Link, WRITE_BYTES};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use queue::Queue;
pub(crate) use queue::{QUEUE_BYTES_MAX, TABLES_BYTES_MAX};
pub(crate) use sequence::{Incoming, Outgoing};
#[cfg(test)]
pub(crate) use transport::{LinkReader, LinkStream};
pub(crate) use transport::{Tcp, Transport};

use crate::frames;
use crate::mesh::handshake::{Code, Refusal, VERSION};
use crate::mesh::interest::{Edge, Table, Wanted};
use crate::mesh::links::holding::Held;
use crate::mesh::links::link::Signals;
use crate::mesh::membership::{Candidate, LinkId, Roster, Settings, Verdict, links_max};
use crate::mesh::wire::{HOLD_MINOR, Hello, PEERS_MINOR, Ready};
use crate::peers::Peers;
use crate::routing::{Batch, Door};
use clearing::Clearing;
use history::LinkedHistory;
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::time::Instant;

/// The links, and the way to the relay.
pub(crate) struct Mesh<D> {
    door: D,
    roster: Roster,
    /// Channels that the relay's own clients listen to.
    table: Table,
    links: BTreeMap<LinkId, Link>,
    wanted: Wanted,
    clearing: Clearing,
    held: Held,
    /// What is told over each link beside publications and interest. A conversation lasts as long as its link.
    peers: Peers,
    /// Where channels have history.
    history: Option<LinkedHistory>,
    content_bytes_max: usize,
    /// Links are to be encrypted, where the peer can.
    wants_encryption: bool,
    /// Counts connections and links: what began later has a larger number.
    clock: u64,
    epoch: Instant,
    is_stopping: bool,
}

impl<D: Door> Mesh<D> {
    /// For a relay with these settings. Asks the relay for its interest.
    pub(crate) fn new(settings: &Settings, door: D) -> Self {
        let mut table = Table::default();
        for channel in door.channels() {
            table.set(&channel, true);
        }
        Self {
            peers: Peers::new(door.revocations().unwrap_or_default()),
            history: LinkedHistory::of(&door, &settings.name),
            door,
            roster: Roster::new(&settings.name, links_max(settings.relays.len())),
            table,
            links: BTreeMap::new(),
            wanted: Wanted::default(),
            clearing: Clearing::default(),
            held: Held::default(),
            content_bytes_max: settings.max_message_bytes,
            wants_encryption: settings.encryption.is_some(),
            clock: 0,
            epoch: Instant::now(),
            is_stopping: false,
        }
    }

    /// The way to the relay.
    pub(crate) fn door(&mut self) -> &mut D {
        &mut self.door
    }

    /// Who is known.
    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The list of relays has so many addresses now.
    pub(crate) fn listed(&mut self, addresses: usize) {
        self.roster.bound(links_max(addresses));
    }

    /// The links that are up.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// What is told beside publications and interest.
    pub(crate) fn peers(&self) -> &Peers {
        &self.peers
    }

    /// The link of this connection, while it is up.
    pub(crate) fn link(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(&id)
    }

    /// The relay's own interest.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// The next number of whatever begins.
    pub(crate) fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// The other side of a connection is authenticated. Gives what to say to begin the link, if that is for this relay.
    ///
    /// # Errors
    /// The connection is refused.
    pub(crate) fn authenticated(&mut self, candidate: &Candidate) -> Result<Option<Ready>, Refusal> {
        match self.judge(candidate, None)? {
            Verdict::Wait => Ok(None),
            Verdict::Take => {
                let link = self.tick();
                Ok(Some(self.take(candidate, link)))
            }
        }
    }

    /// The other side has said READY: the link is up, and `begun` says what this relay has said, if it was the first to
    /// begin. Gives what to say if it was not, and how to wake the link's tasks.
    ///
    /// # Errors
    /// The connection is refused.
    pub(crate) fn ready(
        &mut self,
        candidate: Candidate,
        peer: &Hello,
        begun: bool,
        theirs: Ready,
    ) -> Result<(Option<Ready>, Rc<Signals>), Refusal> {
        let answer = if begun {
            None
        } else {
            self.judge(&candidate, Some(theirs.link))?;
            Some(self.take(&candidate, theirs.link))
        };
        let now = self.tick();
        let Some(account) = self.roster.up(&candidate.name, candidate.id, theirs, now) else {
            return Err(replaced());
        };
        self.tell_of(&candidate, peer);
        let id = candidate.id;
        let knows_hold = peer.minor.min(VERSION.1) >= HOLD_MINOR;
        let holding = knows_hold.then(|| self.held.to_be_told());
        let has_history = self.history.is_some() && self.tells_numbers(peer);
        let link = Link::new(candidate, peer.content_bytes_max as usize, account, holding, has_history);
        self.peers.begin(id, &link.name, peer.minor.min(VERSION.1) >= PEERS_MINOR);
        let signals = link.signals.clone();
        self.links.insert(id, link);
        self.begin_history(id);
        self.wake();
        Ok((answer, signals))
    }

    fn judge(&self, candidate: &Candidate, begin: Option<u64>) -> Result<Verdict, Refusal> {
        if self.is_stopping {
            return Err(Refusal::Ours(Code::Stopping, "this relay is stopping".into()));
        }
        self.roster.judge(candidate, begin)
    }

    /// Whoever has the place goes, so that nothing of the old link is done after the first of the new one.
    fn take(&mut self, candidate: &Candidate, link: u64) -> Ready {
        if let Some(old) = self.roster.held_by(&candidate.name) {
            if let Some(link) = self.links.get(&old) {
                link.signals.why.replace(Some(replaced()));
                link.signals.ended.notify_one();
            }
            self.release(&candidate.name, old);
        }
        self.roster.take(candidate, link)
    }

    /// A connection is at its end, whatever it was.
    pub(crate) fn release(&mut self, name: &str, id: LinkId) {
        let Some(mut link) = self.links.remove(&id) else {
            self.roster.release(name, id, None);
            return;
        };
        self.peers.end(id);
        self.end_history(&link);
        self.roster.release(name, id, Some(link.end()));
        for ticket in link.waits.give_up() {
            self.door.settled(ticket);
        }
        self.clearing.add(id, link.announced);
        self.clear_up_some();
    }

    /// Changes what a link's peer listens to.
    fn apply(&mut self, id: LinkId, edges: Vec<Edge>) {
        for (channel, is_in) in edges {
            if is_in {
                if self.wanted.add(channel.clone(), id) {
                    self.door.announce(&channel);
                }
            } else if self.wanted.remove(&channel, id) {
                self.door.withdraw(&channel);
            }
        }
    }

    /// Sends publications of the relay's own sources to the peers that listen.
    pub(crate) fn publish(&mut self, batch: &Batch) {
        for publications in batch.iter() {
            if let Some(appended) = publications.history {
                self.publish_numbered(&publications, appended);
                continue;
            }
            // None where the last peer has withdrawn while they were on their way here.
            let Some((channel, ids)) = self.wanted.links(publications.channel) else { continue };
            for id in ids {
                if let Some(link) = self.links.get_mut(id) {
                    link.publish(channel, frames::contents(channel, publications.frames));
                }
            }
        }
    }

    /// The channel may have got or lost listeners here.
    pub(crate) fn changed(&mut self, channel: &str) {
        let is_in = self.door.has_listeners(channel);
        let Some(channel) = self.table.set(channel, is_in) else { return };
        for link in self.links.values_mut() {
            link.announcer.changed(&channel);
            link.signals.send.notify_one();
        }
    }

    /// Has every link send what waits and say goodbye.
    pub(crate) fn stop(&mut self) {
        self.is_stopping = true;
        self.drain_history();
        for link in self.links.values() {
            link.signals.send.notify_one();
        }
    }

    /// Whether links say goodbye and no new ones begin.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Appends what is to be sent next over a link: short things, what is held, what else peers tell each other, interest,
    /// publications, and at the end of a relay that stops a goodbye. Nothing if it has ended.
    pub(crate) fn write(&mut self, id: LinkId, out: &mut Vec<u8>) {
        let clock = self.now();
        let says_goodbye = self.is_stopping && self.may_say_goodbye();
        if let Some(link) = self.links.get_mut(&id) {
            link.write_first(clock, out);
            self.peers.write(id, out);
            link.write(&self.table, says_goodbye, out);
        }
    }

    /// The clock that pings carry, in microseconds.
    fn now(&self) -> u64 {
        self.epoch.elapsed().as_micros() as u64
    }
}

/// Another connection has become the link.
fn replaced() -> Refusal {
    Refusal::Ours(Code::Replaced, "a later start or a newer connection of the peer has taken its place".into())
}
