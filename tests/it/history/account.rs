//! Accounts of listeners: each has every message once and in order over all its connections, or was told that it lacks some.

use super::published::Published;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// How far somebody has heard of each source: the number of its next message.
pub(super) type Heard = Arc<Mutex<BTreeMap<u64, u64>>>;

/// What somebody has heard over all its connections.
pub(super) struct Account {
    published: Arc<Published>,
    next: Heard,
    /// How often it had been told that something is lost when it heard of each source last.
    told_before: BTreeMap<u64, usize>,
    /// Where it stands; `None` before its first visit.
    pub(super) position: Option<String>,
    /// How often it was told that something is lost.
    pub(super) told: usize,
    told_at: Option<Instant>,
    /// How often it has come back and has missed nothing more.
    pub(super) recovered: usize,
}

impl Account {
    /// Of somebody who listens from before these are published. `next` is shown to others.
    pub(super) fn new(published: Arc<Published>, next: Heard) -> Self {
        let told_before = BTreeMap::new();
        Self { published, next, told_before, position: None, told: 0, told_at: None, recovered: 0 }
    }

    /// It is told that something is lost.
    pub(super) fn lost(&mut self) {
        self.told += 1;
        self.told_at = Some(Instant::now());
    }

    /// Takes a message.
    ///
    /// # Panics
    /// It has come before, or others have not come before it and nobody has said so.
    pub(super) fn hear(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("publish") => {
                let (source, number): (u64, u64) = serde_json::from_value(message["content"].clone()).unwrap();
                let next = self.next(source);
                assert!(number >= next, "{number} of source {source} comes again or out of order: {next} is next");
                assert!(
                    number == next || self.may_lack(source, number),
                    "{number} of source {source} comes and {next} has not, after {} tellings",
                    self.told
                );
                self.next.lock().unwrap().insert(source, number + 1);
                self.told_before.insert(source, self.told);
            }
            Some("gap") => self.lost(),
            _ => return,
        }
        self.position = Some(message["position"].as_str().expect("a position").to_owned());
    }

    fn next(&self, source: u64) -> u64 {
        self.next.lock().unwrap().get(&source).copied().unwrap_or_default()
    }

    /// Whether it was told that something is lost behind what it has heard of a source last, and not before the first `count`
    /// messages of that were sent.
    fn may_lack(&self, source: u64, count: u64) -> bool {
        self.told > self.told_before.get(&source).copied().unwrap_or_default()
            && self.told_at.is_some_and(|told| self.published.were_sent_by(source, count, told))
    }

    /// What it lacks of what has to arrive, and was not told: the source, how far it is, and how much there is.
    pub(super) fn lacks(&self) -> Option<(u64, u64, u64)> {
        let due = self.published.due().into_iter();
        let lacks = |(source, count): (u64, u64)| self.next(source) < count && !self.may_lack(source, count);
        due.filter(|due| lacks(*due)).map(|(source, count)| (source, self.next(source), count)).next()
    }

    /// Whether it has something that not everybody has to have.
    pub(super) fn has_more_than_is_due(&self) -> bool {
        self.published.due().into_iter().any(|(source, count)| self.next(source) > count)
    }
}
