//! The world: what happens when, and to whom.

use super::class::{Class, Without};
use super::judge::{Judge, Outcome};
use super::listener::Listener;
use super::network::{End, Travel, Wire};
use super::relay::Relay;
use super::shard::{self, Connection, Frame, Item};
use crate::history::{Answer, Appended, Joining, Origin, Placed, Position, Start, Way, push_publications};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// When faults and travels of listeners begin, and when they end.
pub(super) const BEGIN_MS: i64 = 300;
pub(super) const END_MS: i64 = 7000;
/// How long everything has time to heal.
const HEAL_MS: i64 = 7000;
const CHANNELS: [&str; 2] = ["a", "b"];

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
    Arrive { place: usize, end: End, message: Vec<u8> },
    Goodbye(usize, usize, End),
    Shard(usize, usize, usize),
    Network(usize, usize),
    Late(usize, usize, usize, Item),
    Tick(usize, usize),
    LookAfter(usize, usize),
    Publish,
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
    without: Without,
    pub(super) rng: fastrand::Rng,
    pub(super) ms: i64,
    pub(super) event: u64,
    queue: BinaryHeap<Reverse<(i64, u64, usize)>>,
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    pub(super) relays: Vec<Option<Relay>>,
    pub(super) wires: Vec<Wire>,
    links: u64,
    listeners: Vec<Listener>,
    pub(super) judge: Judge,
    next_source: usize,
    is_over: bool,
    trace: bool,
}

impl World {
    pub(super) fn new(class: Class, without: Without, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let judge = Judge::new(class);
        let places = rng.usize(2..=4);
        let count = rng.usize(3..=7);
        let listeners = (0..count).map(|_| Listener::new(CHANNELS[rng.usize(..2)], judge.clone())).collect();
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
            trace: std::env::var_os("PUSU_HISTORY_TRACE").is_some(),
        };
        (0..places).for_each(|place| world.after(0, Event::Begin(place)));
        (0..count).for_each(|listener| world.after(BEGIN_MS, Event::Join(listener)));
        world.after(BEGIN_MS, Event::Publish);
        world.after(BEGIN_MS + 200, Event::Fault);
        world
    }

    /// Runs to the end.
    pub(super) fn run(mut self) -> Result<Outcome, String> {
        while let Some(Reverse((ms, _, place))) = self.queue.pop() {
            if ms > END_MS + HEAL_MS || self.judge.has_failed() {
                break;
            }
            if ms >= END_MS && !self.is_over {
                self.is_over = true;
                self.heal_all();
            }
            self.ms = ms;
            self.event += 1;
            let event = self.events[place].take().expect("it was put there");
            self.free.push(place);
            self.happen(event);
        }
        if let Some(place) = self.listeners.iter().position(|listener| listener.connection.is_none())
            && !self.judge.has_failed()
        {
            return Err(format!("listener {place} finds no relay in the end"));
        }
        self.judge.close(&self.listeners)
    }

    pub(super) fn after(&mut self, ms: i64, event: Event) {
        self.at(self.ms + ms, event);
    }

    fn at(&mut self, ms: i64, event: Event) {
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
            Event::LookAfter(place, start) => {
                let ms = self.ms;
                if let Some(relay) = self.relay(place, start) {
                    relay.logs.look_after(relay.now(ms), |_| true);
                    self.after(1000, Event::LookAfter(place, start));
                }
            }
            Event::Publish => self.publish(),
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
        let event = self.event;
        let relay = self.relays[place].as_mut().filter(|relay| relay.start == start)?;
        relay.inboxes.event = event;
        Some(relay)
    }

    pub(super) fn wire(&mut self, one: usize, other: usize) -> &mut Wire {
        let places = self.relays.len();
        &mut self.wires[one.min(other) * places + one.max(other)]
    }

    pub(super) fn begin(&mut self, place: usize) {
        if self.relays[place].is_some() {
            return;
        }
        let relay = Relay::new(place, self.class, self.without, self.ms, &self.judge, &mut self.rng);
        let start = relay.start;
        self.log(|| format!("{place} begins as {:?}", relay.origin));
        self.relays[place] = Some(relay);
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            let ms = self.rng.i64(1..100);
            self.after(ms, Event::Link(place, other));
        }
        self.after(100, Event::Dialled(place, start));
        self.after(1000, Event::LookAfter(place, start));
        self.after_calls(place);
    }

    /// Whether everybody is linked who can be.
    fn dialled(&mut self, place: usize, start: usize) {
        if self.relay(place, start).is_none_or(|relay| relay.healing.is_ready()) {
            return;
        }
        let mut is_dialled = true;
        for other in 0..self.relays.len() {
            let is_there = other != place && self.relays[other].is_some();
            let wire = self.wire(place, other);
            is_dialled &= !is_there || wire.is_cut || wire.ends[usize::from(place > other)].is_some();
        }
        if is_dialled {
            self.relay(place, start).expect("it goes on").healing.dialled();
            let ms = self.ms;
            self.relay(place, start).expect("it goes on").tick(ms);
        }
        self.after_calls(place);
        self.after(20, Event::Dialled(place, start));
    }

    /// Two places make a link, unless they have one.
    fn link(&mut self, one: usize, other: usize) {
        let (Some(here), Some(there)) = (&self.relays[one], &self.relays[other]) else { return };
        let starts = [here.start, there.start];
        if here.draining.is_some() || there.draining.is_some() {
            return;
        }
        let (ms, link, up_ms) = (self.ms, self.links + 1, self.rng.i64(0..40));
        let wire = self.wire(one, other);
        if wire.is_cut || wire.goes_on() {
            return;
        }
        wire.begin(link, ms + up_ms);
        self.links = link;
        let end = End { here: starts[1], there: starts[0], link };
        self.after(0, Event::Linked(other, end));
        self.after(up_ms, Event::Linked(one, End { here: end.there, there: end.here, link }));
    }

    fn other_of(&self, place: usize, end: End) -> usize {
        let ends = (0..self.relays.len()).filter(|other| *other != place);
        let places = self.relays.len();
        ends.into_iter()
            .find(|other| self.wires[place.min(*other) * places + place.max(*other)].link == end.link)
            .unwrap_or(place)
    }

    fn linked(&mut self, place: usize, end: End) {
        let other = self.other_of(place, end);
        if other == place || self.relay(place, end.here).is_none() {
            return;
        }
        let wire = self.wire(place, other);
        if !wire.goes_on() {
            // It has ended before this side knew of it.
            return self.after(50, Event::Link(place, other));
        }
        let side = usize::from(place > other);
        let before = wire.ends[side].replace(end);
        if let Some(before) = before {
            self.unlinked_in(place, before);
        }
        let Some(peer) = self.relays[other].as_ref().filter(|relay| relay.start == end.there) else { return };
        let (peer, ms) = (peer.origin, self.ms);
        self.log(|| format!("{place} links with {other}"));
        let relay = self.relay(place, end.here).expect("it goes on");
        let now = relay.now(ms);
        relay.healing.linked(peer, &format!("relay-{other}"), now, &mut relay.inboxes);
        self.after_calls(place);
    }

    fn unlinked_in(&mut self, place: usize, end: End) {
        let (ms, there) = (self.ms, self.origin_of(end.there));
        if let Some(relay) = self.relay(place, end.here) {
            let now = relay.now(ms);
            relay.healing.unlinked(there, false, now);
        }
    }

    fn origin_of(&self, start: usize) -> Origin {
        self.judge.origin(start)
    }

    fn unlinked(&mut self, place: usize, other: usize, end: End, said_goodbye: bool) {
        let (ms, side) = (self.ms, usize::from(place > other));
        let wire = self.wire(place, other);
        if wire.ends[side] != Some(end) {
            return;
        }
        if wire.link == end.link {
            wire.end(ms);
        }
        let wire = self.wire(place, other);
        wire.ends[side] = None;
        let (ms, there) = (self.ms, self.origin_of(end.there));
        self.log(|| format!("{place} ends its link with {other}, goodbye {said_goodbye}"));
        if let Some(relay) = self.relay(place, end.here) {
            let now = relay.now(ms);
            relay.healing.unlinked(there, said_goodbye, now);
            relay.is_clean &= said_goodbye;
            self.after_calls(place);
        }
        let ms = self.rng.i64(50..500);
        self.after(ms, Event::Link(place, other));
    }

    fn arrive(&mut self, place: usize, end: End, message: &[u8]) {
        let (ms, from) = (self.ms, self.origin_of(end.there));
        let way = self.class.way();
        let other = self.other_of(place, end);
        let is_up = other != place && self.wire(place, other).ends[usize::from(place > other)] == Some(end);
        let Some(relay) = self.relay(place, end.here) else { return };
        if way == Way::Links && !is_up {
            return;
        }
        let now = relay.now(ms);
        let received = relay.healing.received(from, message, now, &mut relay.inboxes);
        if received.is_err() {
            self.judge.fail(format!("{place} cannot read {message:?}"));
        }
        self.after_calls(place);
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

    fn send(&mut self, place: usize, start: usize, peer: Origin, message: Vec<u8>) {
        let side = |other| usize::from(place > other);
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            let Some(end) = self.wire(place, other).ends[side(other)].filter(|end| end.here == start) else { continue };
            if self.origin_of(end.there) != peer {
                continue;
            }
            let (ms, way) = (self.ms, self.class.way());
            let places = self.relays.len();
            let wire = &mut self.wires[place.min(other) * places + place.max(other)];
            let Travel(arrives) = wire.travel(side(other), end, way, ms, &mut self.rng);
            if let Some(ms) = arrives {
                let end = End { here: end.there, there: end.here, link: end.link };
                self.at(ms, Event::Arrive { place: other, end, message });
            }
            return;
        }
    }

    fn turn_ms(&mut self) -> i64 {
        match self.rng.u8(..60) {
            0 => self.rng.i64(0..150),
            1..6 => self.rng.i64(0..20),
            _ => self.rng.i64(0..3),
        }
    }

    /// A shard takes items out of its inbox.
    fn turn(&mut self, place: usize, start: usize, shard: usize) {
        let count = self.rng.usize(1..=3);
        for _ in 0..count {
            let Some(relay) = self.relay(place, start) else { return };
            let Some(item) = relay.inboxes.shards[shard].inbox.pop_front() else { break };
            if !item.is_delivered {
                self.deliver(place, shard, &item);
            }
            item.appended.log.delivered(shard);
        }
        let Some(relay) = self.relay(place, start) else { return };
        relay.inboxes.shards[shard].is_awake = false;
        self.after_calls(place);
    }

    fn deliver(&mut self, place: usize, shard: usize, item: &Item) {
        let relay = self.relays[place].as_ref().expect("it goes on");
        let listeners = relay.inboxes.shards[shard].listeners.get(item.appended.log.name());
        let merges = self.without != Without::MergedWithSkip;
        for listener in listeners.cloned().unwrap_or_default() {
            if !shard::deliver(&mut self.listeners[listener], item, merges) {
                self.leave(listener);
            }
        }
    }

    /// A source publishes some.
    fn publish(&mut self) {
        let ms = self.rng.i64(5..40);
        if self.ms < END_MS + 1500 {
            self.after(ms, Event::Publish);
        }
        let place = self.rng.usize(..self.relays.len());
        let Some(relay) = self.relays[place].as_ref().filter(|relay| relay.takes_clients()) else { return };
        let (start, shards) = (relay.start, relay.inboxes.shards.len());
        let shard = self.rng.usize(..shards);
        let channel = CHANNELS[self.rng.usize(..2)];
        let source = start * 8 + shard;
        self.next_source = self.next_source.max(source);
        let (event, ms) = (self.event, self.ms);
        let count = [1, 1, 1, 2, 5][self.rng.usize(..5)];
        let contents: Vec<_> =
            (0..count).map(|_| self.judge.accept(channel, source, event).to_string()).collect();
        let in_order = self.without != Without::OwnShardInOrder;
        let relay = self.relay(place, start).expect("it goes on");
        let log = relay.logs.log(channel, relay.now(ms)).expect("it has history");
        let (now, inboxes) = (relay.now(ms), &mut relay.inboxes);
        let (mut frames, mut own) = (Vec::new(), None);
        let texts = contents.iter().map(String::as_str);
        let placed = log.publish(shard, texts, now, &mut frames, |frames, appended, shards| {
            inboxes.hand_over(frames, &appended, shards);
            inboxes.outgoing.push((appended.clone(), contents.clone()));
            own = Some(Item { frames: frames.into(), appended, event, is_delivered: false });
        });
        let mut item = own.expect("something was appended");
        match placed {
            Placed::Here => self.deliver(place, shard, &item),
            Placed::Elsewhere if !in_order => {
                if let Some(waiting) = self.relays[place].as_mut().and_then(|relay| {
                    relay.inboxes.shards[shard].inbox.back_mut().filter(|last| last.appended == item.appended)
                }) {
                    waiting.is_delivered = true;
                    item.is_delivered = true;
                    self.deliver(place, shard, &item);
                }
            }
            Placed::Elsewhere => {}
            Placed::Dropped => self.judge.fail("a log was forgotten that is used".into()),
        }
        self.after_calls(place);
    }

    /// The network's thread sends what was published here to all peers.
    fn network(&mut self, place: usize, start: usize) {
        let drops = self.class.has_breaks() && self.ms < END_MS;
        let (ms, drops) = (self.ms, drops && self.rng.u8(..60) == 0);
        let peers = self.peers_of(place, start);
        let Some(relay) = self.relay(place, start) else { return };
        relay.inboxes.is_sending = false;
        let now = relay.now(ms);
        for (at, (appended, contents)) in std::mem::take(&mut relay.inboxes.outgoing).into_iter().enumerate() {
            let mut message = Vec::new();
            let texts = contents.iter().map(String::as_str);
            let Appended { origin, base, first, .. } = appended;
            push_publications(&mut message, appended.log.name(), origin, base, first, 0, texts);
            for &peer in &peers {
                if drops && at == 0 {
                    relay.healing.overflowed(peer, appended.log.name(), now);
                } else {
                    relay.inboxes.sent.push((peer, message.clone()));
                }
            }
        }
        self.after_calls(place);
    }

    fn peers_of(&mut self, place: usize, start: usize) -> Vec<Origin> {
        let mut peers = Vec::new();
        for other in (0..self.relays.len()).filter(|other| *other != place) {
            let end = self.wire(place, other).ends[usize::from(place > other)];
            peers.extend(end.filter(|end| end.here == start).map(|end| self.origin_of(end.there)));
        }
        peers
    }

    /// A listener comes, to any relay.
    fn join(&mut self, listener: usize) {
        let there: Vec<_> = (0..self.relays.len())
            .filter(|&place| self.relays[place].as_ref().is_some_and(Relay::takes_clients))
            .collect();
        let (event, ms) = (self.event, self.ms);
        if there.is_empty() || self.listeners[listener].connection.is_some() {
            return self.after(20, Event::Join(listener));
        }
        let place = there[self.rng.usize(..there.len())];
        let frames_left = if self.is_over { u32::MAX } else { [3, 10, 40, 300][self.rng.usize(..4)] };
        let frames_left = if self.is_over { frames_left } else { 1 + self.rng.u32(..frames_left) };
        let relay = self.relays[place].as_mut().expect("it goes on");
        let shard = self.rng.usize(..relay.inboxes.shards.len());
        let came = &mut self.listeners[listener];
        let begin = match &came.position {
            None => Start::Now,
            Some(position) => Start::Since(Position::parse(position)),
        };
        let log = relay.logs.log(came.channel, relay.now(ms)).expect("it has history");
        let joining = log.join(shard, begin, relay.now(ms)).expect("it is in use");
        let at_shard = relay.inboxes.shards[shard].listeners.entry(came.channel.into()).or_default();
        at_shard.push(listener);
        came.connection = Some(Connection { relay: place, shard, skip: joining.skip.clone(), frames_left });
        came.first.get_or_insert(event);
        let (known, before) = (relay.logs.boots().all(), came.position.clone());
        self.log(|| format!("listener {listener} comes to {place}: {:?} {:?}", joining.answer, joining.position.text()));
        if joining.answer == Answer::NotRecovered {
            self.log(|| format!("... with {before:?}, {:?} {known:?}", log.numbers()));
        }
        if self.without == Without::JoinBehindWhatWaits {
            let came = self.listeners[listener].connection.as_mut().expect("it came");
            came.skip = came.skip.take().and_then(|skip| ahead_of(&skip, &joining.at));
        }
        if !self.replay(listener, joining) {
            self.leave(listener);
        } else if !self.is_over && self.rng.u8(..4) == 0 {
            let ms = self.rng.i64(1..800);
            self.after(ms, Event::Leave(listener));
        }
    }

    /// It is told where it stands, and what it has missed. False: it leaves in the middle of it.
    fn replay(&mut self, listener: usize, joining: Joining) -> bool {
        let event = self.event;
        let without = self.without;
        let came = &mut self.listeners[listener];
        if joining.answer == Answer::NotRecovered {
            came.is_told(event);
        }
        let mut position = joining.position;
        let first = if without == Without::OldPositionFirst { &joining.at } else { &position };
        came.remember(&first.text());
        for missed in joining.missed {
            if without == Without::RunningPosition {
                position.merge_all(&joining.at);
            }
            position.merge(missed.origin, missed.number);
            if !came.take(&Frame { position: &position.text(), content: Some(&missed.content) }, event) {
                return false;
            }
        }
        true
    }

    /// A listener leaves, and will be back.
    pub(super) fn leave(&mut self, listener: usize) {
        let ms = self.ms;
        let Some(connection) = self.listeners[listener].connection.take() else { return };
        if let Some(relay) = &mut self.relays[connection.relay] {
            let now = relay.now(ms);
            let channel = self.listeners[listener].channel;
            let shard = &mut relay.inboxes.shards[connection.shard];
            let at_shard = shard.listeners.get_mut(channel).expect("it was put there");
            at_shard.retain(|other| *other != listener);
            if at_shard.is_empty() {
                relay.logs.log(channel, now).expect("it has history").leave(connection.shard, now);
            }
        }
        let ms = match self.rng.u8(..10) {
            0..4 => self.rng.i64(1..20),
            4..7 => self.rng.i64(20..200),
            7..9 => self.rng.i64(200..1500),
            _ if self.class.is_silent() || self.is_over => self.rng.i64(200..2500),
            _ => self.rng.i64(200..6000),
        };
        let ms = if self.is_over { ms.min(1500) } else { ms };
        self.after(ms, Event::Join(listener));
    }

    /// All of a relay's listeners leave at once.
    pub(super) fn all_leave(&mut self, place: usize) {
        for listener in 0..self.listeners.len() {
            if self.listeners[listener].connection.as_ref().is_some_and(|connection| connection.relay == place) {
                self.leave(listener);
            }
        }
    }

    /// Whether the time of faults is over.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// From here on listeners stay.
    pub(super) fn all_stay(&mut self) {
        for listener in &mut self.listeners {
            if let Some(connection) = &mut listener.connection {
                connection.frames_left = u32::MAX;
            }
        }
    }
}

/// What of a position is ahead of another one.
fn ahead_of(skip: &Position, at: &Position) -> Option<Position> {
    let mut ahead = Position { minute: skip.minute, ..Position::default() };
    for (origin, number) in skip.iter().filter(|&(origin, number)| at.get(origin).is_none_or(|at| at < number)) {
        ahead.merge(origin, number);
    }
    let is_over = ahead.iter().next().is_none();
    (!is_over).then_some(ahead)
}
