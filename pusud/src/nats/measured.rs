//! Measured by micro-benchmarks: a message over NATS, without sockets and without the rest of the relay.
//!
//! Nothing of the daemon calls it. **Invariant:** what is measured is what a connection does with the bytes that it has read,
//! and with what there is to write, and nothing beside it.

use super::backplane::{Backplane, Next};
use super::conversation::Conversation;
use super::server::{Info, Parser};
use super::servers::Way;
use super::settings::Identity;
use super::subjects::Subjects;
use super::wire::{self, About, Presence, Sender};
use crate::peers::BootId;
use crate::routing::{Batch, Door, Ticket};
use bytes::BufMut as _;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// What is read of a socket at a time, in bytes.
const READ_BYTES: usize = 64 * 1024;
/// The longest content, in bytes.
const CONTENT_BYTES_MAX: usize = 64 * 1024;
/// Looking round for other relays takes no longer.
const JOINED_AFTER: Duration = Duration::from_secs(2);

const OWN: BootId = BootId([1; 16]);
const OTHER: Sender = Sender { boot: BootId([2; 16]), connection: 1 };

/// Counts what is delivered, and listens to everything.
#[derive(Clone, Default)]
struct Counting {
    delivered: Rc<Cell<u64>>,
}

impl Door for Counting {
    fn announce(&mut self, _: &str) {}
    fn withdraw(&mut self, _: &str) {}
    fn has_listeners(&self, _: &str) -> bool {
        true
    }
    fn channels(&self) -> Vec<Box<str>> {
        Vec::new()
    }
    fn deliver(&mut self, channel: &str, content: &str) {
        std::hint::black_box((channel, content));
        self.delivered.set(self.delivered.get() + 1);
    }
    fn flush(&mut self) {}
    fn poll_room(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
    fn settled(&mut self, _: Ticket) {}
    fn passed(&mut self, _: Ticket) {}
}

/// A relay that has joined a network, and hears one other.
fn joined(door: Counting) -> Backplane<Counting> {
    let identity = Identity { name: "own".into(), network: "n".into(), content_bytes_max: CONTENT_BYTES_MAX };
    let now = Instant::now();
    let mut backplane = Backplane::new(identity, OWN, door, None, now);
    let info = br#"{"server_id":"S","version":"2.9.10","cluster":"c","headers":true,"max_payload":1048576}"#;
    backplane.connected(Way::default(), Info::parse(info).expect("it is one"), now);
    backplane.tick(now + JOINED_AFTER);
    let about = About {
        heartbeat: 1,
        minor: 0,
        content_bytes_max: CONTENT_BYTES_MAX as u32,
        has_joined: true,
        is_stopping: false,
        has_history: false,
        server: "S".into(),
        cluster: "c".into(),
        network: "n".into(),
        name: "other".into(),
    };
    let mut payload = Vec::new();
    wire::presence(&mut payload, OTHER, Presence::Heartbeat, &about);
    backplane.receive(1, b"pusu.n.all", &payload, now);
    backplane
}

/// Everything that waits to be written, as a connection takes it; gives how many bytes that were.
fn written<D: Door>(backplane: &mut Backplane<D>, out: &mut Vec<u8>, mut each: impl FnMut(&[u8])) -> usize {
    let mut bytes = 0;
    loop {
        out.clear();
        backplane.take(out);
        if out.is_empty() {
            return bytes;
        }
        bytes += out.len();
        each(out);
    }
}

/// A relay that gets messages of another one.
pub struct Receiving {
    backplane: Rc<RefCell<Backplane<Counting>>>,
    conversation: Conversation<Counting>,
    parser: RefCell<Parser>,
    delivered: Rc<Cell<u64>>,
    /// Subjects with the numbers of their subscriptions, and the number of the next publication to each.
    channels: Vec<(String, String, Cell<u64>)>,
    turn: Cell<usize>,
}

impl Receiving {
    /// One that listens to so many channels.
    pub fn new(channels: usize) -> Self {
        let door = Counting::default();
        let delivered = door.delivered.clone();
        let mut backplane = joined(door);
        let (subjects, mut out, mut all) = (Subjects::new("n"), Vec::new(), Vec::new());
        for number in 0..channels {
            let (name, mut sid) = (format!("auction.{number}"), String::new());
            backplane.changed(&name);
            written(&mut backplane, &mut out, |commands| {
                // `SUB <subject> <group> <sid>`, the last one of what was written.
                let text = String::from_utf8_lossy(commands);
                sid = text.trim_end().rsplit(' ').next().unwrap_or_default().to_owned();
            });
            all.push((subjects.of_channel(&name), sid, Cell::new(1)));
        }
        let backplane = Rc::new(RefCell::new(backplane));
        let conversation = Conversation::new(backplane.clone());
        let parser = RefCell::new(Parser::new(1 << 20));
        Self { backplane, conversation, parser, delivered, channels: all, turn: Cell::new(0) }
    }

    /// What a server sends of the next so many messages, to one channel after the other, each of `joined` publications with
    /// this content.
    pub fn messages(&self, count: usize, joined: u64, content: &str) -> Vec<u8> {
        let (mut out, mut payload) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let turn = self.turn.replace((self.turn.get() + 1) % self.channels.len());
            let (subject, sid, next) = &self.channels[turn];
            payload.clear();
            wire::publications_head(&mut payload, OTHER, next.replace(next.get() + joined), 0);
            (0..joined).for_each(|_| wire::content(&mut payload, content.as_bytes()));
            out.extend_from_slice(format!("MSG {subject} {sid} {}\r\n", payload.len()).as_bytes());
            out.extend_from_slice(&payload);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    /// Takes in what has come, in pieces as a socket gives them, until each message has passed the door.
    ///
    /// # Panics
    /// These are no bytes of a server.
    pub fn take_in(&self, mut bytes: &[u8]) {
        let mut parser = self.parser.borrow_mut();
        while !bytes.is_empty() {
            let mut room = parser.room();
            let (piece, rest) = bytes.split_at(bytes.len().min(READ_BYTES).min(room.remaining_mut()));
            // The copy that a system makes of what it has received.
            room.put_slice(piece);
            drop(room);
            bytes = rest;
            let next = self.conversation.take_in(&mut parser);
            assert_eq!(next, Next::GoOn, "a server says nothing else");
        }
    }

    /// How many publications were delivered.
    pub fn delivered(&self) -> u64 {
        self.delivered.get()
    }

    /// How many were not, though they came: none, or something else has been measured.
    pub fn faults(&self) -> u64 {
        let status = self.backplane.borrow().status(Instant::now());
        let of_relays = status.peers.iter().map(|peer| peer.traffic.missed + peer.traffic.late);
        of_relays.chain(status.nats.map(|nats| nats.garbage)).sum()
    }
}

/// A relay whose own sources publish.
pub struct Publishing {
    backplane: Backplane<Counting>,
    out: Vec<u8>,
}

impl Default for Publishing {
    fn default() -> Self {
        Self { backplane: joined(Counting::default()), out: Vec::new() }
    }
}

impl Publishing {
    /// Publishes, and takes out what a connection would write; gives how many bytes that are.
    pub fn publish(&mut self, batch: &Batch) -> usize {
        self.backplane.publish(batch, Instant::now());
        written(&mut self.backplane, &mut self.out, |bytes| {
            std::hint::black_box(bytes);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames;
    use crate::nats::server::command;
    use crate::routing::{Publications, Share};

    #[test]
    fn every_message_that_is_measured_is_delivered() {
        let relay = Receiving::new(3);
        let content = format!("\"{}\"", "x".repeat(126));
        for joined in [1, 16] {
            let before = relay.delivered();
            let bytes = relay.messages(1000, joined, &content);
            relay.take_in(&bytes);
            assert_eq!(relay.delivered() - before, 1000 * joined);
        }
        assert_eq!(relay.faults(), 0);
        // A message that was left out is one.
        relay.messages(3, 1, &content);
        let bytes = relay.messages(3, 1, &content);
        relay.take_in(&bytes);
        assert_eq!(relay.faults(), 3);
    }

    #[test]
    fn every_publication_that_is_measured_is_written() {
        let mut relay = Publishing::default();
        let mut batch = Batch::default();
        let mut frames = Vec::new();
        (0..16).for_each(|_| frames::push_publish(&mut frames, "a", "1"));
        batch.push(&Publications { channel: "a", frames: &frames, messages: 16, share: Share::LINKS, history: None });
        relay.publish(&batch);
        let mut expected = Vec::new();
        command::publish(&mut expected, "pusu.n.c.a", None, &[&[0; 22 + 16 + 16 * 5]]);
        assert_eq!(relay.publish(&batch), expected.len());
    }
}
