//! Telling numbers: all that a peer may lack, piece by piece as there is room, and how the pieces are put together.

use super::message::{BootTold, Message, NumbersTold};
use super::starts::Starts;
use super::{Out, PIECE_BYTES_MAX};
use crate::history::log::{Log, Numbers};
use crate::history::safeguard::Safeguard;
use crate::history::{Logs, Now, Origin};
use std::collections::HashSet;
use std::sync::Arc;

/// Pieces that are counted at most.
const PIECES_MAX: usize = 1 << 16;
/// What an origin in a piece takes at most, in bytes.
const NUMBERS_BYTES: usize = 32;
/// What a start of a relay takes beside its name.
const BOOT_BYTES: usize = 16;

/// What pieces are made of.
pub(super) struct Book<'a> {
    pub(super) logs: &'a Logs,
    pub(super) starts: &'a Starts,
    pub(super) digest: u64,
}

impl Book<'_> {
    /// The logs whose numbers have changed since then.
    pub(super) fn changed_since(&self, ms: i64) -> Vec<Arc<Log>> {
        let mut logs = self.logs.all();
        logs.retain(|log| log.has_changed_since(ms));
        // The same happens in the same order.
        logs.sort_unstable_by(|one, other| one.name().cmp(other.name()));
        logs
    }

    /// What there is to tell of a log, of one origin or of all. Who ended long ago is told of as long as the log names it: there
    /// are positions that do, too.
    pub(super) fn numbers(&self, log: &Log, only: Option<Origin>) -> Vec<Numbers> {
        let own = self.logs.own();
        let is_told = |numbers: &Numbers| {
            let origin = numbers.origin;
            origin != own.unnumbered()
                && only.is_none_or(|only| origin == only)
                && (origin == own || self.logs.holds(Safeguard::NumbersOfAll))
                && numbers.seen >= numbers.base
        };
        log.numbers().into_iter().filter(is_told).collect()
    }

    fn boot<'b>(&self, origin: Origin, name: &'b str, now: Now) -> BootTold<'b> {
        let ended = self.logs.boots().ended(origin);
        let ago = |ended: i64| u64::try_from(now.ms - ended).unwrap_or(0);
        BootTold { origin, name, ended_ago_ms: ended.map(ago) }
    }

    /// Sends what has changed, in pieces that nobody acknowledges, with the starts that are in it.
    pub(super) fn tell_some(&self, told: &[(Arc<Log>, Vec<Numbers>)], now: Now, mut send: impl FnMut(&[u8])) {
        let mut bytes = 0;
        for piece in told.chunk_by(|(one, numbers), _| {
            bytes += one.name().len() + 2 + NUMBERS_BYTES * numbers.len();
            if bytes > PIECE_BYTES_MAX {
                bytes = 0;
            }
            bytes > 0
        }) {
            let mut origins: Vec<_> =
                piece.iter().flat_map(|(_, numbers)| numbers).map(|numbers| numbers.origin).collect();
            origins.sort_unstable();
            origins.dedup();
            let named = |origin| Some(self.boot(origin, self.starts.name(origin)?, now));
            let numbers = NumbersTold {
                digest: self.digest,
                is_last: true,
                boots: origins.into_iter().filter_map(named).collect(),
                channels: piece.iter().map(|(log, numbers)| (log.name(), numbers.clone())).collect(),
                ..NumbersTold::default()
            };
            let mut out = Vec::new();
            Message::Numbers(numbers).push(&mut out);
            send(&out);
        }
    }
}

/// How long an append may take from its time until it is there, in milliseconds.
const APPENDING_MS: i64 = 1000;
/// How many numbers may be acknowledged later.
const EARLIER_MAX: usize = 8;

/// All that one peer is told, until it has acknowledged it.
pub(super) struct Telling {
    /// What it acknowledges.
    pub(super) number: u32,
    /// It knows everything that had changed before.
    pub(super) begun_ms: i64,
    /// The relay stops.
    pub(super) is_final: bool,
    pub(super) has_displaced: bool,
    /// When all of it was sent.
    pub(super) sent_ms: Option<i64>,
    /// The numbers of what it was told before in vain, and when each of them began: an acknowledgement may be on its way.
    earlier: Vec<(u32, i64)>,
    boots: std::vec::IntoIter<Origin>,
    logs: std::vec::IntoIter<Arc<Log>>,
    piece: u32,
}

impl Telling {
    /// What has changed since then, and all starts.
    pub(super) fn since(ms: i64, book: &Book<'_>, number: u32, is_final: bool, now: Now) -> Self {
        let boots: Vec<_> = book.starts.names().map(|(origin, _)| origin).collect();
        // In this order: those that go meanwhile are told of.
        let logs = book.changed_since(ms).into_iter();
        // Whoever was away for longer is told by what has left the rings.
        let since_ms = ms.max(now.ms - book.logs.times().retention_ms);
        let has_displaced = book.logs.has_forgotten_changes_since(since_ms);
        Self {
            number,
            begun_ms: now.ms - APPENDING_MS,
            is_final,
            has_displaced,
            sent_ms: None,
            earlier: Vec::new(),
            boots: boots.into_iter(),
            logs,
            piece: 0,
        }
    }

    /// This is told again what `before` was told in vain.
    pub(super) fn repeats(&mut self, before: Self) {
        self.earlier = before.earlier;
        self.earlier.drain(..self.earlier.len().saturating_sub(EARLIER_MAX - 1));
        self.earlier.push((before.number, before.begun_ms));
    }

    /// Since when whoever acknowledges this number has to be told what has changed; `None`: it was not told.
    pub(super) fn acknowledged(&self, number: u32) -> Option<i64> {
        let earlier = || self.earlier.iter().find(|(told, _)| *told == number).map(|&(_, begun_ms)| begun_ms);
        (self.number == number && self.sent_ms.is_some()).then_some(self.begun_ms).or_else(earlier)
    }

    /// Sends as many pieces as there is room for.
    pub(super) fn send(&mut self, peer: Origin, book: &Book<'_>, now: Now, out: &mut impl Out) {
        while self.sent_ms.is_none() && out.room(peer) > 0 {
            let (mut boots, mut channels, mut bytes) = (Vec::new(), Vec::new(), 0);
            while bytes < PIECE_BYTES_MAX {
                let Some(origin) = self.boots.next() else { break };
                let Some(name) = book.starts.name(origin) else { continue };
                bytes += name.len() + BOOT_BYTES;
                boots.push(book.boot(origin, name, now));
            }
            let mut logs = Vec::new();
            while bytes < PIECE_BYTES_MAX {
                let Some(log) = self.logs.next() else { break };
                let mut numbers = book.numbers(&log, None);
                numbers.retain(|numbers| numbers.origin != peer);
                if !numbers.is_empty() {
                    bytes += log.name().len() + 3 + NUMBERS_BYTES * numbers.len();
                    logs.push((log, numbers));
                }
            }
            channels.extend(logs.iter().map(|(log, numbers)| (log.name(), numbers.clone())));
            let is_last = self.boots.as_slice().is_empty() && self.logs.as_slice().is_empty();
            let told = NumbersTold {
                number: self.number,
                piece: self.piece,
                is_last,
                is_whole: true,
                is_final: self.is_final,
                has_displaced: self.has_displaced,
                forgotten_ago_ms: book.logs.forgotten_ago_ms(now),
                digest: book.digest,
                boots,
                channels,
            };
            let mut message = Vec::new();
            Message::Numbers(told).push(&mut message);
            out.send(peer, &message);
            self.piece += 1;
            if is_last {
                self.sent_ms = Some(now.ms);
            }
        }
    }
}

/// The pieces of what a peer tells.
#[derive(Default)]
pub(super) struct Pieces {
    number: u32,
    come: HashSet<u32>,
    count: Option<u32>,
}

impl Pieces {
    /// One has come. Whether all have, with it.
    pub(super) fn complete(&mut self, told: &NumbersTold<'_>) -> bool {
        if self.number != told.number {
            *self = Self { number: told.number, ..Self::default() };
        }
        if told.is_last {
            self.count = Some(told.piece.saturating_add(1));
        }
        self.come.len() < PIECES_MAX
            && self.come.insert(told.piece)
            && self.count.is_some_and(|count| self.come.len() == count as usize)
    }
}
