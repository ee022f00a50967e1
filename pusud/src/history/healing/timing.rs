//! Time passes: whatever is due is done.

use super::message::{Message, Rings};
use super::telling::Book;
use super::{Healing, Out, Way};
use crate::history::safeguard::Safeguard;
use crate::history::{Now, Origin};

/// How long a relay that stops waits for its peers, in milliseconds.
pub(super) const DRAIN_MS: i64 = 2000;
/// When a peer without room is looked at again.
const ROOM_MS: i64 = 10;
/// When what was dropped for a peer is told, in milliseconds after it was.
const OVERFLOW_MS: i64 = 100;
/// How long before a publication was dropped for a peer it may have been appended.
const APPENDED_MS: i64 = 1000;
/// How often changed numbers are told over NATS.
const ROUND_MS: i64 = 700;
/// So long changed numbers are told again over NATS, each of which may be lost.
const CHANGED_MS: i64 = 2500;
/// When numbers are told anew that nobody acknowledges.
const REPEAT_MS: i64 = 400;
/// How often a peer is looked at that waits for the acknowledgement of its last words.
const OWED_MS: i64 = 20;

impl Healing {
    /// Does what is due. It may be called at any time, and has to be when [`next_due`](Self::next_due) has come.
    pub fn tick(&mut self, now: Now, out: &mut impl Out) {
        while let Some((origin, channel)) = self.holes.due(now.ms) {
            self.look_at(origin, &channel, now, out);
        }
        self.go_on_telling(now, out);
        self.ask_about_lost(now, out);
        self.tell_news(now, out);
        self.tell_overflowed(now, out);
        self.acknowledge_last_words(now, out);
        self.join(now, out);
        if self.way == Way::Lossy && self.round_ms <= now.ms {
            self.round_ms = now.ms + ROUND_MS;
            let peers = self.peers.origins().to_vec();
            self.tell_changed(now.ms - CHANGED_MS, &peers, now, out);
        }
        self.starts.forget(self.logs.boots());
        self.told_to_differ.retain(|&origin| self.logs.boots().is_known(origin));
        self.acknowledged.retain(|&origin, _| self.logs.boots().is_known(origin));
    }

    /// When there is something to do next, by the relay's clock in milliseconds.
    pub fn next_due(&self, now: Now) -> Option<i64> {
        let telling = self.peers.iter().filter_map(|(_, peer)| {
            let telling = peer.telling.as_ref()?;
            match telling.sent_ms {
                None => Some(now.ms + ROOM_MS),
                Some(sent_ms) => (self.way == Way::Lossy).then_some(sent_ms + REPEAT_MS),
            }
        });
        let owed = self.peers.iter().filter(|(_, peer)| peer.owed.is_some()).map(|_| now.ms + OWED_MS);
        let overflowed = self.peers.iter().filter(|(_, peer)| peer.has_overflowed());
        let overflowed = overflowed.map(|(_, peer)| (peer.overflowed_ms + OVERFLOW_MS).max(now.ms + ROOM_MS));
        let round = (self.way == Way::Lossy).then_some(self.round_ms);
        let others =
            [self.holes.next_due(), self.starts.next_due(), self.news.next_due(), self.joining.next_due(now.ms), round];
        others.into_iter().flatten().chain(telling).chain(owed).chain(overflowed).min()
    }

    fn book(&self) -> Book<'_> {
        Book { logs: &self.logs, starts: &self.starts, digest: self.digest }
    }

    fn go_on_telling(&mut self, now: Now, out: &mut impl Out) {
        for origin in self.peers.origins().to_vec() {
            let peer = self.peers.get_mut(origin).expect("it is one of them");
            let Some(mut telling) = peer.telling.take() else { continue };
            if self.way == Way::Lossy && telling.sent_ms.is_some_and(|sent_ms| sent_ms + REPEAT_MS <= now.ms) {
                self.tell_all(origin, now, out);
                if let Some(again) = self.peers.get_mut(origin).and_then(|peer| peer.telling.as_mut()) {
                    again.repeats(telling);
                }
                continue;
            }
            telling.send(origin, &self.book(), now, out);
            self.peers.get_mut(origin).expect("it is one of them").telling = Some(telling);
        }
    }

    fn ask_about_lost(&mut self, now: Now, out: &mut impl Out) {
        for origin in self.starts.take_due(self.logs.boots(), now) {
            if !self.logs.holds(Safeguard::Ask) {
                continue;
            }
            for peer in self.peers.origins().to_vec() {
                self.send(peer, &Message::Ask(origin), out);
                // They may never have been linked with it, and not know that they should ask.
                self.serve_numbers(peer, origin, now, out);
            }
        }
    }

    fn tell_news(&mut self, now: Now, out: &mut impl Out) {
        let news = self.news.take(now.ms);
        let mut told = Vec::new();
        for (channel, origin) in news {
            if let Some(log) = self.logs.find(&channel) {
                let numbers = self.book().numbers(&log, Some(origin));
                if !numbers.is_empty() {
                    told.push((log, numbers));
                }
            }
        }
        let peers = self.peers.origins();
        self.book().tell_some(&told, now, |message| out.send_all(peers, message));
    }

    fn tell_overflowed(&mut self, now: Now, out: &mut impl Out) {
        for origin in self.peers.origins().to_vec() {
            let peer = self.peers.get_mut(origin).expect("it is one of them");
            if !peer.has_overflowed() || peer.overflowed_ms + OVERFLOW_MS > now.ms || out.room(origin) == 0 {
                continue;
            }
            let dropped_ms = peer.dropping_ms.unwrap_or(peer.overflowed_ms).min(peer.overflowed_ms);
            match peer.overflowed.replace(Default::default()) {
                Some(channels) => {
                    let mut channels: Vec<_> = channels.into_iter().collect();
                    channels.sort_unstable();
                    let mut told = Vec::new();
                    let logs: Vec<_> = channels.iter().filter_map(|channel| self.logs.find(channel)).collect();
                    // One that is there may be another one by now.
                    let are_there = !self.logs.has_forgotten_changes_since(dropped_ms - APPENDED_MS);
                    for log in logs {
                        let numbers = self.book().numbers(&log, Some(self.logs.own()));
                        if !numbers.is_empty() {
                            told.push((log, numbers));
                        }
                    }
                    self.book().tell_some(&told, now, |message| out.send(origin, message));
                    if !are_there {
                        self.tell_all(origin, now, out);
                    }
                }
                None => self.tell_all(origin, now, out),
            }
        }
    }

    fn tell_changed(&self, since_ms: i64, peers: &[Origin], now: Now, out: &mut impl Out) {
        let book = self.book();
        let mut told = Vec::new();
        for log in book.changed_since(since_ms) {
            let numbers = book.numbers(&log, None);
            if !numbers.is_empty() {
                told.push((log, numbers));
            }
        }
        book.tell_some(&told, now, |message| out.send_all(peers, message));
    }

    /// Who stops waits until nothing of what it has told is missing any more.
    fn acknowledge_last_words(&mut self, now: Now, out: &mut impl Out) {
        for origin in self.peers.origins().to_vec() {
            let peer = self.peers.get_mut(origin).expect("it is one of them");
            let Some((number, until_ms)) = peer.owed else { continue };
            if now.ms >= until_ms || !self.holes.is_held_by(origin) {
                peer.owed = None;
                self.send(origin, &Message::Acknowledge(number), out);
            }
        }
    }

    fn join(&mut self, now: Now, out: &mut impl Out) {
        self.joining.tick(&self.peers, self.logs.holds(Safeguard::RingsBeforeReady), now.ms);
        self.know_forgotten();
        while let Some((number, peer, names)) = self.joining.ask(now.ms) {
            let mut channels = Vec::new();
            for name in &names {
                let Some(log) = self.logs.find(name) else { continue };
                let numbers = log.numbers().into_iter().filter(|numbers| numbers.origin != self.logs.own());
                let below = numbers.map(|numbers| (numbers.origin, numbers.floor));
                channels.push((&**name, below.collect()));
            }
            self.send(peer, &Message::Rings(Rings { number, channels }), out);
        }
    }
}
