//! A relay on the bench: its network without tasks and sockets, whose door remembers everything, and what it writes as a
//! server reads it.

use crate::frames;
use crate::history::{Appended, Logs};
use crate::nats::backplane::Backplane;
use crate::nats::server::Info;
use crate::nats::servers::Way;
use crate::nats::settings::Identity;
pub(super) use crate::nats::wire::About;
use crate::nats::wire::{self, Message, Presence, Sender};
use crate::peers::BootId;
use crate::revocation::Revocations;
use crate::routing::{Batch, Door, NatsStatus, PeerStatus, Publications, Share, Ticket};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The subscriptions of each relay to what all are told, and to what it alone is told.
pub(super) const ALL: u64 = 1;
pub(super) const ALONE: u64 = 2;

#[derive(Default)]
pub(super) struct Home {
    pub(super) listeners: BTreeSet<Box<str>>,
    pub(super) delivered: Vec<(String, String)>,
    pub(super) settled: Vec<u64>,
    pub(super) revocations: Arc<Revocations>,
    pub(super) logs: Option<Arc<Logs>>,
    /// What was delivered with numbers; a gap has no content.
    pub(super) numbered: Vec<(String, Vec<String>)>,
    pub(super) is_ready: bool,
}

impl Door for Home {
    fn announce(&mut self, _: &str) {}
    fn withdraw(&mut self, _: &str) {}
    fn has_listeners(&self, channel: &str) -> bool {
        self.listeners.contains(channel)
    }
    fn channels(&self) -> Vec<Box<str>> {
        Vec::new()
    }
    fn deliver(&mut self, channel: &str, content: &str) {
        self.delivered.push((channel.to_owned(), content.to_owned()));
    }
    fn logs(&self) -> Option<Arc<Logs>> {
        self.logs.clone()
    }
    fn deliver_numbered(&mut self, frames: &[u8], appended: Appended, _: u64) {
        let channel = appended.log.name();
        let contents = frames::contents(channel, frames).map(|content| String::from_utf8_lossy(content).into_owned());
        self.numbered.push((channel.to_owned(), contents.collect()));
    }
    fn history_is_ready(&mut self) {
        self.is_ready = true;
    }
    fn flush(&mut self) {}
    fn poll_room(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
    fn settled(&mut self, ticket: Ticket) {
        self.settled.push(ticket.number);
    }
    fn revocations(&self) -> Option<Arc<Revocations>> {
        Some(self.revocations.clone())
    }
    fn passed(&mut self, _: Ticket) {}
}

/// A relay, and its time.
pub(super) struct Bench {
    pub(super) backplane: Backplane<Home>,
    pub(super) now: Instant,
    /// The server answers its PINGs.
    pub(super) is_heard: bool,
    boot: u8,
    connection: u32,
}

/// A publication as it was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) payload: Vec<u8>,
}

impl Written {
    pub(super) fn message(&self) -> Message<'_> {
        wire::parse(&self.payload).expect("relays write payloads").1
    }
}

impl Bench {
    /// A relay without a connection. The boot id has this byte all over.
    pub(super) fn new(name: &str, boot: u8) -> Self {
        Self::of(name, boot, Home::default())
    }

    /// The same with what is behind its door.
    pub(super) fn of(name: &str, boot: u8, home: Home) -> Self {
        let identity = Identity { name: name.into(), network: "n".into(), content_bytes_max: 1000 };
        let now = Instant::now();
        let backplane = Backplane::new(identity, BootId([boot; 16]), home, None, now);
        Self { backplane, now, is_heard: true, boot, connection: 0 }
    }

    /// One that has a connection, and has looked round for others.
    pub(super) fn joined(name: &str, boot: u8) -> Self {
        let mut bench = Self::new(name, boot);
        bench.connect("S1");
        bench.pass(Duration::from_millis(300));
        assert!(bench.backplane.has_joined());
        bench.written();
        bench
    }

    pub(super) fn connect(&mut self, server: &str) {
        self.backplane.connected(Way::default(), info(server), self.now);
        self.connection += 1;
    }

    /// So much time passes.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let due = self.backplane.tick(self.now);
            assert!(due > self.now, "it takes the processor for nothing");
            self.backplane.heal(self.now);
            if self.is_heard {
                self.backplane.heard(self.now);
            }
            if due > end {
                break;
            }
            self.now = due;
        }
        self.now = end;
    }

    pub(super) fn receive(&mut self, sid: u64, payload: &[u8]) {
        self.receive_at(b"subject", sid, payload);
    }

    pub(super) fn receive_at(&mut self, subject: &[u8], sid: u64, payload: &[u8]) {
        self.backplane.receive(sid, subject, payload, self.now);
    }

    /// One of its own sources publishes.
    pub(super) fn publish(&mut self, channel: &str, content: &str) {
        self.backplane.publish(&batch(channel, content), self.now);
    }

    pub(super) fn subscribe(&mut self, channel: &str, ticket: u64) {
        self.home().listeners.insert(channel.into());
        self.backplane.settle(channel, Ticket { shard: 0, number: ticket }, self.now);
    }

    pub(super) fn unsubscribe(&mut self, channel: &str) {
        self.home().listeners.remove(channel);
        self.backplane.changed(channel);
    }

    /// Another relay answers a barrier: of these places it is so far.
    pub(super) fn passed(&mut self, boot: u8, number: u64, lasts: &[(u32, u64)]) {
        let lasts = lasts.iter().map(|(place, last)| (*place, 0, *last));
        self.receive(ALONE, &payload(|out| wire::passed(out, sender(boot, 1), (number, 0), lasts)));
    }

    pub(super) fn home(&mut self) -> &mut Home {
        self.backplane.door()
    }

    /// Everything that was written since it was asked for last: the publications, and the commands before them.
    pub(super) fn written_all(&mut self) -> (Vec<String>, Vec<Written>) {
        let (mut commands, mut publications) = (Vec::new(), Vec::new());
        loop {
            let mut out = Vec::new();
            self.backplane.take(&mut out);
            if out.is_empty() {
                return (commands, publications);
            }
            let mut rest = &out[..];
            while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
                let line = std::str::from_utf8(&rest[..end]).unwrap();
                rest = &rest[end + 2..];
                if let Some(fields) = line.strip_prefix("PUB ") {
                    let (subject, len) = fields.split_once(' ').unwrap();
                    let len: usize = len.parse().unwrap();
                    publications.push(Written { subject: subject.to_owned(), payload: rest[..len].to_vec() });
                    rest = &rest[len + 2..];
                } else {
                    commands.push(line.to_owned());
                }
            }
        }
    }

    /// The publications alone.
    pub(super) fn written(&mut self) -> Vec<Written> {
        self.written_all().1
    }

    /// The subject where one connection of it listens.
    pub(super) fn subject(&self) -> String {
        format!("pusu.n.r.{}-{}", BootId([self.boot; 16]), self.connection)
    }

    pub(super) fn nats(&self) -> NatsStatus {
        self.backplane.status(self.now).nats.unwrap()
    }

    pub(super) fn peer(&self, name: &str) -> Option<PeerStatus> {
        self.backplane.status(self.now).peers.into_iter().find(|peer| peer.name.as_deref() == Some(name))
    }
}

/// A publication of a relay's own source.
pub(super) fn batch(channel: &str, content: &str) -> Batch {
    let (mut frames, mut batch) = (Vec::new(), Batch::default());
    frames::push_publish(&mut frames, channel, content);
    batch.push(&Publications { channel, frames: &frames, messages: 1, share: Share::LINKS, history: None });
    batch
}

/// What a server of the cluster says of itself.
pub(super) fn info(server: &str) -> Info {
    let json =
        format!(r#"{{"server_id":"{server}","version":"2.9.10","cluster":"c","headers":true,"max_payload":1048576}}"#);
    Info::parse(json.as_bytes()).unwrap()
}

pub(super) fn sender(boot: u8, connection: u32) -> Sender {
    Sender { boot: BootId([boot; 16]), connection }
}

/// What another relay says of itself.
pub(super) fn about(name: &str, heartbeat: u64) -> About {
    About {
        heartbeat,
        minor: 0,
        content_bytes_max: 1000,
        has_joined: true,
        is_stopping: false,
        has_history: false,
        server: "S2".into(),
        cluster: "c".into(),
        network: "n".into(),
        name: name.into(),
    }
}

pub(super) fn payload(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// The boot id of a stranger, one of many.
pub(super) fn stranger(number: u16) -> Sender {
    let [high, low] = number.to_be_bytes();
    Sender { boot: BootId(std::array::from_fn(|at| [high, low, 77][at.min(2)])), connection: 1 }
}

/// HEARTBEAT of another relay.
pub(super) fn heartbeat(boot: u8, connection: u32, about: &About) -> Vec<u8> {
    payload(|out| wire::presence(out, sender(boot, connection), Presence::Heartbeat, about))
}

/// WELCOME of another relay.
pub(super) fn welcome(boot: u8, connection: u32, about: &About) -> Vec<u8> {
    payload(|out| wire::presence(out, sender(boot, connection), Presence::Welcome, about))
}

/// PUBLICATIONS of another relay.
pub(super) fn publications(boot: u8, first: u64, contents: &[&str]) -> Vec<u8> {
    payload(|out| {
        wire::publications_head(out, sender(boot, 1), first, 0);
        contents.iter().for_each(|content| wire::content(out, content.as_bytes()));
    })
}
