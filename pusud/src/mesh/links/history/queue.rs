//! A queue of what waits for one peer about channels with history: publications, which take turns by channel, numbers, and
//! answers.
//!
//! Bounded in bytes: a channel may have as much waiting as is free beside it, so that one that is hot leaves room for others.
//! **Invariant:** numbers of all channels leave behind all publications that waited before them, those of held channels too:
//! what they say is true there.

#[cfg(test)]
mod tests;

use crate::mesh::links::QUEUE_BYTES_MAX;
use crate::mesh::wire::kind;
use crate::peers::frame;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::rc::Rc;

/// What a message costs beside its bytes: its place, its buffer, and the head of its frame.
const MESSAGE_COST: usize = 64;
/// What may wait of numbers and answers, in bytes: more is asked for again.
const ANSWERS_BYTES_MAX: usize = 1024 * 1024;
/// What is written in one go before publications to channels without history have their turn, in bytes.
const TURN_BYTES: usize = 32 * 1024;
/// What a channel sends in its turn, in bytes, if its first message is not longer.
const CHANNEL_TURN_BYTES: usize = 16 * 1024;
/// What may wait for one peer about channels with history, in bytes, with the last message that still found room.
pub(crate) const HISTORY_BYTES_MAX: usize = QUEUE_BYTES_MAX + ANSWERS_BYTES_MAX + 64 * 1024;
/// The kind of a message that tells numbers.
const NUMBERS: u8 = 2;

/// The queue.
#[derive(Default)]
pub(in crate::mesh::links) struct HistoryQueue {
    channels: BTreeMap<Rc<str>, Line>,
    /// What leaves next, in order. Each channel that is not held stands here once while something of it waits.
    turns: VecDeque<Turn>,
    /// What peers wait for, ahead of everything else.
    answers: VecDeque<Rc<[u8]>>,
    /// Channels of which the peer wants no more for now.
    held: HashSet<Box<str>>,
    publications_bytes: usize,
    other_bytes: usize,
    /// Channels of which publications were dropped, and of which nothing waits any more.
    overflowed: Vec<Rc<str>>,
    is_dropping: bool,
}

/// Publications to one channel.
#[derive(Default)]
struct Line {
    messages: VecDeque<Rc<[u8]>>,
    bytes: usize,
    has_turns: bool,
    /// There was no room for some: no more is taken before those that wait have left.
    has_dropped: bool,
}

enum Turn {
    Channel(Rc<str>),
    Publications(Rc<[u8]>),
    Numbers(Rc<[u8]>),
}

fn cost(message: &[u8]) -> usize {
    message.len() + MESSAGE_COST
}

fn write(out: &mut Vec<u8>, message: &[u8]) {
    frame(out, kind::HISTORY, |out| out.extend_from_slice(message));
}

impl HistoryQueue {
    /// What waits, in bytes of memory.
    pub(in crate::mesh::links) fn bytes(&self) -> usize {
        self.publications_bytes + self.other_bytes
    }

    /// Whether nothing waits.
    pub(in crate::mesh::links) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// How many bytes of numbers and answers may be added.
    pub(super) fn room(&self) -> usize {
        ANSWERS_BYTES_MAX.saturating_sub(self.other_bytes)
    }

    /// Adds publications. False: there is no room, and they are dropped.
    pub(super) fn publish(&mut self, channel: &str, message: Rc<[u8]>) -> bool {
        let name = match self.channels.get_key_value(channel) {
            Some((name, _)) => name.clone(),
            None => channel.into(),
        };
        let free = QUEUE_BYTES_MAX.saturating_sub(self.publications_bytes);
        let line = self.channels.entry(name.clone()).or_default();
        if line.has_dropped || line.bytes + cost(&message) > free {
            line.has_dropped = true;
            self.finish(&name);
            return false;
        }
        line.bytes += cost(&message);
        self.publications_bytes += cost(&message);
        line.messages.push_back(message);
        self.take_turns(&name);
        true
    }

    /// Adds a message that is no publication.
    pub(super) fn push(&mut self, message: Rc<[u8]>) {
        self.other_bytes += cost(&message);
        match *message {
            // Those of all channels that the peer may lack have a number.
            [NUMBERS, 0, 0, 0, 0, ..] => self.turns.push_back(Turn::Numbers(message)),
            [NUMBERS, ..] => {
                self.release();
                self.turns.push_back(Turn::Numbers(message));
            }
            _ => self.answers.push_back(message),
        }
    }

    /// The peer wants no more of a channel for now.
    pub(in crate::mesh::links) fn hold(&mut self, channel: &str) {
        self.held.insert(channel.into());
    }

    /// The peer wants more of a channel again.
    pub(in crate::mesh::links) fn go_on(&mut self, channel: &str) {
        self.held.remove(channel);
        if let Some((name, _)) = self.channels.get_key_value(channel) {
            let name = name.clone();
            self.take_turns(&name);
        }
    }

    /// Whether publications are dropped, for the first time since there was much room.
    pub(super) fn begins_to_drop(&mut self) -> bool {
        !std::mem::replace(&mut self.is_dropping, true)
    }

    /// The channels of which publications were dropped, once nothing of them waits any more: the peer has to be told.
    pub(super) fn take_overflowed(&mut self) -> Vec<Rc<str>> {
        std::mem::take(&mut self.overflowed)
    }

    /// Appends frames, until that is a turn's worth.
    pub(in crate::mesh::links) fn write(&mut self, out: &mut Vec<u8>) {
        let end = out.len() + TURN_BYTES;
        while out.len() < end {
            if let Some(message) = self.answers.pop_front() {
                self.other_bytes -= cost(&message);
                write(out, &message);
                continue;
            }
            match self.turns.pop_front() {
                Some(Turn::Channel(channel)) => self.write_turn(&channel, out),
                Some(Turn::Publications(message)) => {
                    self.publications_bytes -= cost(&message);
                    write(out, &message);
                }
                Some(Turn::Numbers(message)) => {
                    self.other_bytes -= cost(&message);
                    write(out, &message);
                }
                None => break,
            }
        }
        self.is_dropping &= self.publications_bytes > QUEUE_BYTES_MAX / 4;
        if self.is_empty() {
            (self.answers, self.turns) = Default::default();
        }
    }

    fn write_turn(&mut self, channel: &Rc<str>, out: &mut Vec<u8>) {
        let line = self.channels.get_mut(channel).expect("who takes turns has something waiting");
        line.has_turns = false;
        if self.held.contains(&**channel) {
            return;
        }
        let end = out.len() + CHANNEL_TURN_BYTES;
        while out.len() < end
            && let Some(message) = line.messages.pop_front()
        {
            line.bytes -= cost(&message);
            self.publications_bytes -= cost(&message);
            write(out, &message);
        }
        self.take_turns(channel);
        self.finish(channel);
    }

    /// A channel takes turns from now on, if it may.
    fn take_turns(&mut self, channel: &Rc<str>) {
        let line = self.channels.get_mut(channel).expect("it is there");
        if !line.has_turns && !line.messages.is_empty() && !self.held.contains(&**channel) {
            line.has_turns = true;
            self.turns.push_back(Turn::Channel(channel.clone()));
        }
    }

    /// Forgets a channel, if nothing of it waits.
    fn finish(&mut self, channel: &Rc<str>) {
        let line = self.channels.get(channel).expect("it is there");
        if line.messages.is_empty() {
            if line.has_dropped {
                self.overflowed.push(channel.clone());
            }
            self.channels.remove(channel);
        }
    }

    /// All that waits leaves in this order, whatever is held, and whatever comes later behind it.
    fn release(&mut self) {
        self.turns.retain(|turn| !matches!(turn, Turn::Channel(_)));
        for (channel, line) in std::mem::take(&mut self.channels) {
            self.turns.extend(line.messages.into_iter().map(Turn::Publications));
            if line.has_dropped {
                self.overflowed.push(channel);
            }
        }
    }
}
