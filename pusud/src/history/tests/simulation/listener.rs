//! A listener: what it remembers, and what the judge asks of it over all its connections.

use super::judge::Judge;
use super::shard::{Connection, Frame};
use crate::history::Position;
use std::collections::{HashMap, HashSet};

/// One listener, of one channel.
pub(super) struct Listener {
    pub(super) channel: &'static str,
    pub(super) connection: Option<Connection>,
    /// The last one that it was told, as text.
    pub(super) position: Option<String>,
    /// When it subscribed for the first time, and when it was told last that something is lost, counted in events.
    pub(super) first: Option<u64>,
    pub(super) told: u64,
    pub(super) seen: HashSet<usize>,
    /// By source, the last publication of it.
    last: HashMap<usize, usize>,
    /// With which publications it was to begin, each with the event at which it came.
    pub(super) newest: Vec<(usize, u64)>,
    pub(super) judge: Judge,
}

impl Listener {
    pub(super) fn new(channel: &'static str, judge: Judge) -> Self {
        Self {
            channel,
            connection: None,
            position: None,
            first: None,
            told: 0,
            seen: HashSet::new(),
            last: HashMap::new(),
            newest: Vec::new(),
            judge,
        }
    }

    /// Remembers a position, which never goes back.
    pub(super) fn remember(&mut self, position: &str) {
        let next = Position::parse(position).expect("a relay has made it");
        if let Some(before) = self.position.as_deref().and_then(Position::parse) {
            for (origin, number) in before.iter() {
                if next.get(origin).is_some_and(|next| next < number) {
                    self.judge.fail(format!("a position goes back from {:?} to {position}", self.position));
                }
            }
        }
        self.position = Some(position.into());
    }

    /// It is told that something is lost of what was accepted until then.
    pub(super) fn is_told(&mut self, event: u64) {
        self.told = self.told.max(event);
        self.judge.told();
        // Whatever has a number is never seen twice. What has none may be, behind this.
        self.seen.retain(|&id| self.judge.has_number(id));
        self.last.retain(|_, &mut id| self.judge.has_number(id));
    }

    /// It forgets everything, and comes as a new one.
    pub(super) fn begin_anew(&mut self) {
        (self.position, self.first) = (None, None);
        self.seen.clear();
        self.last.clear();
        self.newest.clear();
    }

    /// Reads a frame. False: it leaves behind it.
    pub(super) fn take(&mut self, frame: &Frame<'_>, event: u64) -> bool {
        self.remember(frame.position);
        match frame.content {
            None => self.is_told(event),
            Some(content) => {
                let id: usize = content.parse().expect("contents are numbers");
                let source = self.judge.source(id);
                if !self.seen.insert(id) {
                    self.judge.fail(format!("publication {id} came twice, at {}", frame.position));
                }
                if self.last.insert(source, id).is_some_and(|last| last > id) {
                    self.judge.fail(format!("publication {id} is out of order, at {}", frame.position));
                }
            }
        }
        let connection = self.connection.as_mut().expect("it reads from it");
        connection.frames_left = connection.frames_left.saturating_sub(1);
        connection.frames_left > 0
    }
}
