//! Which channels have listeners where: the relay's own table, what one link has been told of it, and what a peer has
//! told.
//!
//! Values without links or clocks. **Invariant:** a link is told changes in the order of the table, and the two sides'
//! totals agree whenever nothing is left to tell.

use super::codec::{Changes, Malformed, Names, Total, hash};
use super::encode;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

/// More channels than any relay has listeners for.
const CHANNELS_MAX: usize = 4 * 1024 * 1024;
/// Changes that may wait for a link; past it the link is told everything anew instead.
const WAITING_MAX: usize = 64 * 1024;
/// How much is written for one link in one go, in bytes.
const WRITE_BYTES: usize = 64 * 1024;

/// A set of channels that knows its total.
#[derive(Default)]
pub struct Table {
    /// In order, so that everything that follows from it is the same in every run.
    channels: BTreeSet<Rc<str>>,
    hash: u64,
}

impl Table {
    /// Puts a channel in or takes it out; gives its name if that changed anything.
    pub fn set(&mut self, channel: &str, is_in: bool) -> Option<Rc<str>> {
        if is_in {
            if self.channels.contains(channel) {
                return None;
            }
            let channel: Rc<str> = channel.into();
            self.channels.insert(channel.clone());
            self.hash = self.hash.wrapping_add(hash(&channel));
            Some(channel)
        } else {
            let channel = self.channels.take(channel)?;
            self.hash = self.hash.wrapping_sub(hash(&channel));
            Some(channel)
        }
    }

    /// Whether the channel is in it.
    pub fn contains(&self, channel: &str) -> bool {
        self.channels.contains(channel)
    }

    /// How much is in it.
    pub fn total(&self) -> Total {
        Total { count: self.channels.len() as u64, hash: self.hash }
    }

    /// What is in it.
    pub fn iter(&self) -> impl Iterator<Item = &Rc<str>> {
        self.channels.iter()
    }
}

/// What one link still has to be told of the relay's own table, and what its peer has acknowledged.
pub struct Announcer {
    generation: u32,
    /// The rest of a snapshot that is being sent, with its end's number and total.
    snapshot: Option<(std::vec::IntoIter<Rc<str>>, u64, Total)>,
    /// Channels that have changed since, each once. The last one has the number `last`.
    waiting: VecDeque<Rc<str>>,
    is_waiting: HashSet<Rc<str>>,
    /// The number of the last change or snapshot.
    last: u64,
    acknowledged: u64,
}

impl Announcer {
    /// For a new link: everything has to be told.
    pub fn new(table: &Table) -> Self {
        let mut announcer = Self {
            generation: 0,
            snapshot: None,
            waiting: VecDeque::new(),
            is_waiting: HashSet::new(),
            last: 0,
            acknowledged: 0,
        };
        announcer.restart(table);
        announcer
    }

    /// Tells everything anew.
    pub fn restart(&mut self, table: &Table) {
        self.generation += 1;
        self.waiting.clear();
        self.is_waiting.clear();
        self.last += 1;
        let channels: Vec<_> = table.iter().cloned().collect();
        self.snapshot = Some((channels.into_iter(), self.last, table.total()));
    }

    /// The channel has changed in the table.
    pub fn changed(&mut self, channel: &Rc<str>, table: &Table) {
        if self.is_waiting.contains(channel) {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.restart(table);
            return;
        }
        self.last += 1;
        self.waiting.push_back(channel.clone());
        self.is_waiting.insert(channel.clone());
    }

    /// Whether the link has been told everything.
    pub fn is_idle(&self) -> bool {
        self.snapshot.is_none() && self.waiting.is_empty()
    }

    /// The number to wait for, where somebody wants to know that the peer knows all there is in the table now.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Everything up to this number is known to the peer.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The peer acknowledges.
    ///
    /// # Errors
    /// What has not been sent cannot be acknowledged, and nothing is acknowledged backwards.
    pub fn acknowledge(&mut self, number: u64) -> Result<(), &'static str> {
        let sent = match &self.snapshot {
            Some((_, number, _)) => number - 1,
            None => self.last - self.waiting.len() as u64,
        };
        if number < self.acknowledged || number > sent {
            return Err("an acknowledgement of what was not sent");
        }
        self.acknowledged = number;
        Ok(())
    }

    /// Appends some of what is left to tell.
    pub fn write(&mut self, table: &Table, out: &mut Vec<u8>) {
        let start = out.len();
        if let Some((channels, number, total)) = &mut self.snapshot {
            while out.len() - start < WRITE_BYTES && !channels.as_slice().is_empty() {
                let generation = self.generation;
                // The names live as long as the slice that is walked; what was written is skipped afterwards.
                let mut written = 0;
                encode::snapshot(
                    out,
                    generation,
                    &mut channels.as_slice().iter().map(|name| &**name).inspect(|_| written += 1),
                );
                channels.nth(written - 1);
            }
            if !channels.as_slice().is_empty() {
                return;
            }
            encode::snapshot_end(out, self.generation, *number, *total);
            self.snapshot = None;
        }
        while out.len() - start < WRITE_BYTES && !self.waiting.is_empty() {
            let first = self.last - self.waiting.len() as u64 + 1;
            let mut written = 0;
            let changes = self.waiting.iter().map(|name| (table.contains(name), &**name));
            encode::changes(out, first, &mut changes.inspect(|_| written += 1));
            for name in self.waiting.drain(..written) {
                self.is_waiting.remove(&name);
            }
        }
    }
}

/// A change of what a peer has listeners for: the channel, and whether it has some now.
pub type Edge = (Rc<str>, bool);

/// What a peer has told of its interest.
#[derive(Default)]
pub struct Announced {
    table: Table,
    /// A snapshot that is not complete, with its generation.
    arriving: Option<(u32, Table)>,
    generation: u32,
    /// The number of the last change or snapshot.
    last: u64,
    is_complete: bool,
}

/// What a peer told cannot be right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Not even the frame.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A number or a generation that does not follow from the one before.
    #[error("interest out of order")]
    Order,
    /// The end of a snapshot tells another total.
    #[error("a snapshot of interest that differs from its own total")]
    Total,
    /// More than there can be.
    #[error("interest in more than {CHANNELS_MAX} channels")]
    TooMuch,
}

impl Announced {
    /// What the peer has listeners for.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Takes a part of a snapshot in.
    ///
    /// # Errors
    /// It is wrong, and the link has to end.
    pub fn snapshot(&mut self, generation: u32, channels: Names<'_>) -> Result<(), Wrong> {
        let arriving = self.arrive(generation)?;
        for channel in channels {
            arriving.set(channel?, true);
            if arriving.channels.len() > CHANNELS_MAX {
                return Err(Wrong::TooMuch);
            }
        }
        Ok(())
    }

    /// The table of the snapshot that is arriving. A later one takes the place of one that was not finished.
    fn arrive(&mut self, generation: u32) -> Result<&mut Table, Wrong> {
        let is_old = match &self.arriving {
            Some((arriving, _)) => generation < *arriving,
            None => generation <= self.generation,
        };
        if is_old {
            return Err(Wrong::Order);
        }
        if self.arriving.as_ref().is_none_or(|(arriving, _)| *arriving != generation) {
            self.arriving = Some((generation, Table::default()));
        }
        Ok(&mut self.arriving.as_mut().expect("it was just made").1)
    }

    /// Takes the end of a snapshot in: from now on it is what the peer has listeners for. Gives what that changes.
    ///
    /// # Errors
    /// It is wrong, and the link has to end.
    pub fn snapshot_end(&mut self, generation: u32, number: u64, total: Total) -> Result<Vec<Edge>, Wrong> {
        if number <= self.last {
            return Err(Wrong::Order);
        }
        if self.arrive(generation)?.total() != total {
            return Err(Wrong::Total);
        }
        let (_, new) = self.arriving.take().expect("it has arrived");
        let old = std::mem::replace(&mut self.table, new);
        (self.generation, self.last, self.is_complete) = (generation, number, true);
        let gone = old.iter().filter(|channel| !self.table.contains(channel)).map(|channel| (channel.clone(), false));
        let come = self.table.iter().filter(|channel| !old.contains(channel)).map(|channel| (channel.clone(), true));
        Ok(gone.chain(come).collect())
    }

    /// Takes changes in; gives those that are some, and the number to acknowledge.
    ///
    /// # Errors
    /// They are wrong, and the link has to end.
    pub fn changes(&mut self, first: u64, changes: Changes<'_>) -> Result<(Vec<Edge>, u64), Wrong> {
        if !self.is_complete || self.arriving.is_some() || self.last.checked_add(1) != Some(first) {
            return Err(Wrong::Order);
        }
        let mut edges = Vec::new();
        for change in changes {
            let (is_in, channel) = change?;
            self.last = self.last.checked_add(1).ok_or(Wrong::Order)?;
            edges.extend(self.table.set(channel, is_in).map(|channel| (channel, is_in)));
            if self.table.channels.len() > CHANNELS_MAX {
                return Err(Wrong::TooMuch);
            }
        }
        Ok((edges, self.last))
    }
}
