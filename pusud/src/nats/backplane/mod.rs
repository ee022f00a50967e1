//! The network over NATS, apart from sockets: what the relay and the server say to it, and what is to be written.
//!
//! Everything here happens at once and on one thread; nothing waits. Whoever owns the connection tells of its begin and its end,
//! hands over what comes and takes out what is to be written ([`Backplane::take`]), and calls [`Backplane::tick`] when it says.
//! **Invariant:** publications leave only while all relays that were known have answered over this connection: a server that
//! has just started drops what it is given before.

mod conversing;
mod garbage;
mod history;
mod joining;
mod lines;
mod losses;
mod presence;
mod publishing;
mod questions;
mod reception;
mod refusals;
mod resuming;
mod server;
mod status;
mod subscribing;
mod timers;

use crate::nats::barrier::Barriers;
use crate::nats::interest::Interest;
use crate::nats::published::Published;
use crate::nats::queue::{Kind, Queue};
use crate::nats::roster::Roster;
use crate::nats::server::command;
use crate::nats::settings::Identity;
use crate::nats::subjects::Subjects;
use crate::nats::wire::{About, Sender};
use crate::peers::{BootId, Keys, Peers};
use crate::routing::Door;
use conversing::Conversations;
use history::LinkedHistory;
use joining::Joining;
use lines::Lines;
use resuming::Answers;
pub(super) use server::Next;
use server::Server;
use std::rc::Rc;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The minor version of the protocol that this relay knows.
const MINOR: u16 = 1;
/// The numbers of the subscriptions that are not to channels.
const ALL_SID: u64 = 1;
const RELAY_SID: u64 = 2;
const HISTORY_SID: u64 = 3;
/// What servers take that are not told otherwise (`max_payload`).
const PAYLOAD_BYTES_USUAL: usize = 1 << 20;

/// The network over NATS.
pub(super) struct Backplane<D> {
    door: D,
    identity: Identity,
    boot: BootId,
    subjects: Subjects,
    /// Counts the connections to servers.
    connection: u32,
    /// The server, while there is a connection.
    server: Option<Server>,
    /// When the last connection has ended, or the relay has started.
    alone_since: Instant,
    /// The longest payload that the last server has taken; before the first one, as NATS takes by itself.
    last_payload_limit: usize,
    /// Those that have to answer before publications leave; `None`: they have.
    joining: Option<Joining>,
    queue: Queue,
    interest: Interest,
    published: Published,
    roster: Roster,
    barriers: Barriers,
    peers: Peers,
    keys: Option<Keys>,
    conversations: Conversations,
    answers: Answers,
    /// What there is to do for channels with history; `None`: no channel of this relay has some.
    history: Option<LinkedHistory>,
    /// Counts the questions how far others are.
    questions: u64,
    heartbeat: u64,
    heartbeat_at: Instant,
    figures: Figures,
    warned: Option<Instant>,
    lines: Lines,
    /// Subscriptions of which some clients wait were not taken by the server.
    must_hold: bool,
    /// When subscriptions that the server has not taken are told to it once more.
    try_refused: Option<Instant>,
    /// When it was last said that no server can be connected to.
    dial_warned: Option<Instant>,
    is_stopping: bool,
    to_write: Rc<Notify>,
    to_tick: Rc<Notify>,
    scratch: Vec<u8>,
}

/// What was counted since the relay started.
#[derive(Debug, Clone, Default)]
struct Figures {
    /// Publications that were given to the server.
    published: u64,
    /// Publications that were not, since too much waited.
    dropped: u64,
    /// Publications that were not, since the server takes none as long.
    too_large: u64,
    /// Payloads that no relay has sent.
    garbage: u64,
    /// When the log has said so last.
    garbage_told: Option<Instant>,
    /// Payloads, and frames of conversations, of kinds that only later versions have.
    unknown: u64,
    /// Presences of other relays that have this relay's name.
    namesakes: u64,
    /// Presences of relays at servers of other clusters.
    other_clusters: u64,
    /// Connections that have ended.
    disconnects: u64,
    /// What is wrong, or was last, and when it was so last.
    last_error: Option<(String, Instant)>,
    /// What servers have refused.
    refusals: u64,
    /// The log says that channels were forgotten early.
    has_told_forgotten: bool,
    /// A limit of the server that was warned about.
    small_payload: Option<usize>,
}

impl<D: Door> Backplane<D> {
    /// Without a connection yet. Asks the relay for its interest.
    pub(super) fn new(identity: Identity, boot: BootId, door: D, keys: Option<Keys>, now: Instant) -> Self {
        let mut interest = Interest::default();
        for channel in door.channels() {
            interest.add(&channel);
        }
        Self {
            subjects: Subjects::new(&identity.network),
            peers: Peers::new(door.revocations().unwrap_or_default()),
            keys,
            conversations: Conversations::default(),
            history: LinkedHistory::of(&door, &identity.name),
            door,
            identity,
            boot,
            connection: 0,
            server: None,
            alone_since: now,
            last_payload_limit: PAYLOAD_BYTES_USUAL,
            joining: None,
            queue: Queue::default(),
            interest,
            published: Published::default(),
            roster: Roster::default(),
            barriers: Barriers::default(),
            answers: Answers::default(),
            questions: 0,
            heartbeat: 0,
            heartbeat_at: now,
            figures: Figures::default(),
            warned: None,
            lines: Lines::default(),
            must_hold: false,
            try_refused: None,
            dial_warned: None,
            is_stopping: false,
            to_write: Rc::default(),
            to_tick: Rc::default(),
            scratch: Vec::new(),
        }
    }

    /// The way to the relay.
    pub(super) fn door(&mut self) -> &mut D {
        &mut self.door
    }

    /// Whoever waits for this learns that there is something to write.
    pub(super) fn to_write(&self) -> Rc<Notify> {
        self.to_write.clone()
    }

    /// Whoever waits for this learns that [`Self::tick`] is to be called now.
    pub(super) fn to_tick(&self) -> Rc<Notify> {
        self.to_tick.clone()
    }

    /// Hands what has come over to the relay.
    pub(super) fn flush(&mut self) {
        self.door.flush();
        // Nobody can be told to send less of one channel: those are for links between two relays.
        while let Some(channel) = self.door.next_to_hold() {
            drop(channel);
        }
    }

    /// Whether the relay stops and everything has been said.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopping && self.is_drained() && self.queue.is_empty() && self.joining.is_none()
    }

    /// What waits to be written, in bytes.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// What connections are named by.
    fn sender(&self) -> Sender {
        Sender { boot: self.boot, connection: self.connection }
    }

    /// The queue group that only one connection of one relay is in: its subscriptions are told to all servers one by one, and
    /// overtake nobody's.
    fn own_group(&self) -> String {
        format!("{}-{}", self.boot, self.connection)
    }

    fn about(&self) -> About {
        let server = self.server.as_ref().map_or("", |server| &*server.info.server_id);
        About {
            heartbeat: self.heartbeat,
            minor: MINOR,
            content_bytes_max: u32::try_from(self.identity.content_bytes_max).unwrap_or(u32::MAX),
            has_joined: self.has_joined(),
            is_stopping: self.is_stopping,
            has_history: self.history.is_some(),
            server: server.into(),
            cluster: self.cluster().into(),
            network: self.identity.network.clone(),
            name: self.identity.name.clone(),
        }
    }

    /// The cluster of the server; empty: it is alone, or there is none.
    fn cluster(&self) -> &str {
        self.server.as_ref().map_or("", |server| server.info.cluster())
    }

    /// What is wrong is this from now on, as the status says it.
    fn remember_error(&mut self, text: String, now: Instant) {
        self.figures.last_error = Some((text, now));
    }

    /// Whether the same was wrong last; then it is so again.
    fn is_known_error(&mut self, text: &str, now: Instant) -> bool {
        let known = self.figures.last_error.as_mut().filter(|(known, _)| known == text);
        known.map(|(_, at)| *at = now).is_some()
    }

    /// Whether publications leave.
    pub(super) fn has_joined(&self) -> bool {
        self.server.is_some() && self.joining.is_none()
    }

    /// Queues a payload for a subject: what the relay has to say.
    fn send(&mut self, kind: Kind, subject: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.queue_payload(write, |queue, payload| {
            queue.write(kind, |out| command::publish(out, subject, None, &[payload]));
        });
    }

    /// Queues what another relay has asked for, or has brought about, if there is room for that: it asks again.
    fn answer(&mut self, kind: Kind, subject: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if self.queue.has_room_for_answers() {
            self.answer_anyway(kind, subject, write);
        }
    }

    /// The same of what would be missing.
    fn answer_anyway(&mut self, kind: Kind, subject: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.queue_payload(write, |queue, payload| {
            queue.answer(kind, |out| command::publish(out, subject, None, &[payload]));
        });
    }

    fn queue_payload(&mut self, write: impl FnOnce(&mut Vec<u8>), put: impl FnOnce(&mut Queue, &[u8])) {
        if self.server.is_none() {
            return;
        }
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        write(&mut payload);
        put(&mut self.queue, &payload);
        self.scratch = payload;
        self.to_write.notify_one();
    }

    /// Takes out what is to be written next.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) {
        self.tell_numbers();
        let all = self.has_joined();
        self.queue.take(out, all);
    }
}
