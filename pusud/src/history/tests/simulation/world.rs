//! The world: what happens when, and to whom.

use super::class::{Class, Kept, Without};
use super::judge::{Judge, Outcome};
use super::listener::Listener;
use super::network::{End, Wire};
use super::relay::Relay;
use super::shard::Item;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// When faults and travels of listeners begin, and when they end.
pub(super) const BEGIN_MS: i64 = 300;
pub(super) const END_MS: i64 = 7000;
/// How long everything has time to heal.
const HEAL_MS: i64 = 7000;
pub(super) const CHANNELS: [&str; 2] = ["a", "b"];

/// What happens.
pub(super) enum Event {
    /// A relay starts at a place.
    Begin(usize),
    /// Two places link, if they can.
    Link(usize, usize),
    /// A link has been made: an end of it comes up.
    Linked(usize, End),
    /// A relay takes its link for ended.
    Unlinked(usize, usize, End),
    Arrive {
        place: usize,
        end: End,
        message: Vec<u8>,
    },
    Goodbye(usize, usize, End),
    Shard(usize, usize, usize),
    Network(usize, usize),
    Late(usize, usize, usize, Item),
    Tick(usize, usize),
    LookAfter(usize, usize),
    Publish,
    /// A relay of an earlier version publishes.
    PublishUnnumbered,
    /// What it has published arrives.
    Unnumbered(usize, &'static str, usize),
    Join(usize),
    Leave(usize),
    Fault,
    Heal(usize, usize),
    IsDrained(usize, usize),
    Dialled(usize, usize),
}

/// Everything.
pub(super) struct World {
    pub(super) class: Class,
    pub(super) without: Without,
    pub(super) rng: fastrand::Rng,
    pub(super) ms: i64,
    pub(super) event: u64,
    queue: BinaryHeap<Reverse<(i64, u64, usize)>>,
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    pub(super) relays: Vec<Option<Relay>>,
    pub(super) wires: Vec<Wire>,
    pub(super) links: u64,
    pub(super) listeners: Vec<Listener>,
    pub(super) judge: Judge,
    pub(super) next_source: usize,
    pub(super) is_over: bool,
    /// How much each relay keeps; where that is not said, its class says so.
    pub(super) kept: Vec<Kept>,
    /// Everything that happens is said, and nothing happens by chance but how long it takes.
    pub(super) is_told: bool,
    /// The next publications have no room on the links.
    pub(super) overflows: bool,
    /// When the last unnumbered publication arrives, at each place.
    pub(super) unnumbered_ms: Vec<i64>,
    trace: bool,
}

impl World {
    pub(super) fn new(class: Class, without: Without, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let judge = Judge::new(class);
        let places = rng.usize(2..=4);
        let count = rng.usize(3..=7);
        let channels = class.all_channels();
        let listeners =
            (0..count).map(|_| Listener::new(channels[rng.usize(..channels.len())], judge.clone())).collect();
        let wires = (0..places * places).map(|_| Wire::new(&mut rng)).collect();
        let mut world = Self {
            class,
            without,
            rng,
            ms: 0,
            event: 0,
            queue: BinaryHeap::new(),
            events: Vec::new(),
            free: Vec::new(),
            relays: (0..places).map(|_| None).collect(),
            wires,
            links: 0,
            listeners,
            judge,
            next_source: 0,
            is_over: false,
            kept: Vec::new(),
            is_told: false,
            overflows: false,
            unnumbered_ms: vec![0; places],
            trace: std::env::var_os("PUSU_HISTORY_TRACE").is_some(),
        };
        (0..places).for_each(|place| world.after(0, Event::Begin(place)));
        (0..count).for_each(|listener| world.after(BEGIN_MS, Event::Join(listener)));
        world.after(BEGIN_MS, Event::Publish);
        world.after(BEGIN_MS + 200, Event::Fault);
        if class.has_unnumbered() {
            world.after(BEGIN_MS, Event::PublishUnnumbered);
        }
        world
    }

    /// A world in which nothing happens that is not said. Its relays keep so much.
    pub(super) fn told(class: Class, without: Without, seed: u64, kept: &[Kept]) -> Self {
        let mut world = Self::new(class, without, seed);
        world.queue.clear();
        (world.events, world.free) = Default::default();
        let places = kept.len();
        world.relays = (0..places).map(|_| None).collect();
        world.wires = (0..places * places).map(|_| Wire::new(&mut world.rng)).collect();
        world.listeners = Vec::new();
        (world.kept, world.is_told) = (kept.to_vec(), true);
        world
    }

    /// So much time passes.
    pub(super) fn pass(&mut self, ms: i64) {
        let until_ms = self.ms + ms;
        while self.queue.peek().is_some_and(|Reverse((ms, ..))| *ms <= until_ms) {
            self.step();
        }
        self.ms = until_ms;
        self.event += 1;
    }

    /// Runs to the end.
    pub(super) fn run(mut self) -> Result<Outcome, String> {
        while let Some(ms) = self.queue.peek().map(|Reverse((ms, ..))| *ms) {
            if ms > END_MS + HEAL_MS || self.judge.has_failed() {
                break;
            }
            if ms >= END_MS && !self.is_over {
                self.is_over = true;
                self.heal_all();
            }
            self.step();
        }
        if let Some(place) = self.listeners.iter().position(|listener| listener.connection.is_none())
            && !self.judge.has_failed()
        {
            return Err(format!("listener {place} finds no relay in the end"));
        }
        self.judge.close(&self.listeners)
    }

    /// The next thing happens.
    fn step(&mut self) {
        let Some(Reverse((ms, _, place))) = self.queue.pop() else { return };
        self.ms = ms;
        self.event += 1;
        let event = self.events[place].take().expect("it was put there");
        self.free.push(place);
        self.happen(event);
    }

    pub(super) fn after(&mut self, ms: i64, event: Event) {
        self.at(self.ms + ms, event);
    }

    pub(super) fn at(&mut self, ms: i64, event: Event) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[place] = Some(event);
        self.event += 1;
        self.queue.push(Reverse((ms, self.event, place)));
    }

    pub(super) fn log(&self, told: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>6} {}", self.ms, told());
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Begin(place) => self.begin(place),
            Event::Link(one, other) => self.link(one, other),
            Event::Linked(place, end) => self.linked(place, end),
            Event::Unlinked(place, other, end) => self.unlinked(place, other, end, false),
            Event::Goodbye(place, other, end) => self.unlinked(place, other, end, true),
            Event::Arrive { place, end, message } => self.arrive(place, end, &message),
            Event::Shard(place, start, shard) => self.turn(place, start, shard),
            Event::Network(place, start) => self.network(place, start),
            Event::Late(place, start, shard, item) => {
                if let Some(relay) = self.relay(place, start) {
                    relay.inboxes.shards[shard].inbox.push_back(item);
                    self.after_calls(place);
                }
            }
            Event::Tick(place, start) => {
                let ms = self.ms;
                if let Some(relay) = self.relay(place, start).filter(|relay| relay.tick_ms == ms) {
                    relay.tick_ms = i64::MAX;
                    relay.inboxes.event += 1;
                    relay.tick(ms);
                    self.after_calls(place);
                }
            }
            Event::LookAfter(place, start) => self.look_after(place, start),
            Event::Publish => self.publish(),
            Event::PublishUnnumbered => self.publish_unnumbered(),
            Event::Unnumbered(place, channel, id) => self.take_unnumbered(place, channel, id),
            Event::Join(listener) => self.join(listener),
            Event::Leave(listener) => self.leave(listener),
            Event::Fault => self.fault(),
            Event::Heal(one, other) => self.heal(one, other),
            Event::IsDrained(place, start) => self.is_drained(place, start),
            Event::Dialled(place, start) => self.dialled(place, start),
        }
    }

    /// A start of a relay at a place, if it goes on.
    pub(super) fn relay(&mut self, place: usize, start: usize) -> Option<&mut Relay> {
        let (event, ms) = (self.event, self.ms);
        let relay = self.relays[place].as_mut().filter(|relay| relay.start == start)?;
        (relay.inboxes.event, relay.inboxes.ms) = (event, ms);
        Some(relay)
    }

    pub(super) fn wire(&mut self, one: usize, other: usize) -> &mut Wire {
        let places = self.relays.len();
        &mut self.wires[one.min(other) * places + one.max(other)]
    }

    /// What a relay has put into its inboxes and queues gets on its way.
    pub(super) fn after_calls(&mut self, place: usize) {
        let ms = self.ms;
        let Some(relay) = self.relays[place].as_mut() else { return };
        let (start, started_ms) = (relay.start, relay.started_ms);
        let sent = std::mem::take(&mut relay.inboxes.sent);
        let late = std::mem::take(&mut relay.inboxes.late);
        let awake: Vec<_> = (0..relay.inboxes.shards.len())
            .filter(|&shard| {
                let shard = &mut relay.inboxes.shards[shard];
                !shard.inbox.is_empty() && !std::mem::replace(&mut shard.is_awake, true)
            })
            .collect();
        let sends = !relay.inboxes.outgoing.is_empty() && !std::mem::replace(&mut relay.inboxes.is_sending, true);
        let now = relay.now(ms);
        let due = relay.healing.next_due(now).map(|due| (due + started_ms).max(ms + 1));
        if let Some(due) = due.filter(|due| *due < relay.tick_ms) {
            relay.tick_ms = due;
            self.at(due, Event::Tick(place, start));
        }
        for shard in awake {
            let ms = self.turn_ms();
            self.after(ms, Event::Shard(place, start, shard));
        }
        if sends {
            let ms = if self.rng.u8(..50) == 0 { 60 } else { self.rng.i64(0..6) };
            self.after(ms, Event::Network(place, start));
        }
        for (shard, item) in late {
            let ms = self.rng.i64(0..6);
            self.after(ms, Event::Late(place, start, shard, item));
        }
        for (peer, message) in sent {
            self.send(place, start, peer, message);
        }
    }

    /// Whether the time of faults is over.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}
