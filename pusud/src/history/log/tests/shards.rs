//! Three shards as the hub has them, with inboxes and listeners that come and go at any step, against a list: whoever comes back
//! has each entry of it once and in order, and is told exactly where something has left the ring.

use super::super::*;
use super::{now, origin};
use crate::frames;
use crate::history::clock::Times;
use crate::history::{Logs, Position, Rule, Settings};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::Duration;

const SHARDS: usize = 3;
const CHANNEL: &str = "a";
const LISTENERS: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    /// A shard closes a run of so many.
    Publish(usize, usize),
    /// The network hands over so many of another relay.
    Receive(u64, usize),
    /// A shard takes an item out of its inbox.
    Deliver(usize),
    /// A listener comes to a shard, and is cut behind so many of what it is replayed.
    Join(usize, usize, usize),
    /// It subscribes again while it is there.
    Again(usize),
    Leave(usize),
    /// Nobody uses the log for so long that it is forgotten, if nobody does.
    Forget,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..SHARDS, 1..4usize).prop_map(|(shard, count)| Step::Publish(shard, count)),
        2 => (2..4u64, 1..4usize).prop_map(|(from, count)| Step::Receive(from, count)),
        6 => (0..SHARDS).prop_map(Step::Deliver),
        4 => (0..LISTENERS, 0..SHARDS, 0..12usize).prop_map(|(listener, shard, cut)| Step::Join(listener, shard, cut)),
        1 => (0..LISTENERS).prop_map(Step::Again),
        3 => (0..LISTENERS).prop_map(Step::Leave),
        1 => Just(Step::Forget),
    ];
    proptest::collection::vec(step, 0..120)
}

/// Frames that were handed over.
struct Given {
    frames: Vec<u8>,
    appended: Appended,
}

#[derive(Default)]
struct Listener {
    /// Where it is, if it is anywhere.
    shard: Option<usize>,
    /// What it keeps, and of which log.
    kept: Option<(String, u32)>,
    /// The entry of the list that has to come next.
    next: usize,
    /// It has seen this, and it may come again.
    ahead: Option<Position>,
}

struct Relay {
    logs: Logs,
    log: Arc<Log>,
    size: usize,
    ms: i64,
    /// How many logs there were before this one.
    forgotten: u32,
    /// All entries of this log.
    list: Vec<String>,
    /// By origin: how many it has published in this log.
    sent: [u64; 4],
    base: [u64; 4],
    inboxes: [VecDeque<Given>; SHARDS],
    listeners: [Listener; LISTENERS],
}

impl Relay {
    fn new(size: usize) -> Self {
        let rule = Rule { channels: vec!["*".into()], size: size as u32, ttl: Duration::from_secs(1000), name: None };
        let settings = Settings { rules: vec![rule], bytes_max: 1 << 20 };
        let logs = Logs::with_times(settings, origin(1), SHARDS, Times { retention_ms: 2_000_000, minute_ms: 1000 });
        (2..4).for_each(|other| logs.boots().learn(origin(other), None));
        let log = logs.log(CHANNEL, now(0)).expect("every channel has history");
        Self {
            logs,
            log,
            size,
            ms: 0,
            forgotten: 0,
            list: Vec::new(),
            sent: [0; 4],
            base: [1; 4],
            inboxes: Default::default(),
            listeners: Default::default(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Publish(shard, count) => self.publish(shard, count),
            Step::Receive(from, count) => self.receive(from, count),
            Step::Deliver(shard) => {
                if let Some(given) = self.inboxes[shard].pop_front() {
                    self.tell(shard, &given);
                    given.appended.log.delivered(shard);
                }
            }
            Step::Join(listener, shard, cut) if self.listeners[listener].shard.is_none() => {
                self.join(listener, shard, cut);
            }
            Step::Again(listener) => self.again(listener),
            Step::Leave(listener) => self.leave(listener),
            Step::Join(..) => {}
            Step::Forget => self.forget(),
        }
    }

    fn contents(&mut self, count: usize) -> Vec<String> {
        let first = self.list.len();
        let contents: Vec<String> = (first..first + count).map(|number| number.to_string()).collect();
        self.list.extend(contents.iter().cloned());
        contents
    }

    fn publish(&mut self, shard: usize, count: usize) {
        let contents = self.contents(count);
        let (mut frames, mut mine) = (Vec::new(), None);
        let inboxes = &mut self.inboxes;
        let texts = contents.iter().map(String::as_str);
        let placed = self.log.publish(shard, texts, now(self.ms), &mut frames, |frames, appended, shards| {
            hand_over(inboxes, frames, &appended, shards);
            mine = Some(Given { frames: frames.to_vec(), appended });
        });
        assert_ne!(placed, Placed::Dropped);
        if placed == Placed::Here {
            self.tell(shard, &mine.expect("it was appended"));
        }
    }

    fn receive(&mut self, from: u64, count: usize) {
        let contents = self.contents(count);
        let at = from as usize;
        let (first, base) = (self.base[at] + self.sent[at], self.base[at]);
        self.sent[at] += count as u64;
        let entries = contents.iter().map(|content| (content.as_str().into(), self.ms));
        let (inboxes, mut frames) = (&mut self.inboxes, Vec::new());
        let hand_over = |frames: &[u8], appended: Appended, shards: u64| hand_over(inboxes, frames, &appended, shards);
        self.log.receive(origin(from), base, first, entries, now(self.ms), &mut frames, hand_over);
    }

    /// Tells a run to the listeners of a shard.
    fn tell(&mut self, shard: usize, given: &Given) {
        let (numbers, from) = (given.appended.first.., given.appended.origin);
        for listener in self.listeners.iter_mut().filter(|listener| listener.shard == Some(shard)) {
            let mut last = None;
            for (number, (position, content)) in numbers.clone().zip(frames::publications(CHANNEL, &given.frames)) {
                let mut position = Position::parse(position.expect("it has one")).expect("it is one");
                last = Some(position.clone());
                if let Some(ahead) = &listener.ahead {
                    if number <= ahead.get(from).unwrap_or(0) {
                        continue;
                    }
                    position.merge_all(ahead);
                }
                listener.hear(&self.list, std::str::from_utf8(content).expect("it is text"), position, self.forgotten);
            }
            let last = last.expect("no run is empty");
            if listener.ahead.as_ref().is_some_and(|ahead| ahead.iter().all(|(of, seen)| last.get(of) >= Some(seen))) {
                listener.ahead = None;
            }
        }
    }

    fn join(&mut self, listener: usize, shard: usize, cut: usize) {
        let kept = self.listeners[listener].kept.as_ref().map(|(position, _)| Position::parse(position));
        let start = kept.clone().map_or(Start::Now, Start::Since);
        let joining = self.log.join(shard, start, Room::ANY, now(self.ms)).expect("it was not forgotten");
        let (list, forgotten, size) = (&self.list, self.forgotten, self.size);
        let listener_of = &mut self.listeners[listener];
        let of_this = listener_of.kept.as_ref().is_none_or(|(_, of)| *of == forgotten);
        let missed = list.len() - if of_this { listener_of.next } else { 0 };
        let is_kept = of_this && missed <= size.min(list.len());
        // Whoever was told of a loss there names what other relays have forgotten since: that may be no end.
        let is_below =
            |(from, seen): (Origin, u64)| (2..4).any(|of| from == origin(of) && seen + 1 < self.base[of as usize]);
        let begun_anew = kept.flatten().is_some_and(|at| at.iter().any(is_below));
        match joining.answer {
            Answer::Now => listener_of.next = list.len(),
            Answer::Recovered => {
                assert!(is_kept, "it has missed {missed} of {size}");
                assert_eq!(joining.missed.len(), missed);
            }
            Answer::NotRecovered => {
                assert!(!is_kept || begun_anew, "it has missed no more than {missed}");
                listener_of.next = list.len();
            }
            Answer::Last => unreachable!("nobody asks for it"),
        }
        listener_of.shard = Some(shard);
        listener_of.ahead = joining.skip;
        let mut position = joining.position;
        listener_of.kept = Some((position.text(), forgotten));
        for missed in joining.missed.iter().take(cut) {
            position.merge(missed.origin, missed.number);
            listener_of.hear(list, &missed.content, position.clone(), forgotten);
        }
        if cut < joining.missed.len() {
            self.leave(listener);
        }
    }

    /// What it is told then is where it stands.
    fn again(&mut self, listener: usize) {
        let Some(shard) = self.listeners[listener].shard else { return };
        let mut position = self.log.read(Start::Now, now(self.ms)).position;
        if self.log.is_behind(shard) {
            return;
        }
        let listener = &mut self.listeners[listener];
        assert_eq!(listener.next, self.list.len(), "something that is not on its way has not come");
        listener.ahead.iter().for_each(|ahead| position.merge_all(ahead));
        listener.kept = Some((position.text(), self.forgotten));
    }

    fn leave(&mut self, listener: usize) {
        let Some(shard) = self.listeners[listener].shard.take() else { return };
        if self.listeners.iter().all(|other| other.shard != Some(shard)) {
            self.log.leave(shard, now(self.ms));
        }
    }

    fn forget(&mut self) {
        // Longer than entries live, and than logs are kept.
        let is_used = self.listeners.iter().any(|listener| listener.shard.is_some());
        if is_used || self.inboxes.iter().any(|inbox| !inbox.is_empty()) {
            return;
        }
        self.ms += 3_000_000;
        self.logs.look_after(now(self.ms), |_| false);
        assert_eq!((self.logs.len(), self.logs.bytes()), (0, 0));
        self.log = self.logs.log(CHANNEL, now(self.ms)).expect("every channel has history");
        if self.list.is_empty() {
            // Nothing was published, and nobody has missed it.
            return;
        }
        self.forgotten += 1;
        self.list.clear();
        // The other relays have forgotten theirs as well.
        (2..4).for_each(|from| {
            self.base[from] += self.sent[from] + 1;
            self.sent[from] = 0;
        });
    }

    /// Everything comes to where it has to.
    fn settle(&mut self) {
        for shard in 0..SHARDS {
            while !self.inboxes[shard].is_empty() {
                self.step(&Step::Deliver(shard));
            }
        }
        for (shard, waiting) in self.log.waiting.iter().enumerate() {
            assert_eq!(waiting.load(Ordering::Relaxed), 0, "of shard {shard}");
        }
        for listener in self.listeners.iter().filter(|listener| listener.shard.is_some()) {
            assert_eq!(listener.next, self.list.len(), "something has not come");
        }
    }
}

fn hand_over(inboxes: &mut [VecDeque<Given>; SHARDS], frames: &[u8], appended: &Appended, shards: u64) {
    for (shard, inbox) in inboxes.iter_mut().enumerate() {
        if shards & 1 << shard != 0 {
            inbox.push_back(Given { frames: frames.to_vec(), appended: appended.clone() });
        }
    }
}

impl Listener {
    fn hear(&mut self, list: &[String], content: &str, position: Position, of: u32) {
        assert_eq!(content, list[self.next], "the next one");
        self.next += 1;
        self.kept = Some((position.text(), of));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn everybody_has_everything_once_and_in_order(size in prop_oneof![Just(1), 2..8usize, Just(1000)], steps in steps()) {
        let mut relay = Relay::new(size);
        steps.iter().for_each(|step| relay.step(step));
        relay.settle();
    }
}
