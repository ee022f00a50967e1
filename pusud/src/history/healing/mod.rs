//! Healing: relays tell each other about the numbers of publications, so that each of them has all, or tells what is lost.
//!
//! A value that is told messages and time by a backplane, of links or of NATS, and hands messages over to it. It knows no
//! sockets and no inboxes. docs/protocol/history.md is the norm.
//!
//! **Invariant:** what one peer says costs bounded memory, and nothing is delivered twice, whatever it is.

#[cfg(any(test, feature = "fuzzing"))]
mod any;
mod filling;
mod hole;
mod holes;
mod joining;
mod learning;
mod memory;
mod message;
mod news;
mod parse;
mod peers;
mod serving;
mod starts;
mod telling;
#[cfg(test)]
mod tests;
mod timing;
mod wire;

#[cfg(any(test, feature = "fuzzing"))]
pub use any::{messages as fuzzed_messages, written_again as is_written_again};
pub use memory::healing_bytes_max;
pub use message::push_publications;
pub use wire::Malformed;

use super::clock::Now;
use super::log::Appended;
use super::logs::Logs;
use super::origin::Origin;
use super::safeguard::Safeguard;
use holes::Holes;
use joining::Joining;
use message::Message;
use news::News;
use peers::Peers;
use starts::Starts;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use telling::{Book, Telling};
use tracing::warn;

/// A message is about so long at most, and one content.
const PIECE_BYTES_MAX: usize = 48 << 10;
/// What answers one question for publications that are missing.
const ENTRIES_BYTES_MAX: usize = 16 << 10;
/// Such questions to one peer at a time: with the bytes of an answer 1 MiB.
const FETCHING_MAX: u32 = 64;

/// How messages travel between relays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Over a link: in order and whole, as long as it lasts.
    Links,
    /// Each may be lost, or come late and behind later ones.
    Lossy,
}

/// What a backplane does with what healing has for others.
pub trait Out {
    /// Sends a message to a peer, behind all others.
    fn send(&mut self, peer: Origin, message: &[u8]);

    /// How many bytes may be added to what waits for a peer, so that publications do not wait long behind them.
    fn room(&self, peer: Origin) -> usize;

    /// Hands frames over to these shards, a bit for each. Called under the log's lock, as in [`Log::publish`](super::Log::publish).
    fn deliver(&mut self, frames: &[u8], appended: Appended, shards: u64);

    /// Delivers a publication to a channel that has no history here.
    fn deliver_plain(&mut self, channel: &str, content: &str);

    /// Whether this relay wants no more of a channel for now, and has told its peers so.
    fn is_held(&self, _channel: &str) -> bool {
        false
    }

    /// Sends one message to several peers.
    fn send_all(&mut self, peers: &[Origin], message: &[u8]) {
        peers.iter().for_each(|peer| self.send(*peer, message));
    }
}

/// What this relay and its peers know of each other's numbers.
pub struct Healing {
    logs: Arc<Logs>,
    way: Way,
    /// Of the settings.
    digest: u64,
    starts: Starts,
    peers: Peers,
    holes: Holes,
    news: News,
    joining: Joining,
    /// Since when the relay stops.
    draining_ms: Option<i64>,
    /// The starts of relays that are known to have other settings, and of which that was said.
    told_to_differ: HashSet<Origin>,
    /// Up to when each start of a relay has acknowledged what it was told.
    acknowledged: HashMap<Origin, i64>,
    next_number: u32,
    /// When numbers go to all peers again, over NATS.
    round_ms: i64,
    /// Frames that are being handed over.
    frames: Vec<u8>,
    /// A message that is being written.
    message: Vec<u8>,
}

impl Healing {
    /// Of the relay with these logs, which is called `name` and has just started: it knows nobody, and takes no clients.
    pub fn new(logs: Arc<Logs>, way: Way, name: &str, now: Now) -> Self {
        let digest = logs.settings().digest();
        let starts = Starts::new(logs.own(), name);
        Self {
            logs,
            way,
            digest,
            starts,
            peers: Peers::default(),
            holes: Holes::default(),
            news: News::default(),
            joining: Joining::new(now.ms),
            draining_ms: None,
            told_to_differ: HashSet::new(),
            acknowledged: HashMap::new(),
            next_number: 1,
            round_ms: now.ms,
            frames: Vec::new(),
            message: Vec::new(),
        }
    }

    /// A relay is linked from here on: before anything that it sends, and behind the end of an older start of the same name.
    pub fn linked(&mut self, peer: Origin, name: &str, now: Now, out: &mut impl Out) {
        self.starts.linked(peer, name, self.logs.boots(), now);
        self.peers.link(peer, name, now.ms);
        self.holes.peers_changed(Some(peer), now.ms);
        self.tell_all(peer, now, out);
    }

    /// A relay is linked no more.
    pub fn unlinked(&mut self, peer: Origin, said_goodbye: bool, now: Now) {
        if self.peers.unlink(peer).is_some() {
            self.starts.unlinked(peer, said_goodbye, self.logs.boots(), now);
            self.holes.peers_changed(Some(peer), now.ms);
        }
    }

    /// All relays are linked that can be linked at the moment. Where that is never said, clients wait for 2 s.
    pub fn dialled(&mut self) {
        self.joining.dialled();
    }

    /// Whether clients may be taken.
    pub fn is_ready(&self) -> bool {
        self.joining.is_ready()
    }

    /// A message has come from a peer.
    ///
    /// # Errors
    /// It is none.
    pub fn received(&mut self, peer: Origin, message: &[u8], now: Now, out: &mut impl Out) -> Result<(), Malformed> {
        let message = parse::parse(message)?;
        if !self.peers.is_linked(peer) {
            return Ok(());
        }
        match message {
            Message::Publications(run) => self.take_publications(peer, &run, now, out),
            Message::Numbers(told) => self.take_numbers(peer, &told, now, out),
            Message::Fetch(fetch) => self.serve_entries(peer, &fetch, now, out),
            Message::Entries(told) => self.take_entries(peer, &told, now, out),
            Message::Ask(origin) => self.serve_numbers(peer, origin, now, out),
            Message::Rings(rings) => self.serve_rings(peer, &rings, now, out),
            Message::Ringed(ringed) => self.take_rings(peer, &ringed, now),
            Message::Acknowledge(number) => self.take_acknowledgement(peer, number),
        }
        Ok(())
    }

    /// A numbered publication for a peer was dropped, because there was no room.
    pub fn overflowed(&mut self, peer: Origin, channel: &str, now: Now) {
        if let Some(peer) = self.peers.get_mut(peer)
            && self.logs.holds(Safeguard::OverflowIsTold)
        {
            peer.overflow(channel, now.ms);
        }
    }

    /// Publications for a peer are dropped, of channels that are named later, when those that wait before them have left.
    pub fn dropping(&mut self, peer: Origin, now: Now) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.dropping_ms.get_or_insert(now.ms);
        }
    }

    /// A peer that is linked may lack some of what it was told, since messages to it may be lost: it is told all again that it
    /// has not acknowledged.
    pub fn tell_again(&mut self, peer: Origin, now: Now, out: &mut impl Out) {
        if self.peers.is_linked(peer) {
            self.tell_all(peer, now, out);
        }
    }

    /// The relay stops, and has sent all that its clients have published: peers are told all numbers once more.
    pub fn drain(&mut self, now: Now, out: &mut impl Out) {
        if self.draining_ms.replace(now.ms).is_none() && self.logs.holds(Safeguard::LastNumbers) {
            for origin in self.peers.origins().to_vec() {
                // Over a link everything has come, unless it says otherwise.
                let has_all = self.way == Way::Links
                    && self.peers.get(origin).is_some_and(|peer| peer.telling.is_none() && !peer.has_dropped());
                self.tell(origin, !has_all, now, out);
            }
        }
    }

    /// Whether all peers have what they need of this relay, or have had the time for it. It goes on answering until it says
    /// goodbye.
    pub fn is_drained(&self, now: Now) -> bool {
        self.draining_ms.is_some_and(|since_ms| self.are_told() || now.ms - since_ms >= timing::DRAIN_MS)
    }

    /// Whether all peers have acknowledged what they were told.
    pub fn are_told(&self) -> bool {
        self.peers.iter().all(|(_, peer)| peer.telling.is_none())
    }

    /// Whether it stops.
    #[cfg(test)]
    pub fn is_draining(&self) -> bool {
        self.draining_ms.is_some()
    }

    /// Whether the settings of history of a linked relay are known to be others.
    pub fn differs(&self, peer: Origin) -> bool {
        let digest = self.peers.get(peer).and_then(|peer| peer.digest);
        digest.is_some_and(|digest| digest != self.digest)
    }

    /// Names the linked relays whose settings of history are others in the log, each start of a relay once.
    pub fn say_who_differs(&mut self) {
        for (origin, peer) in self.peers.iter() {
            let differs = peer.digest.is_some_and(|digest| digest != self.digest);
            if differs && self.told_to_differ.insert(origin) {
                warn!(
                    relay = %peer.name,
                    "the relay has other settings of history, so that clients that come from one of the two to the other may be told \
                     that messages are lost: give both the same `history`, and restart the one that was changed"
                );
            }
        }
    }

    /// How many holes there are.
    pub fn holes(&self) -> usize {
        self.holes.len()
    }

    fn tell_all(&mut self, peer: Origin, now: Now, out: &mut impl Out) {
        self.tell(peer, true, now, out);
    }

    /// Tells a peer all that it has not acknowledged; whether it may lack some of what has been displaced since.
    fn tell(&mut self, peer: Origin, may_lack: bool, now: Now, out: &mut impl Out) {
        let number = self.next_number;
        self.next_number = self.next_number.checked_add(1).unwrap_or(1);
        let since = self.acknowledged.get(&peer).copied().unwrap_or(i64::MIN);
        let book = Book { logs: &self.logs, starts: &self.starts, digest: self.digest };
        let mut telling = Telling::since(since, &book, number, self.draining_ms.is_some(), now);
        telling.has_displaced &= may_lack;
        telling.send(peer, &book, now, out);
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.telling = Some(telling);
        }
    }

    /// Sends a message to a peer.
    fn send(&mut self, peer: Origin, message: &Message<'_>, out: &mut impl Out) {
        self.message.clear();
        message.push(&mut self.message);
        out.send(peer, &self.message);
    }
}
