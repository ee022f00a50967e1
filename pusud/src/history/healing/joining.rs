//! Joining: a relay that starts takes over from others what it needs before it takes clients, their numbers and then their
//! rings.

use super::peers::Peers;
use crate::history::Minute;
use crate::history::Origin;
use crate::history::log::Numbers;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// When clients are taken at the latest, in milliseconds after the start.
const READY_MS: i64 = 2000;
/// When rings are asked for at the latest, whoever has not told its numbers.
const RINGS_MS: i64 = 1500;
/// When rings are asked for no more.
const END_MS: i64 = 30_000;
/// How long a peer has to answer.
const ANSWER_MS: i64 = 500;
/// For how many such times in a row a peer that answers nothing is asked.
const TRIES_MAX: u32 = 4;
/// Channels in one question.
const CHANNELS_MAX: usize = 64;
/// Questions to one peer at a time: with the bytes of an answer 1 MiB.
const QUESTIONS_MAX: usize = 16;

/// A question for rings.
pub(super) struct Question {
    pub(super) peer: Origin,
    pub(super) channels: Vec<Box<str>>,
    until_ms: i64,
}

/// What peers have of a channel.
#[derive(Default)]
struct Offers {
    /// Who has the most of it, and how many publications that is.
    most: Option<(Origin, u64)>,
    /// Who has the most of an origin.
    of: Vec<(Origin, Numbers)>,
    asked: Vec<Origin>,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Numbers,
    Rings,
    Done,
}

/// What it is waiting for.
pub(super) struct Joining {
    begun_ms: i64,
    phase: Phase,
    is_dialled: bool,
    is_ready: bool,
    offers: BTreeMap<Box<str>, Offers>,
    wanted: BTreeMap<Origin, VecDeque<Box<str>>>,
    questions: BTreeMap<u32, Question>,
    failures: BTreeMap<Origin, u32>,
    next_number: u32,
    /// When the youngest log was forgotten elsewhere.
    pub(super) forgotten: Option<Minute>,
}

impl Joining {
    pub(super) fn new(now_ms: i64) -> Self {
        Self {
            begun_ms: now_ms,
            phase: Phase::Numbers,
            is_dialled: false,
            is_ready: false,
            offers: BTreeMap::new(),
            wanted: BTreeMap::new(),
            questions: BTreeMap::new(),
            failures: BTreeMap::new(),
            next_number: 1,
            forgotten: None,
        }
    }

    /// Everybody is linked who can be.
    pub(super) fn dialled(&mut self) {
        self.is_dialled = true;
    }

    /// Whether clients may be taken.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// A peer has these publications of a channel. What is offered of more channels than there are `logs` is ignored.
    pub(super) fn offered(&mut self, channel: &str, peer: Origin, all: &[Numbers], logs: impl Fn() -> usize) {
        let held = |numbers: &Numbers| numbers.seen + 1 - numbers.floor;
        // A peer may tell of more than there can be.
        let count = all.iter().map(held).fold(0, u64::saturating_add);
        if count == 0 || self.phase == Phase::Done {
            return;
        }
        if !self.offers.contains_key(channel) {
            if self.offers.len() >= logs() {
                return;
            }
            self.offers.insert(channel.into(), Offers::default());
        }
        let offers = self.offers.get_mut(channel).expect("it is there, or was put in");
        if offers.most.is_none_or(|(_, most)| most < count) {
            offers.most = Some((peer, count));
        }
        for numbers in all.iter().filter(|numbers| held(numbers) > 0) {
            match offers.of.iter_mut().find(|(_, best)| best.origin == numbers.origin) {
                Some(best) if (numbers.floor, best.1.seen) < (best.1.floor, numbers.seen) => *best = (peer, *numbers),
                Some(_) => {}
                None => offers.of.push((peer, *numbers)),
            }
        }
    }

    /// Of how many channels something is offered.
    #[cfg(test)]
    pub(super) fn offers(&self) -> usize {
        self.offers.len()
    }

    /// A peer has sent all that it has of a channel. Another one is asked for what is still missing.
    pub(super) fn finished(&mut self, channel: &str, mine: &[Numbers]) {
        let Some(offers) = self.offers.get_mut(channel) else { return };
        let lacks = |best: &Numbers| mine.iter().any(|mine| mine.origin == best.origin && mine.floor > best.floor);
        let next = offers.of.iter().find(|(peer, best)| !offers.asked.contains(peer) && lacks(best));
        let Some(&(peer, _)) = next else { return drop(self.offers.remove(channel)) };
        offers.asked.push(peer);
        self.want(peer, [channel.into()].into_iter());
    }

    /// Time passes.
    pub(super) fn tick(&mut self, peers: &Peers, with_rings: bool, now_ms: i64) {
        let passed_ms = now_ms - self.begun_ms;
        if self.phase == Phase::Numbers {
            let have_told = peers.iter().all(|(_, peer)| peer.has_told);
            if (self.is_dialled && have_told) || passed_ms >= RINGS_MS {
                self.phase = Phase::Rings;
                for (channel, offers) in &mut self.offers {
                    let (peer, _) = offers.most.expect("somebody has offered");
                    offers.asked.push(peer);
                    self.wanted.entry(peer).or_default().push_back(channel.clone());
                }
            }
        }
        if self.phase == Phase::Rings {
            self.repeat(peers, now_ms);
            if self.wanted.is_empty() && self.questions.is_empty() || passed_ms >= END_MS {
                self.phase = Phase::Done;
                (self.wanted, self.questions, self.offers) = Default::default();
            }
        }
        self.is_ready |= match self.phase {
            Phase::Numbers => passed_ms >= READY_MS,
            Phase::Rings => !with_rings || passed_ms >= READY_MS,
            Phase::Done => true,
        };
    }

    /// Questions without an answer are asked again.
    fn repeat(&mut self, peers: &Peers, now_ms: i64) {
        let lost: Vec<_> =
            self.questions.iter().filter(|(_, question)| question.until_ms <= now_ms).map(|(&n, _)| n).collect();
        let mut silent = BTreeSet::new();
        for number in lost {
            let question = self.questions.remove(&number).expect("it is one of them");
            silent.insert(question.peer);
            self.wanted.entry(question.peer).or_default().extend(question.channels);
        }
        for peer in silent {
            *self.failures.entry(peer).or_default() += 1;
        }
        let failures = &self.failures;
        self.wanted.retain(|peer, channels| {
            let has_failed = failures.get(peer).is_some_and(|failures| *failures >= TRIES_MAX);
            peers.is_linked(*peer) && !has_failed && !channels.is_empty()
        });
        self.questions.retain(|_, question| peers.is_linked(question.peer));
    }

    /// The next question, if one may be asked: its number, the peer, and the channels.
    pub(super) fn ask(&mut self, now_ms: i64) -> Option<(u32, Origin, Vec<Box<str>>)> {
        if self.phase != Phase::Rings {
            return None;
        }
        let questions = &self.questions;
        let asked = |peer: Origin| questions.values().filter(|question| question.peer == peer).count();
        let (&peer, channels) =
            self.wanted.iter_mut().find(|(peer, channels)| !channels.is_empty() && asked(**peer) < QUESTIONS_MAX)?;
        let channels: Vec<_> = channels.drain(..channels.len().min(CHANNELS_MAX)).collect();
        let number = self.next_number;
        self.next_number = self.next_number.wrapping_add(1);
        self.questions.insert(number, Question { peer, channels: channels.clone(), until_ms: now_ms + ANSWER_MS });
        Some((number, peer, channels))
    }

    /// An answer to this question has come; `None`: nobody waits for it.
    pub(super) fn answered(&mut self, number: u32, peer: Origin, now_ms: i64) -> Option<Question> {
        if self.questions.get(&number)?.peer != peer {
            return None;
        }
        self.failures.remove(&peer);
        // The other answers come behind this one.
        for question in self.questions.values_mut().filter(|question| question.peer == peer) {
            question.until_ms = now_ms + ANSWER_MS;
        }
        self.questions.remove(&number)
    }

    /// These channels are asked for again.
    pub(super) fn want(&mut self, peer: Origin, channels: impl Iterator<Item = Box<str>>) {
        if self.phase == Phase::Rings {
            self.wanted.entry(peer).or_default().extend(channels);
        }
    }

    pub(super) fn next_due(&self, now_ms: i64) -> Option<i64> {
        let end = match self.phase {
            Phase::Numbers => self.begun_ms + RINGS_MS,
            Phase::Rings if self.wanted.is_empty() && self.questions.is_empty() => now_ms,
            Phase::Rings => self.questions.values().map(|question| question.until_ms).min().unwrap_or(now_ms),
            Phase::Done => return None,
        };
        if self.is_ready { Some(end) } else { Some(end.min(self.begun_ms + READY_MS)) }
    }
}
