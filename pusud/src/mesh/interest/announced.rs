//! Interest that a peer has announced.
//!
//! A snapshot is kept apart until its end has come, and then taken in slice by slice, so that others have their turn
//! between two of them. **Invariant:** what has been given out as changes, and no more, is what the relay has been told.

use crate::mesh::interest::table::{CHANNELS_MAX, Edge, Table};
use crate::mesh::wire::{Changes, Names, Total};
use crate::peers::Malformed;
use std::cmp::Ordering;
use std::collections::btree_set::IntoIter;
use std::iter::Peekable;
use std::rc::Rc;

/// What a peer has told of its interest.
#[derive(Default)]
pub(crate) struct Announced {
    table: Table,
    /// A snapshot that is not complete, with its generation.
    arriving: Option<(u32, Table)>,
    /// A complete one that is not taken in altogether: `table` is what is new.
    intake: Option<Intake>,
    generation: u32,
    /// The number of the last change or snapshot.
    last: u64,
    is_complete: bool,
}

/// How far a snapshot has been taken in: both tables are walked side by side.
struct Intake {
    /// The rest of what was there before.
    old: Peekable<IntoIter<Rc<str>>>,
    /// The last channel of the new table that has been compared.
    at: Option<Rc<str>>,
}

/// What a peer told cannot be right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
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
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Takes a part of a snapshot in.
    ///
    /// # Errors
    /// It is wrong, and the link has to end.
    pub(crate) fn snapshot(&mut self, generation: u32, channels: Names<'_>) -> Result<(), Wrong> {
        let arriving = self.arrive(generation)?;
        for channel in channels {
            arriving.set(channel?, true);
            if arriving.total().count > CHANNELS_MAX as u64 {
                return Err(Wrong::TooMuch);
            }
        }
        Ok(())
    }

    /// The table of the snapshot that is arriving. None begins before the one before it has ended.
    fn arrive(&mut self, generation: u32) -> Result<&mut Table, Wrong> {
        let is_next = match &self.arriving {
            Some((arriving, _)) => generation == *arriving,
            None => generation > self.generation,
        };
        if !is_next || self.intake.is_some() {
            return Err(Wrong::Order);
        }
        Ok(&mut self.arriving.get_or_insert_with(|| (generation, Table::default())).1)
    }

    /// The end of a snapshot has come: from now on it is what the peer has listeners for, and [`Self::take_in`] gives what
    /// that changes. Nothing else may be taken in before that is done.
    ///
    /// # Errors
    /// It is wrong, and the link has to end.
    pub(crate) fn snapshot_end(&mut self, generation: u32, number: u64, total: Total) -> Result<(), Wrong> {
        if number <= self.last {
            return Err(Wrong::Order);
        }
        if self.arrive(generation)?.total() != total {
            return Err(Wrong::Total);
        }
        let (_, new) = self.arriving.take().expect("it has arrived");
        let old = std::mem::replace(&mut self.table, new).into_channels().peekable();
        self.intake = Some(Intake { old, at: None });
        (self.generation, self.last, self.is_complete) = (generation, number, true);
        Ok(())
    }

    /// Whether a snapshot is being taken in.
    pub(crate) fn is_taking_in(&self) -> bool {
        self.intake.is_some()
    }

    /// Goes on to take a snapshot in, over so many channels; gives what changes, and the number to acknowledge if that was
    /// the last of it.
    pub(crate) fn take_in(&mut self, channels_max: usize) -> (Vec<Edge>, Option<u64>) {
        let Some(mut intake) = self.intake.take() else { return (Vec::new(), None) };
        let mut edges = Vec::new();
        let (mut at, from) = (None, intake.at.take());
        let mut new = self.table.behind(from.as_deref()).peekable();
        for _ in 0..channels_max {
            let order = match (intake.old.peek(), new.peek()) {
                (None, None) => return (edges, Some(self.last)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.cmp(new),
            };
            // What only the old one has is gone, and what only the new one has has come.
            if order.is_le() {
                let old = intake.old.next();
                edges.extend(old.filter(|_| order.is_ne()).map(|channel| (channel, false)));
            }
            if order.is_ge() {
                at = new.next();
                edges.extend(at.filter(|_| order.is_ne()).map(|channel| (channel.clone(), true)));
            }
        }
        intake.at = at.cloned().or(from);
        self.intake = Some(intake);
        (edges, None)
    }

    /// Takes changes in; gives those that are some, and the number to acknowledge.
    ///
    /// # Errors
    /// They are wrong, and the link has to end.
    pub(crate) fn changes(&mut self, first: u64, changes: Changes<'_>) -> Result<(Vec<Edge>, u64), Wrong> {
        let is_taken_in = self.is_complete && self.arriving.is_none() && self.intake.is_none();
        if !is_taken_in || self.last.checked_add(1) != Some(first) {
            return Err(Wrong::Order);
        }
        let mut edges = Vec::new();
        for change in changes {
            let (is_in, channel) = change?;
            self.last = self.last.checked_add(1).ok_or(Wrong::Order)?;
            edges.extend(self.table.set(channel, is_in).map(|channel| (channel, is_in)));
            if self.table.total().count > CHANNELS_MAX as u64 {
                return Err(Wrong::TooMuch);
            }
        }
        Ok((edges, self.last))
    }

    /// The link has ended: all channels that the relay may have been told of, some perhaps twice or never, each let go of
    /// as it is given.
    pub(crate) fn into_channels(self) -> impl Iterator<Item = Rc<str>> {
        let old = self.intake.into_iter().flat_map(|intake| intake.old);
        let arriving = self.arriving.into_iter().flat_map(|(_, table)| table.into_channels());
        self.table.into_channels().chain(old).chain(arriving)
    }
}
