//! A relay that is told messages by two peers, and what comes of it.

use crate::history::healing::message::{BootTold, Entries, EntryTold, Fetch, Message, NumbersTold, Publications};
use crate::history::healing::parse::parse;
use crate::history::healing::{Healing, Malformed, Out, Way};
use crate::history::log::Numbers;
use crate::history::{Appended, Logs, Now, Origin, Rule, Settings};
use std::sync::Arc;
use std::time::Duration;

pub(super) const OWN: u64 = 1;
/// Both are linked.
pub(super) const B: u64 = 2;
pub(super) const C: u64 = 3;
/// A relay that ended before anybody was linked.
pub(super) const DEAD: u64 = 8;

pub(super) fn origin(bits: u64) -> Origin {
    Origin::of_bits(bits).expect("it is small")
}

/// What an origin has published from 1 on, and how many of the last are there.
pub(super) fn numbers(of: u64, seen: u64, held: u64) -> Numbers {
    Numbers { origin: origin(of), base: 1, seen, floor: seen + 1 - held }
}

#[derive(Default)]
pub(super) struct Sent {
    /// To whom, and the message.
    messages: Vec<(Origin, Vec<u8>)>,
    /// Of each that is delivered the channel, the origin and the number. A gap has the number behind it, and says so.
    pub(super) delivered: Vec<(Box<str>, Origin, u64, bool)>,
}

impl Out for Sent {
    fn send(&mut self, peer: Origin, message: &[u8]) {
        self.messages.push((peer, message.into()));
    }

    fn room(&self, _peer: Origin) -> usize {
        1 << 20
    }

    fn deliver(&mut self, _frames: &[u8], appended: Appended, _shards: u64) {
        let Appended { log, origin, first, count, .. } = appended;
        let numbers = if count == 0 { first..first + 1 } else { first..first + count };
        self.delivered.extend(numbers.map(|number| (log.name().into(), origin, number, count == 0)));
    }

    fn deliver_plain(&mut self, _channel: &str, _content: &str) {}
}

/// The relay.
pub(super) struct Relay {
    pub(super) logs: Arc<Logs>,
    pub(super) healing: Healing,
    pub(super) sent: Sent,
    pub(super) ms: i64,
}

impl Relay {
    /// It has just been linked, and takes no clients yet.
    pub(super) fn joining(bytes_max: usize) -> Self {
        let rule = Rule { channels: vec!["*".into()], size: 1000, ttl: Duration::from_secs(600), name: None };
        let logs = Arc::new(Logs::new(Settings { rules: vec![rule], bytes_max }, origin(OWN), 1));
        let healing = Healing::new(logs.clone(), Way::Links, "a", Now { ms: 0, minute: 1000 });
        let mut relay = Self { logs, healing, sent: Sent::default(), ms: 0 };
        for (peer, name) in [(B, "b"), (C, "c")] {
            relay.healing.linked(origin(peer), name, Now { ms: 0, minute: 1000 }, &mut relay.sent);
        }
        relay
    }

    /// It takes clients, and has been told of the relay that ended.
    pub(super) fn serving() -> Self {
        Self::serving_with(1 << 30)
    }

    pub(super) fn serving_with(bytes_max: usize) -> Self {
        let mut relay = Self::joining(bytes_max);
        relay.pass(2500);
        assert!(relay.healing.is_ready());
        relay.told_boots(C, [DEAD].into_iter());
        relay
    }

    pub(super) fn now(&self) -> Now {
        Now { ms: self.ms, minute: 1000 }
    }

    /// A message comes; gives what the relay asks for then.
    pub(super) fn hears(&mut self, peer: u64, message: &Message<'_>) {
        let mut bytes = Vec::new();
        message.push(&mut bytes);
        self.hears_bytes(peer, &bytes).expect("it is a message");
    }

    pub(super) fn hears_bytes(&mut self, peer: u64, message: &[u8]) -> Result<(), Malformed> {
        let now = self.now();
        self.healing.received(origin(peer), message, now, &mut self.sent)
    }

    pub(super) fn publishes(&mut self, peer: u64, channel: &str, first: u64, content: &str) {
        let contents = vec![content];
        let run = Publications { channel, origin: origin(peer), base: 1, first, age_ms: 0, contents };
        self.hears(peer, &Message::Publications(run));
    }

    pub(super) fn told(&mut self, peer: u64, channel: &str, all: Vec<Numbers>) {
        let told = NumbersTold { is_last: true, channels: vec![(channel, all)], ..NumbersTold::default() };
        self.hears(peer, &Message::Numbers(told));
    }

    pub(super) fn told_boots(&mut self, peer: u64, boots: impl Iterator<Item = u64>) {
        let boot = |bits| BootTold { origin: origin(bits), name: "gone", ended_ago_ms: Some(100) };
        let told = NumbersTold { is_last: true, boots: boots.map(boot).collect(), ..NumbersTold::default() };
        self.hears(peer, &Message::Numbers(told));
    }

    pub(super) fn answers(&mut self, peer: u64, channel: &str, numbers: Numbers, given: &[u64]) {
        let entries = given.iter().map(|&number| EntryTold { number, age_ms: 0, content: "1" }).collect();
        self.hears(peer, &Message::Entries(Entries { channel, numbers, entries }));
    }

    /// Time passes.
    pub(super) fn pass(&mut self, ms: i64) {
        let until_ms = self.ms + ms;
        while self.ms < until_ms {
            self.ms = (self.ms + 20).min(until_ms);
            let now = self.now();
            self.healing.tick(now, &mut self.sent);
        }
    }

    /// What it has asked this peer for since the last time: channel, from and to.
    pub(super) fn take_questions(&mut self, peer: u64) -> Vec<(String, u64, u64)> {
        let messages = std::mem::take(&mut self.sent.messages);
        let to_peer = messages.iter().filter(|(to, _)| *to == origin(peer));
        let questions = to_peer.filter_map(|(_, message)| match parse(message) {
            Ok(Message::Fetch(Fetch { channel, from, to, .. })) => Some((channel.to_owned(), from, to)),
            _ => None,
        });
        questions.collect()
    }

    /// The numbers of its last answer to a question of this peer.
    pub(super) fn last_entries(&self, peer: u64) -> Option<Numbers> {
        let mut to_peer = self.sent.messages.iter().rev().filter(|(to, _)| *to == origin(peer));
        to_peer.find_map(|(_, message)| match parse(message) {
            Ok(Message::Entries(told)) => Some(told.numbers),
            _ => None,
        })
    }

    /// Whether it has told this peer that it has displaced some, since the last time.
    pub(super) fn has_told_of_displaced(&mut self, peer: u64) -> bool {
        let messages = std::mem::take(&mut self.sent.messages);
        let says = |message: &[u8]| matches!(parse(message), Ok(Message::Numbers(told)) if told.has_displaced);
        messages.iter().any(|(to, message)| *to == origin(peer) && says(message))
    }

    /// Numbers of an origin that are delivered in a channel, and those that gaps have behind them.
    pub(super) fn delivered(&self, channel: &str, of: u64) -> (Vec<u64>, Vec<u64>) {
        let here = self.sent.delivered.iter().filter(|(name, from, ..)| **name == *channel && *from == origin(of));
        let (gaps, publications): (Vec<_>, Vec<_>) = here.partition(|(.., is_gap)| *is_gap);
        let numbers =
            |list: Vec<&(Box<str>, Origin, u64, bool)>| list.into_iter().map(|&(_, _, number, _)| number).collect();
        (numbers(publications), numbers(gaps))
    }
}
