//! A simulated relay: the real network behind a door that stands for the relay's own clients and remembers everything.

use super::checker::{Checker, Host, Start};
use super::cluster::World;
use super::dialling::{Dialler, addresses};
use super::gate::{SharedGate, behind};
use crate::frames;
use crate::nats::backplane::Backplane;
use crate::nats::settings::Identity;
use crate::nats::tasks;
use crate::peers::BootId;
use crate::revocation::Revocations;
use crate::routing::{Batch, Door, Event, Publications, Share, Status, Ticket};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The relay's own side of its network.
pub(super) struct Home {
    pub(super) start: Start,
    pub(super) listeners: BTreeSet<Box<str>>,
    /// When each question was asked.
    pub(super) asked: BTreeMap<u64, Instant>,
    has_room: bool,
    waiting: Vec<Waker>,
    checker: Rc<RefCell<Checker>>,
    revocations: Arc<Revocations>,
}

struct SimulatedDoor(Rc<RefCell<Home>>);

impl Door for SimulatedDoor {
    fn announce(&mut self, channel: &str) {
        panic!("nobody is told of others' interest: {channel}");
    }

    fn withdraw(&mut self, channel: &str) {
        panic!("nobody is told of others' interest: {channel}");
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

    fn revocations(&self) -> Option<Arc<Revocations>> {
        Some(self.0.borrow().revocations.clone())
    }

    /// Nobody asks here.
    fn passed(&mut self, _: Ticket) {}
}

/// One start of a relay.
pub(super) struct Relay {
    pub(super) home: Rc<RefCell<Home>>,
    pub(super) revocations: Arc<Revocations>,
    events: mpsc::UnboundedSender<Event>,
    task: JoinHandle<Status>,
    gate: SharedGate,
    next_ticket: u64,
}

/// Starts a relay whose clients listen to these channels.
pub(super) fn start(
    world: &World,
    start: Start,
    listeners: BTreeSet<Box<str>>,
    seed: u64,
    checker: &Rc<RefCell<Checker>>,
) -> Relay {
    let revocations = Arc::<Revocations>::default();
    let home = Rc::new(RefCell::new(Home {
        start,
        listeners,
        asked: BTreeMap::new(),
        has_room: true,
        waiting: Vec::new(),
        checker: checker.clone(),
        revocations: revocations.clone(),
    }));
    let (events, inbox) = mpsc::unbounded_channel();
    let Start { host, boot } = start;
    let mut random = StdRng::seed_from_u64(seed ^ ((host as u64) << 32) ^ (u64::from(boot) << 40));
    let identity = Identity { name: name(host).into(), network: "simulated".into(), content_bytes_max: 100_000 };
    let boot = BootId::new(1_000_000 + 1000 * u64::from(boot) + random.random_range(0..900), &mut random);
    let backplane = Backplane::new(identity, boot, SimulatedDoor(home.clone()), None, Instant::now());
    let servers = Dialler { world: world.clone(), host };
    let gate = SharedGate::default();
    let work = tasks::run(backplane, inbox, servers, addresses(host), random);
    let task = tokio::task::spawn_local(behind(gate.clone(), work));
    Relay { home, revocations, events, task, gate, next_ticket: 0 }
}

pub(super) fn name(host: Host) -> String {
    format!("relay-{host}")
}

impl Relay {
    fn tell(&self, event: Event) {
        assert!(self.events.send(event).is_ok(), "the network has ended");
    }

    pub(super) fn start(&self) -> Start {
        self.home.borrow().start
    }

    pub(super) fn publish(&self, channel: &str, contents: &[String]) {
        let mut frames = Vec::new();
        contents.iter().for_each(|content| frames::push_publish(&mut frames, channel, content));
        let mut batch = Batch::default();
        batch.push(&Publications {
            channel,
            frames: &frames,
            messages: contents.len() as u64,
            share: Share::LINKS,
            history: None,
        });
        self.tell(Event::Publications(batch));
    }

    pub(super) fn subscribe(&mut self, channel: &str) -> u64 {
        self.next_ticket += 1;
        let mut home = self.home.borrow_mut();
        home.listeners.insert(channel.into());
        home.asked.insert(self.next_ticket, Instant::now());
        drop(home);
        let ticket = Ticket { shard: 0, number: self.next_ticket };
        self.tell(Event::Settle { channel: channel.into(), ticket });
        self.next_ticket
    }

    pub(super) fn unsubscribe(&self, channel: &str) {
        self.home.borrow_mut().listeners.remove(channel);
        self.tell(Event::Changed(channel.into()));
    }

    pub(super) fn revocations_changed(&self) {
        self.tell(Event::RevocationsChanged);
    }

    pub(super) fn give_room(&self, has_room: bool) {
        let mut home = self.home.borrow_mut();
        home.has_room = has_room;
        if has_room {
            home.waiting.drain(..).for_each(Waker::wake);
        }
    }

    pub(super) fn is_settled(&self, ticket: u64) -> bool {
        !self.home.borrow().asked.contains_key(&ticket)
    }

    /// The process is stopped by a signal.
    pub(super) fn pause(&self) {
        self.gate.borrow_mut().close();
    }

    /// It goes on. Who asked it something has waited for no fault of the network.
    pub(super) fn resume(&self) {
        self.home.borrow_mut().asked.values_mut().for_each(|asked| *asked = Instant::now());
        self.gate.borrow_mut().open();
    }

    pub(super) async fn status(&self) -> Status {
        let (answer, status) = oneshot::channel();
        self.tell(Event::Status(answer));
        status.await.expect("the network answers")
    }

    /// The process is killed.
    pub(super) async fn kill(self) {
        self.task.abort();
        let ended = self.task.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "the network has died");
    }

    pub(super) async fn stop(self) {
        self.resume();
        self.tell(Event::Stop);
        self.task.await.expect("the network ends well");
    }
}
