//! The announcer of one link: what it is told of the relay's own table, and what its peer has acknowledged.
//!
//! The table is walked where it stands, and nothing of it is copied: what changes behind the walk is told by the walk, and
//! what changes before it is told as a change when the walk is over. **Invariant:** a walk that has begun comes to its
//! end, whatever changes meanwhile, and the two sides' totals agree whenever nothing is left to tell.

use crate::mesh::interest::table::Table;
use crate::mesh::wire::{self, Total, hash};
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

/// Changes that may wait for a link; past it the link is told everything anew instead.
const WAITING_MAX: usize = 64 * 1024;
/// How much is written for one link in one go, in bytes.
const WRITE_BYTES: usize = 64 * 1024;

/// What one link still has to be told, and what its peer has acknowledged.
pub(crate) struct Announcer {
    generation: u32,
    /// The snapshot that is being told.
    walk: Option<Walk>,
    /// Changes have been forgotten: the table is told once more when the walk is over, with this number at the end.
    again: Option<u64>,
    /// Channels that have changed and that no walk will tell, each once. The last one has the number `last`.
    waiting: VecDeque<Rc<str>>,
    is_waiting: HashSet<Rc<str>>,
    waiting_max: usize,
    /// The number of the last change or snapshot.
    last: u64,
    /// The last number that has been told.
    told: u64,
    acknowledged: u64,
    /// The peer has been told the total since it last asked for everything.
    may_be_asked: bool,
}

/// A snapshot on its way.
struct Walk {
    /// The number of its end.
    number: u64,
    /// The last channel that was told.
    at: Option<Rc<str>>,
    told: Total,
}

/// For a new link: everything has to be told.
impl Default for Announcer {
    fn default() -> Self {
        Self::remembering(WAITING_MAX)
    }
}

impl Announcer {
    /// For a new link, where no more than so many changes may wait.
    pub(in crate::mesh) fn remembering(waiting_max: usize) -> Self {
        let mut announcer = Self {
            waiting_max,
            generation: 0,
            walk: None,
            again: None,
            waiting: VecDeque::new(),
            is_waiting: HashSet::new(),
            last: 0,
            told: 0,
            acknowledged: 0,
            may_be_asked: false,
        };
        announcer.walk_again();
        announcer
    }

    /// Tells everything anew: now, or when the walk that has begun is over.
    fn walk_again(&mut self) {
        self.waiting = VecDeque::new();
        self.is_waiting = HashSet::new();
        self.last += 1;
        if self.walk.is_some() {
            self.again = Some(self.last);
        } else {
            self.begin(self.last);
        }
    }

    fn begin(&mut self, number: u64) {
        self.generation += 1;
        self.walk = Some(Walk { number, at: None, told: Total::default() });
    }

    /// The peer asks for everything. It may once after it has been told the total, which is the reason that there is; and
    /// where it is being told everything there is nothing to add.
    pub(crate) fn asked(&mut self) {
        if std::mem::take(&mut self.may_be_asked) && self.walk.is_none() {
            self.walk_again();
        }
    }

    /// The peer is told the total.
    pub(crate) fn checked(&mut self) {
        self.may_be_asked = true;
    }

    /// The channel has changed in the table.
    pub(crate) fn changed(&mut self, channel: &Rc<str>) {
        let is_ahead = |walk: &Walk| walk.at.as_ref().is_none_or(|at| *at < *channel);
        if self.again.is_some() || self.walk.as_ref().is_some_and(is_ahead) || self.is_waiting.contains(channel) {
            return;
        }
        if self.waiting.len() >= self.waiting_max {
            self.walk_again();
            return;
        }
        self.last += 1;
        self.waiting.push_back(channel.clone());
        self.is_waiting.insert(channel.clone());
    }

    /// Whether the link has been told everything.
    pub(crate) fn is_idle(&self) -> bool {
        self.walk.is_none() && self.waiting.is_empty()
    }

    /// The number to wait for, where somebody wants to know that the peer knows all there is in the table now.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Everything up to this number is known to the peer.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The peer acknowledges.
    ///
    /// # Errors
    /// What has not been sent cannot be acknowledged, and nothing is acknowledged backwards.
    pub(crate) fn acknowledge(&mut self, number: u64) -> Result<(), &'static str> {
        if number < self.acknowledged || number > self.told {
            return Err("an acknowledgement of what was not sent");
        }
        self.acknowledged = number;
        Ok(())
    }

    /// Appends some of what is left to tell.
    pub(crate) fn write(&mut self, table: &Table, out: &mut Vec<u8>) {
        let start = out.len();
        if let Some(walk) = &mut self.walk {
            while out.len() - start < WRITE_BYTES {
                if !walk.tell_some(self.generation, table, out) {
                    wire::snapshot_end(out, self.generation, walk.number, walk.told);
                    self.told = walk.number;
                    self.walk = None;
                    break;
                }
            }
            if let Some(number) = self.again.take_if(|_| self.walk.is_none()) {
                self.begin(number);
            }
            if self.walk.is_some() {
                return;
            }
        }
        while out.len() - start < WRITE_BYTES && !self.waiting.is_empty() {
            let first = self.last - self.waiting.len() as u64 + 1;
            let mut written = 0;
            let changes = self.waiting.iter().map(|name| (table.contains(name), &**name));
            wire::changes(out, first, &mut changes.inspect(|_| written += 1));
            for name in self.waiting.drain(..written) {
                self.is_waiting.remove(&name);
            }
            self.told = first + written as u64 - 1;
        }
    }
}

impl Walk {
    /// Appends a frame with the next channels. False: there are none left, and nothing was appended.
    fn tell_some(&mut self, generation: u32, table: &Table, out: &mut Vec<u8>) -> bool {
        let mut channels = table.behind(self.at.as_deref()).peekable();
        if channels.peek().is_none() {
            return false;
        }
        let mut last = None;
        let told = &mut self.told;
        let mut channels = channels.map(|channel| {
            told.count += 1;
            told.hash = told.hash.wrapping_add(hash(channel));
            last = Some(channel);
            &**channel
        });
        wire::snapshot(out, generation, &mut channels);
        drop(channels);
        self.at = last.cloned();
        true
    }
}
