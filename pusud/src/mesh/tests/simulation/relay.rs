//! A simulated relay: the real network behind a door that stands for the relay's own clients and remembers everything.

use super::checker::{Checker, Start};
use super::wire::{Host, Wire, World, address};
use crate::config::{Encryption, PeerAddress};
use crate::frames;
use crate::mesh::membership::{LinkEncryption, Settings};
use crate::mesh::tasks;
use crate::peers::BootId;
use crate::peers::Keys;
use crate::routing::{Batch, Door, Event, Publications, Share, Status, Ticket};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The relay's own side of its network.
pub(in crate::mesh::tests) struct Home {
    pub(in crate::mesh::tests) start: Start,
    pub(in crate::mesh::tests) listeners: BTreeSet<Box<str>>,
    pub(in crate::mesh::tests) wanted: BTreeSet<Box<str>>,
    /// When each question was asked.
    pub(in crate::mesh::tests) asked: BTreeMap<u64, Instant>,
    pub(in crate::mesh::tests) has_room: bool,
    /// What peers are to send no more of: what is not known yet, and how often all else is.
    to_hold: Vec<Box<str>>,
    held: BTreeMap<Box<str>, usize>,
    waiting: Vec<Waker>,
    checker: Rc<RefCell<Checker>>,
}

struct SimulatedDoor(Rc<RefCell<Home>>);

impl Door for SimulatedDoor {
    fn announce(&mut self, channel: &str) {
        assert!(self.0.borrow_mut().wanted.insert(channel.into()), "announced twice: {channel}");
    }

    fn withdraw(&mut self, channel: &str) {
        assert!(self.0.borrow_mut().wanted.remove(channel), "withdrawn without being announced: {channel}");
    }

    fn has_listeners(&self, channel: &str) -> bool {
        self.0.borrow().listeners.contains(channel)
    }

    fn channels(&self) -> Vec<Box<str>> {
        self.0.borrow().listeners.iter().cloned().collect()
    }

    fn deliver(&mut self, channel: &str, content: &str) {
        let home = self.0.borrow();
        home.checker.borrow_mut().delivered(home.start, channel, content);
    }

    fn flush(&mut self) {}

    fn next_to_hold(&mut self) -> Option<Box<str>> {
        let mut home = self.0.borrow_mut();
        let channel = home.to_hold.pop()?;
        *home.held.entry(channel.clone()).or_default() += 1;
        Some(channel)
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut home = self.0.borrow_mut();
        if home.has_room {
            return Poll::Ready(());
        }
        home.waiting.push(cx.waker().clone());
        Poll::Pending
    }

    fn settled(&mut self, ticket: Ticket) {
        let asked = self.0.borrow_mut().asked.remove(&ticket.number).expect("a question is answered once");
        assert!(asked.elapsed().as_millis() <= 1100, "answered after {:?}", asked.elapsed());
    }

    /// Nobody asks here.
    fn passed(&mut self, _: Ticket) {}
}

/// One start of a relay.
pub(in crate::mesh::tests) struct Relay {
    pub(in crate::mesh::tests) home: Rc<RefCell<Home>>,
    events: mpsc::UnboundedSender<Event>,
    task: JoinHandle<Status>,
    next_ticket: u64,
}

pub(in crate::mesh::tests) fn start(
    world: &World,
    start: Start,
    relays: usize,
    seed: u64,
    checker: &Rc<RefCell<Checker>>,
) -> Relay {
    start_with(world, start, (0..relays).map(address).collect(), seed, checker)
}

/// The same, with a list of its own.
pub(in crate::mesh::tests) fn start_with(
    world: &World,
    start: Start,
    relays: Vec<PeerAddress>,
    seed: u64,
    checker: &Rc<RefCell<Checker>>,
) -> Relay {
    let home = Rc::new(RefCell::new(Home {
        start,
        listeners: BTreeSet::new(),
        wanted: BTreeSet::new(),
        asked: BTreeMap::new(),
        has_room: true,
        to_hold: Vec::new(),
        held: BTreeMap::new(),
        waiting: Vec::new(),
        checker: checker.clone(),
    }));
    let (events, inbox) = mpsc::unbounded_channel();
    let mut random = StdRng::seed_from_u64(seed ^ ((start.host as u64) << 32) ^ ((start.boot as u64) << 40));
    let settings = Settings {
        name: name(start.host),
        network_name: "simulated".into(),
        relays,
        keys: (seed % 2 == 1).then(|| Keys::parse(&[b'k'; 32]).unwrap()),
        // With a key, encrypted; without one, some.
        encryption: LinkEncryption::of(
            [Encryption::Off, Encryption::Preferred][usize::from(!seed.is_multiple_of(4))],
            None,
            true,
        )
        .unwrap(),
        max_message_bytes: 100_000,
    };
    let boot = BootId::new(1_000_000 + 1000 * start.boot as u64 + random.random_range(0..900), &mut random);
    let door = SimulatedDoor(home.clone());
    let wire = Wire::new(world, start.host);
    let task = tokio::task::spawn_local(tasks::run(settings, boot, (door, inbox), wire, random));
    Relay { home, events, task, next_ticket: 0 }
}

pub(in crate::mesh::tests) fn name(host: Host) -> String {
    format!("relay-{host}")
}

impl Relay {
    fn tell(&self, event: Event) {
        assert!(self.events.send(event).is_ok(), "the network has ended");
    }

    /// A local source publishes to a channel; does what a shard does with it.
    pub(in crate::mesh::tests) fn publish(&self, channel: &str, content: &str) -> bool {
        if !self.home.borrow().wanted.contains(channel) {
            return false;
        }
        let mut frames = Vec::new();
        frames::push_publish(&mut frames, channel, content);
        let mut batch = Batch::default();
        batch.push(&Publications { channel, frames: &frames, messages: 1, share: Share::LINKS, history: None });
        self.tell(Event::Publications(batch));
        true
    }

    pub(in crate::mesh::tests) fn subscribe(&mut self, channel: &str) -> u64 {
        self.home.borrow_mut().listeners.insert(channel.into());
        self.next_ticket += 1;
        self.home.borrow_mut().asked.insert(self.next_ticket, Instant::now());
        let ticket = Ticket { shard: 0, number: self.next_ticket };
        self.tell(Event::Settle { channel: channel.into(), ticket });
        self.next_ticket
    }

    pub(in crate::mesh::tests) fn unsubscribe(&self, channel: &str) {
        self.home.borrow_mut().listeners.remove(channel);
        self.tell(Event::Changed(channel.into()));
    }

    pub(in crate::mesh::tests) fn give_room(&self, has_room: bool) {
        let mut home = self.home.borrow_mut();
        home.has_room = has_room;
        if has_room {
            home.waiting.drain(..).for_each(Waker::wake);
        }
    }

    /// More of a channel comes than is delivered.
    pub(in crate::mesh::tests) fn hold(&self, channel: &str) {
        self.home.borrow_mut().to_hold.push(channel.into());
    }

    /// Everything has been delivered.
    pub(in crate::mesh::tests) fn let_go(&self) {
        let mut home = self.home.borrow_mut();
        home.to_hold.clear();
        for (channel, marks) in std::mem::take(&mut home.held) {
            self.tell(Event::GoOn { channel, marks });
        }
    }

    pub(in crate::mesh::tests) fn is_settled(&self, ticket: u64) -> bool {
        !self.home.borrow().asked.contains_key(&ticket)
    }

    pub(in crate::mesh::tests) async fn status(&self) -> Status {
        let (answer, status) = oneshot::channel();
        self.tell(Event::Status(answer));
        status.await.expect("the network answers")
    }

    /// The process is killed.
    pub(in crate::mesh::tests) async fn kill(self) {
        self.task.abort();
        let ended = self.task.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "the network has died");
    }

    pub(in crate::mesh::tests) async fn stop(self) {
        self.tell(Event::Stop);
        self.task.await.expect("the network ends well");
    }
}
