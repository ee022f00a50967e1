//! Answers to what peers ask for: publications, numbers and rings. Where there is no room for an answer there is none, and
//! they ask again.

use super::message::{Entries, EntryTold, Fetch, Message, RingTold, Ringed, Rings};
use super::telling::Book;
use super::{ENTRIES_BYTES_MAX, Healing, Out, PIECE_BYTES_MAX};
use crate::history::log::{Held, Numbers};
use crate::history::{Now, Origin};

impl Healing {
    /// What there is of an origin from one number to another.
    pub(super) fn serve_entries(&mut self, peer: Origin, fetch: &Fetch<'_>, now: Now, out: &mut impl Out) {
        let room = out.room(peer).min(ENTRIES_BYTES_MAX);
        if room == 0 {
            return;
        }
        let (channel, origin) = (fetch.channel, fetch.origin);
        let log = self.logs.find(channel);
        let numbers = log.as_ref().and_then(|log| log.numbers_of(origin));
        // Of its own the relay may have forgotten some.
        let numbers = numbers.unwrap_or_else(|| match origin == self.logs.own() {
            true => Numbers::new(origin, self.logs.base()),
            false => Numbers::new(origin, 1),
        });
        let held = log.map_or_else(Vec::new, |log| log.held(origin, fetch.from, fetch.to, room));
        let entries = held.iter().map(|held| told(held, now)).collect();
        self.send(peer, &Message::Entries(Entries { channel, numbers, entries }), out);
    }

    /// The numbers of an origin that this peer may lack.
    pub(super) fn serve_numbers(&mut self, peer: Origin, origin: Origin, now: Now, out: &mut impl Out) {
        let Some(asking) = self.peers.get_mut(peer) else { return };
        if out.room(peer) == 0 || !self.logs.boots().is_known(origin) {
            return;
        }
        let acknowledged_ms = self.acknowledged.get(&peer).copied().unwrap_or(i64::MIN);
        let since_ms = match self.way {
            super::Way::Links => asking.answered.insert(origin, now.ms).unwrap_or(acknowledged_ms),
            super::Way::Lossy => acknowledged_ms,
        };
        let book = Book { logs: &self.logs, starts: &self.starts, digest: self.digest };
        let mut told = Vec::new();
        for log in book.changed_since(since_ms) {
            let numbers = book.numbers(&log, Some(origin));
            if !numbers.is_empty() {
                told.push((log, numbers));
            }
        }
        book.tell_some(&told, now, |message| out.send(peer, message));
    }

    /// What there is of channels that a relay has joined lately.
    pub(super) fn serve_rings(&mut self, peer: Origin, rings: &Rings<'_>, now: Now, out: &mut impl Out) {
        let mut room = out.room(peer).min(PIECE_BYTES_MAX);
        if room == 0 {
            return;
        }
        let mut held = Vec::new();
        for (channel, below) in &rings.channels {
            if room == 0 {
                break;
            }
            let (entries, is_whole) = self.logs.find(channel).map_or((Vec::new(), true), |log| log.older(below, room));
            let bytes: usize = entries.iter().map(|(_, held)| held.content.len() + 32).sum();
            // One long content is all that fits beside nothing else. What is left out is asked for again.
            if bytes > room && !held.is_empty() {
                break;
            }
            room = room.saturating_sub(bytes + channel.len() + 8);
            held.push((*channel, is_whole, entries));
        }
        let channels = held.iter().map(|(channel, is_whole, entries)| {
            let entries = entries.iter().map(|(origin, held)| (*origin, told(held, now))).collect();
            RingTold { channel, is_whole: *is_whole, entries }
        });
        let ringed = Ringed { number: rings.number, channels: channels.collect() };
        self.send(peer, &Message::Ringed(ringed), out);
    }
}

fn told(held: &Held, now: Now) -> EntryTold<'_> {
    let age_ms = u64::try_from(now.ms - held.accepted_ms).unwrap_or(0);
    EntryTold { number: held.number, age_ms, content: &held.content }
}
