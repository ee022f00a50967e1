//! The judge: what was published, who has it, and what must not have happened.

use super::class::Class;
use super::listener::Listener;
use crate::history::Origin;
use std::cell::RefCell;
use std::rc::Rc;

/// How a start of a relay has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    GoesOn,
    Killed,
    /// It has stopped with all its links up and nothing missing, and told its last numbers at this event.
    Drained(u64),
}

struct Published {
    channel: &'static str,
    source: usize,
    accepted: u64,
    /// The starts of relays that have appended it, each with the event.
    holders: Vec<(usize, u64)>,
    /// Each relay gives it another number.
    is_unnumbered: bool,
}

#[derive(Default)]
struct Case {
    published: Vec<Published>,
    fates: Vec<Fate>,
    origins: Vec<Origin>,
    failure: Option<String>,
    told: u64,
}

/// What all share that are judged.
#[derive(Clone)]
pub(super) struct Judge {
    case: Rc<RefCell<Case>>,
    class: Class,
}

/// What came of a run.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Outcome {
    pub(super) runs: u64,
    pub(super) published: u64,
    pub(super) pairs: u64,
    pub(super) told: u64,
    pub(super) excused: u64,
}

impl Outcome {
    pub(super) fn add(&mut self, other: Self) {
        self.runs += 1;
        self.published += other.published;
        self.pairs += other.pairs;
        self.told += other.told;
        self.excused += other.excused;
    }
}

impl Judge {
    pub(super) fn new(class: Class) -> Self {
        Self { case: Rc::default(), class }
    }

    /// The first failure counts.
    pub(super) fn fail(&self, reason: String) {
        self.case.borrow_mut().failure.get_or_insert(reason);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.case.borrow().failure.is_some()
    }

    /// Somebody is told that something is lost.
    pub(super) fn told(&self) {
        self.case.borrow_mut().told += 1;
        if self.class.is_silent() {
            self.fail("somebody is told that something is lost, and nothing is".into());
        }
    }

    /// A start of a relay begins.
    pub(super) fn begins(&self, origin: Origin) -> usize {
        let case = &mut self.case.borrow_mut();
        case.fates.push(Fate::GoesOn);
        case.origins.push(origin);
        case.fates.len() - 1
    }

    pub(super) fn origin(&self, start: usize) -> Origin {
        self.case.borrow().origins[start]
    }

    pub(super) fn ends(&self, start: usize, fate: Fate) {
        self.case.borrow_mut().fates[start] = fate;
    }

    /// A source publishes something, which gets a number.
    pub(super) fn accept(&self, channel: &'static str, source: usize, event: u64) -> usize {
        let published = &mut self.case.borrow_mut().published;
        published.push(Published { channel, source, accepted: event, holders: Vec::new(), is_unnumbered: false });
        published.len() - 1
    }

    /// Each relay gives it another number: who moves to another one is told that something is lost, and may get it again.
    pub(super) fn is_unnumbered(&self, id: usize) {
        self.case.borrow_mut().published[id].is_unnumbered = true;
    }

    pub(super) fn has_number(&self, id: usize) -> bool {
        !self.case.borrow().published[id].is_unnumbered
    }

    /// Whether the start of a relay that has this origin goes on.
    pub(super) fn goes_on(&self, origin: Origin) -> bool {
        let case = self.case.borrow();
        case.origins.iter().zip(&case.fates).any(|(other, fate)| *other == origin && *fate == Fate::GoesOn)
    }

    pub(super) fn source(&self, id: usize) -> usize {
        self.case.borrow().published[id].source
    }

    /// A relay has appended it.
    pub(super) fn appended(&self, id: usize, start: usize, event: u64) {
        self.case.borrow_mut().published[id].holders.push((start, event));
    }

    /// Whether everybody has got everything, or was told.
    pub(super) fn close(&self, listeners: &[Listener]) -> Result<Outcome, String> {
        let mut case = self.case.borrow_mut();
        if let Some(failure) = case.failure.take() {
            return Err(failure);
        }
        let mut outcome = Outcome { published: case.published.len() as u64, told: case.told, ..Outcome::default() };
        for (place, listener) in listeners.iter().enumerate() {
            let Some(first) = listener.first else { continue };
            let is_due = |&&(id, since): &&(usize, u64)| !listener.seen.contains(&id) && listener.told <= since;
            if let Some((id, since)) = listener.newest.iter().find(is_due) {
                return Err(format!("listener {place} never got {id}, with which it was to begin at event {since}"));
            }
            for (id, published) in case.published.iter().enumerate() {
                if published.channel != listener.channel || published.accepted <= first {
                    continue;
                }
                outcome.pairs += 1;
                if listener.seen.contains(&id) || listener.told >= published.accepted {
                    continue;
                }
                if case.has_died_out(published) {
                    outcome.excused += 1;
                    continue;
                }
                return Err(format!(
                    "listener {place} never got {id}, accepted at event {}, held by {:?}, and was told last at {}",
                    published.accepted, published.holders, listener.told
                ));
            }
        }
        Ok(outcome)
    }
}

impl Case {
    /// Whether nobody has it who could tell of it: the one loss without a word.
    fn has_died_out(&self, published: &Published) -> bool {
        published.holders.iter().all(|&(start, event)| match self.fates[start] {
            Fate::GoesOn => false,
            Fate::Killed => true,
            Fate::Drained(last_numbers) => event > last_numbers,
        })
    }
}
