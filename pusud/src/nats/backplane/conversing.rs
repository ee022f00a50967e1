//! Conversing: what two relays tell each other alone, such as orders of their operators, as a numbered stream for each pair.
//!
//! **Invariant:** a stream of which something is missing ends, on both sides, and another one begins, in which everything is told.

use super::Backplane;
use crate::nats::queue::Kind;
use crate::nats::roster::{Relay, RelayId, Talked};
use crate::nats::wire::{self, Header, PEER_HEAD_BYTES};
use crate::peers::{Decoder, FRAME_BYTES_MAX, Malformed, parse};
use crate::routing::{Door, Order, OrderReply, OrderTicket, OwnDecider};
use std::collections::BTreeMap;
use tracing::warn;

/// Longest piece of a stream in one payload, in bytes.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// After so many heartbeats without frames the other side learns how many pieces there were: it may lack the last ones.
const QUIET: [u32; 3] = [1, 5, 30];

/// The conversations with all relays that are linked.
#[derive(Default)]
pub(super) struct Conversations {
    all: BTreeMap<RelayId, Conversation>,
    by_id: BTreeMap<u64, RelayId>,
    given: u64,
}

/// One conversation.
struct Conversation {
    /// Its number in [`Peers`](crate::peers::Peers).
    id: u64,
    /// Which one of this pair of connections it is.
    number: u32,
    sent: u64,
    received: u64,
    decoder: Decoder,
    /// The other side has to learn which one it is.
    is_new: bool,
    /// The other side has told what it must not: it is told nothing more, and nothing is taken of it.
    is_over: bool,
    /// Heartbeats since the last frames were sent.
    quiet: u32,
}

impl<D: Door> Backplane<D> {
    /// Begins to converse over a pair of connections, or does so again: what was said before may be missing here or there, and
    /// so the numbers of this pair go on.
    pub(super) fn converse_with(&mut self, relay: RelayId) {
        let Some(known) = self.roster.get(relay) else { return };
        let (talked, pair) = (known.talked, (self.connection, known.connection));
        let last = if (talked.own, talked.theirs) == pair { talked.number } else { 0 };
        self.begin_conversation(relay, last.saturating_add(1));
    }

    /// Begins a conversation with a relay, in the place of the one that there may be.
    fn begin_conversation(&mut self, relay: RelayId, number: u32) {
        self.end_conversation(relay);
        let own = self.connection;
        let Some(known) = self.roster.get_mut(relay) else { return };
        known.talked = Talked { own, theirs: known.connection, number };
        let Some(name) = known.name() else { return };
        let conversations = &mut self.conversations;
        conversations.given += 1;
        let id = conversations.given;
        self.peers.begin(id, name, true);
        let conversation = Conversation {
            id,
            number,
            sent: 0,
            received: 0,
            decoder: Decoder::default(),
            is_new: true,
            is_over: false,
            quiet: 0,
        };
        conversations.all.insert(relay, conversation);
        conversations.by_id.insert(id, relay);
    }

    /// Ends the conversation with a relay.
    pub(super) fn end_conversation(&mut self, relay: RelayId) {
        if let Some(conversation) = self.conversations.all.remove(&relay) {
            self.conversations.by_id.remove(&conversation.id);
            self.peers.end(conversation.id);
        }
    }

    /// Something may be missing of the conversation with a relay: begins the next one.
    pub(super) fn begin_next_conversation(&mut self, relay: RelayId) {
        let known = self.conversations.all.get(&relay).filter(|known| !known.is_over);
        if let Some(next) = known.and_then(|known| known.number.checked_add(1)) {
            self.begin_conversation(relay, next);
        }
    }

    /// The number of the conversation with a relay among the peers.
    pub(super) fn peer_of(&self, relay: RelayId) -> Option<u64> {
        self.conversations.all.get(&relay).map(|conversation| conversation.id)
    }

    /// A piece of a conversation has come.
    pub(super) fn receive_piece(&mut self, header: Header, (to, conversation, number): (u32, u32, u64), bytes: &[u8]) {
        let is_linked = |relay: &Relay| relay.connection == header.connection && relay.linked.is_some();
        let relay = self.roster.find(header.boot).filter(|(_, relay)| is_linked(relay));
        let Some((id, _)) = relay.filter(|_| to == self.connection) else { return };
        let known = self.conversations.all.get_mut(&id);
        let (known, is_over) = known.map_or((0, false), |known| {
            // It does not know yet that there is another one.
            known.is_new |= conversation < known.number && !known.is_over;
            (known.number, known.is_over)
        });
        if is_over {
            return;
        }
        if conversation < known {
            return self.converse();
        }
        if conversation > known {
            self.begin_conversation(id, conversation);
        }
        let Some(known) = self.conversations.all.get_mut(&id) else { return };
        if number != known.received + 1 {
            self.begin_next_conversation(id);
            return self.converse();
        }
        known.received = number;
        known.decoder.feed(bytes);
        self.take_in_frames(id);
        self.converse();
    }

    fn take_in_frames(&mut self, id: RelayId) {
        let Self { conversations, peers, door, figures, .. } = self;
        let Some(known) = conversations.all.get_mut(&id) else { return };
        let problem = loop {
            match known.decoder.next(FRAME_BYTES_MAX) {
                Ok(None) => return,
                Ok(Some((kind, payload))) => match parse(kind, payload) {
                    Ok(frame) => {
                        if let Err(breach) = peers.receive(known.id, frame, door) {
                            break breach.to_string();
                        }
                    }
                    // Of a later minor version: everything else that it tells is known.
                    Err(Malformed::UnknownType(_)) => figures.unknown += 1,
                    Err(error) => break error.to_string(),
                },
                Err(error) => break error.to_string(),
            }
        };
        let relay = self.roster.get(id).map(|relay| relay.shown()).unwrap_or_default();
        warn!(relay, "the relay has told what it must not, and is told nothing more: {problem}");
        self.figures.garbage += 1;
        let Some(known) = self.conversations.all.get_mut(&id) else { return };
        (known.is_over, known.is_new) = (true, false);
        self.conversations.by_id.remove(&known.id);
        self.peers.end(known.id);
    }

    /// Sends what relays are to be told.
    pub(super) fn converse(&mut self) {
        if !self.has_joined() {
            return;
        }
        let new: Vec<RelayId> =
            self.conversations.all.iter().filter(|(_, one)| one.is_new).map(|(id, _)| *id).collect();
        for relay in new {
            self.send_piece(relay, &[]);
        }
        while self.queue.has_room_for_answers()
            && let Some(id) = self.peers.next_to_write()
        {
            self.write_to(id);
        }
    }

    fn write_to(&mut self, id: u64) {
        let Some(relay) = self.conversations.by_id.get(&id).copied() else { return };
        let piece_bytes = self.payload_bytes_max().saturating_sub(PEER_HEAD_BYTES).clamp(1, PIECE_BYTES_MAX);
        let mut out = Vec::new();
        // What there is no room for is written once a second.
        while self.queue.has_room_for_answers() {
            out.clear();
            self.peers.write(id, &mut out);
            if out.is_empty() {
                return;
            }
            out.chunks(piece_bytes).for_each(|piece| self.send_piece(relay, piece));
        }
    }

    fn send_piece(&mut self, relay: RelayId, bytes: &[u8]) {
        let sender = self.sender();
        // What is said of it has been taken out, and what has nothing is said later.
        if bytes.is_empty() && !self.queue.has_room_for_answers() {
            return;
        }
        let Some(conversation) = self.conversations.all.get_mut(&relay) else { return };
        let Some(relay) = self.roster.get(relay) else { return };
        conversation.is_new = false;
        conversation.quiet = if bytes.is_empty() { conversation.quiet } else { 0 };
        conversation.sent += 1;
        let (to, number, piece) = (relay.connection, conversation.number, conversation.sent);
        let subject = self.subjects.of_relay(relay.boot, to);
        self.answer_anyway(Kind::Ordered, &subject, |out| {
            wire::peer_head(out, sender, to, number, piece);
            out.extend_from_slice(bytes);
        });
    }

    /// Once a second: all relays are told of links that have changed, and of what becomes due by time.
    pub(super) fn tell_links(&mut self) {
        let Self { conversations, peers, roster, .. } = self;
        for conversation in conversations.all.values_mut().filter(|conversation| !conversation.is_over) {
            conversation.quiet = conversation.quiet.saturating_add(1);
            conversation.is_new |= QUIET.contains(&conversation.quiet);
            let linked = roster.linked().filter_map(|(_, other)| Some((other.name()?, true)));
            peers.tell_links(conversation.id, linked);
        }
        let ids: Vec<u64> = self.conversations.by_id.keys().copied().collect();
        if self.has_joined() {
            ids.into_iter().for_each(|id| self.write_to(id));
            self.converse();
        }
    }

    /// The revocations have changed.
    pub(in crate::nats) fn revocations_changed(&mut self) {
        self.peers.revocations_changed();
        self.converse();
    }

    /// Tells the linked relays of an operator's order.
    pub(in crate::nats) fn order(&mut self, order: &Order, reply: &OrderReply) {
        self.peers.order(order, reply);
        self.converse();
    }

    /// So many connections were ended here for a peer.
    pub(in crate::nats) fn kicked(&mut self, ticket: OrderTicket, count: u64) {
        self.peers.kicked(ticket, count);
        self.converse();
    }

    /// So many clients are authorized by what a peer has revoked.
    pub(in crate::nats) fn counted_revoked(&mut self, ticket: OrderTicket, count: u64) {
        self.peers.counted_revoked(ticket, count);
        self.converse();
    }

    /// These decide here from now on.
    pub(in crate::nats) fn decide_by(&mut self, own: &[OwnDecider]) {
        self.peers.decide_by(own, self.keys.as_ref());
        self.converse();
    }
}
