//! Messages about history between relays: values, and how they are written. docs/protocol/history.md has their layout.
//!
//! Times travel as ages, so that no relay needs the clock of another one.

use super::wire::{push_content, push_name, push_origin, push_whole};
use crate::history::Origin;
use crate::history::log::Numbers;

/// The first byte of each message.
pub(super) mod kind {
    pub(in super::super) const PUBLICATIONS: u8 = 1;
    pub(in super::super) const NUMBERS: u8 = 2;
    pub(in super::super) const FETCH: u8 = 3;
    pub(in super::super) const ENTRIES: u8 = 4;
    pub(in super::super) const ASK: u8 = 5;
    pub(in super::super) const RINGS: u8 = 6;
    pub(in super::super) const RINGED: u8 = 7;
    pub(in super::super) const ACKNOWLEDGE: u8 = 8;
}

/// Any message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Message<'a> {
    Publications(Publications<'a>),
    Numbers(NumbersTold<'a>),
    Fetch(Fetch<'a>),
    Entries(Entries<'a>),
    /// The receiver is asked for its numbers of this origin.
    Ask(Origin),
    Rings(Rings<'a>),
    Ringed(Ringed<'a>),
    /// The numbers that were told with this number have all come, and are taken in.
    Acknowledge(u32),
}

/// A run of publications that the sender has accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Publications<'a> {
    pub(super) channel: &'a str,
    pub(super) origin: Origin,
    /// The origin's first number in this channel.
    pub(super) base: u64,
    /// The number of the first; those of the others follow.
    pub(super) first: u64,
    /// How long ago they were accepted.
    pub(super) age_ms: u64,
    pub(super) contents: Vec<&'a str>,
}

/// A piece of what the sender knows about numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct NumbersTold<'a> {
    /// What is acknowledged when all pieces have come; 0: nothing is.
    pub(super) number: u32,
    /// The number of the piece, from 0.
    pub(super) piece: u32,
    /// No piece follows.
    pub(super) is_last: bool,
    /// All that the receiver may lack, and not what has changed lately.
    pub(super) is_whole: bool,
    /// The sender stops: it is acknowledged when nothing is missing any more.
    pub(super) is_final: bool,
    /// Numbers that the receiver may lack went with logs for which the sender had no room.
    pub(super) has_displaced: bool,
    /// Of the sender's settings of history.
    pub(super) digest: u64,
    /// How long ago the sender has forgotten a log, if it has.
    pub(super) forgotten_ago_ms: Option<u64>,
    pub(super) boots: Vec<BootTold<'a>>,
    pub(super) channels: Vec<(&'a str, Vec<Numbers>)>,
}

/// A start of a relay that the sender knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BootTold<'a> {
    pub(super) origin: Origin,
    pub(super) name: &'a str,
    /// How long ago it ended, if it has.
    pub(super) ended_ago_ms: Option<u64>,
}

/// Publications that the sender is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fetch<'a> {
    pub(super) channel: &'a str,
    pub(super) origin: Origin,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// What the sender has of them: it may be asked for the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entries<'a> {
    pub(super) channel: &'a str,
    pub(super) numbers: Numbers,
    pub(super) entries: Vec<EntryTold<'a>>,
}

/// One publication, of whomever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EntryTold<'a> {
    pub(super) number: u64,
    pub(super) age_ms: u64,
    pub(super) content: &'a str,
}

/// Channels whose older publications the sender wants, each with the origins that it knows and the lowest number of theirs
/// that it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rings<'a> {
    pub(super) number: u32,
    pub(super) channels: Vec<(&'a str, Vec<(Origin, u64)>)>,
}

/// The answer: of the first of these channels what has room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ringed<'a> {
    pub(super) number: u32,
    pub(super) channels: Vec<RingTold<'a>>,
}

/// Of one channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RingTold<'a> {
    pub(super) channel: &'a str,
    /// There is nothing older.
    pub(super) is_whole: bool,
    /// From the newest to the oldest.
    pub(super) entries: Vec<(Origin, EntryTold<'a>)>,
}

const LAST: u8 = 1;
const WHOLE: u8 = 2;
const FINAL: u8 = 4;
const DISPLACED: u8 = 8;

impl NumbersTold<'_> {
    fn flags(&self) -> u8 {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        flag(self.is_last, LAST)
            | flag(self.is_whole, WHOLE)
            | flag(self.is_final, FINAL)
            | flag(self.has_displaced, DISPLACED)
    }

    /// Sets what these flags say. False: there are others.
    pub(super) fn set_flags(&mut self, flags: u8) -> bool {
        (self.is_last, self.is_whole, self.is_final) = (flags & LAST != 0, flags & WHOLE != 0, flags & FINAL != 0);
        self.has_displaced = flags & DISPLACED != 0;
        flags == self.flags()
    }
}

/// Appends the message about a run of publications that this relay has accepted: the one that every publication with
/// history leaves it with.
pub fn push_publications<'a>(
    out: &mut Vec<u8>,
    channel: &str,
    origin: Origin,
    base: u64,
    first: u64,
    age_ms: u64,
    contents: impl Iterator<Item = &'a str>,
) {
    out.push(kind::PUBLICATIONS);
    push_name(out, channel);
    push_origin(out, origin);
    [base, first, age_ms].into_iter().for_each(|number| push_whole(out, number));
    contents.for_each(|content| push_content(out, content));
}

impl Message<'_> {
    /// Appends it.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        match self {
            Self::Publications(run) => {
                let contents = run.contents.iter().copied();
                push_publications(out, run.channel, run.origin, run.base, run.first, run.age_ms, contents);
            }
            Self::Numbers(telling) => push_telling(out, telling),
            Self::Fetch(fetch) => {
                out.push(kind::FETCH);
                push_name(out, fetch.channel);
                push_origin(out, fetch.origin);
                push_whole(out, fetch.from);
                push_whole(out, fetch.to);
            }
            Self::Entries(told) => {
                out.push(kind::ENTRIES);
                push_name(out, told.channel);
                push_numbers(out, &told.numbers);
                told.entries.iter().for_each(|entry| push_entry(out, entry));
            }
            Self::Ask(origin) => {
                out.push(kind::ASK);
                push_origin(out, *origin);
            }
            Self::Rings(rings) => push_rings(out, rings),
            Self::Ringed(ringed) => push_ringed(out, ringed),
            Self::Acknowledge(number) => {
                out.push(kind::ACKNOWLEDGE);
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
    }
}

fn push_telling(out: &mut Vec<u8>, telling: &NumbersTold<'_>) {
    out.push(kind::NUMBERS);
    out.extend_from_slice(&telling.number.to_be_bytes());
    push_whole(out, telling.piece.into());
    out.push(telling.flags());
    out.extend_from_slice(&telling.digest.to_be_bytes());
    push_whole(out, telling.forgotten_ago_ms.map_or(0, |ago| ago + 1));
    push_whole(out, telling.boots.len() as u64);
    for boot in &telling.boots {
        push_origin(out, boot.origin);
        push_name(out, boot.name);
        push_whole(out, boot.ended_ago_ms.map_or(0, |ago| ago + 1));
    }
    for (channel, numbers) in &telling.channels {
        push_name(out, channel);
        push_whole(out, numbers.len() as u64);
        numbers.iter().for_each(|numbers| push_numbers(out, numbers));
    }
}

/// How many numbers there are behind `base`, and how many of the last are there: whatever comes is possible.
fn push_numbers(out: &mut Vec<u8>, numbers: &Numbers) {
    push_origin(out, numbers.origin);
    push_whole(out, numbers.base);
    push_whole(out, numbers.seen + 1 - numbers.base);
    push_whole(out, numbers.seen + 1 - numbers.floor);
}

fn push_entry(out: &mut Vec<u8>, entry: &EntryTold<'_>) {
    push_whole(out, entry.number);
    push_whole(out, entry.age_ms);
    push_content(out, entry.content);
}

fn push_rings(out: &mut Vec<u8>, rings: &Rings<'_>) {
    out.push(kind::RINGS);
    out.extend_from_slice(&rings.number.to_be_bytes());
    for (channel, below) in &rings.channels {
        push_name(out, channel);
        push_whole(out, below.len() as u64);
        for &(origin, number) in below {
            push_origin(out, origin);
            push_whole(out, number);
        }
    }
}

fn push_ringed(out: &mut Vec<u8>, ringed: &Ringed<'_>) {
    out.push(kind::RINGED);
    out.extend_from_slice(&ringed.number.to_be_bytes());
    for told in &ringed.channels {
        push_name(out, told.channel);
        out.push(told.is_whole.into());
        push_whole(out, told.entries.len() as u64);
        for (origin, entry) in &told.entries {
            push_origin(out, *origin);
            push_entry(out, entry);
        }
    }
}
