//! Listeners that do not get what all others of their channel get: those that have not joined, and those that have seen
//! elsewhere what comes here later.

use super::stream_ids::StreamsOfRun;
use super::{Apart, History};
use crate::frames::{self, Frames};
use crate::history::{Appended, Position};
use crate::hub::Stage;
use crate::hub::subscriptions::ListenerId;
use crate::routing::Publications;
use std::collections::HashMap;
use std::rc::Rc;

/// Those of one channel, and how a run is told to them.
pub(in crate::hub) struct WhoIsApart {
    listeners: HashMap<ListenerId, Apart>,
    /// What those get that have seen the same and speak the same.
    encoded: Vec<Encoded>,
}

struct Encoded {
    skip: Rc<Position>,
    stage: Stage,
    /// `None`: they have seen all of it.
    frames: Option<Frames>,
}

impl History {
    /// The listeners of a run's channel that do not get what all others get; `None`: there are none.
    pub(in crate::hub) fn who_is_apart(&self, publications: &Publications<'_>) -> Option<WhoIsApart> {
        publications.history?;
        let listeners = self.apart.get(publications.channel)?.clone();
        Some(WhoIsApart { listeners, encoded: Vec::new() })
    }

    /// A run was told. Who had seen more than came, and has not any more, is as all others.
    pub(in crate::hub) fn have_passed(&mut self, publications: &Publications<'_>) {
        let last = frames::last_position(publications.channel, publications.frames);
        let Some(position) = last.and_then(Position::parse) else { return };
        let Some(listeners) = self.apart.get_mut(publications.channel) else { return };
        listeners.retain(|_, apart| match apart {
            Apart::Waiting => true,
            Apart::Ahead(skip) => skip.iter().any(|(origin, seen)| position.get(origin).is_none_or(|at| at < seen)),
        });
        if listeners.is_empty() {
            self.apart.remove(publications.channel);
        }
    }
}

impl WhoIsApart {
    /// How many there are.
    pub(in crate::hub) fn len(&self) -> usize {
        self.listeners.len()
    }

    /// Whether it is one of them.
    pub(in crate::hub) fn has(&self, listener: ListenerId) -> bool {
        self.listeners.contains_key(&listener)
    }

    /// What one of them gets of a run, if anything.
    pub(in crate::hub) fn frames(
        &mut self,
        listener: ListenerId,
        stage: Stage,
        publications: &Publications<'_>,
        ids: Option<&mut StreamsOfRun<'_>>,
    ) -> Option<Frames> {
        let Some(Apart::Ahead(skip)) = self.listeners.get(&listener) else { return None };
        if let Some(ids) = ids.filter(|ids| ids.has(listener)) {
            let Stage::EventStream(body) = stage else { return None };
            let left = publications.history.and_then(|appended| left_of(publications, appended, skip))?;
            return Some(ids.events(listener, body, &left.frames)?.of_messages(left.messages));
        }
        if let Some(encoded) = self.encoded.iter().find(|other| other.skip == *skip && other.stage == stage) {
            return encoded.frames.clone();
        }
        let frames = publications.history.and_then(|appended| encode(publications, appended, skip, stage));
        self.encoded.push(Encoded { skip: skip.clone(), stage, frames: frames.clone() });
        frames
    }
}

/// What is left of a run.
struct Left {
    frames: Vec<u8>,
    messages: u64,
}

/// What is left of a run without what was seen, with positions that say so.
fn left_of(publications: &Publications<'_>, appended: &Appended, skip: &Position) -> Option<Left> {
    let channel = publications.channel;
    let seen = skip.get(appended.origin).unwrap_or(0);
    let mut out = Vec::new();
    let mut messages = 0;
    if appended.count == 0 && appended.first > seen + 1 {
        let position = frames::last_position(channel, publications.frames)?;
        frames::push_gap(&mut out, channel, &moved(position, skip)?);
    }
    for (number, (position, content)) in (appended.first..).zip(frames::publications(channel, publications.frames)) {
        if number > seen {
            let content = std::str::from_utf8(content).expect("it was text when the frame was made");
            frames::push_publish_at(&mut out, channel, &moved(position?, skip)?, content);
            messages += 1;
        }
    }
    if out.is_empty() { None } else { Some(Left { frames: out, messages }) }
}

fn encode(publications: &Publications<'_>, appended: &Appended, skip: &Position, stage: Stage) -> Option<Frames> {
    let Left { frames, messages } = left_of(publications, appended, skip)?;
    let frames = match stage {
        Stage::WebSocket => Frames::from(frames),
        Stage::EventStream(body) => frames::publication_events(body, publications.channel, &frames),
        Stage::Request | Stage::Answer | Stage::Idle => return None,
    };
    Some(frames.of_messages(messages))
}

/// The position of a listener that has seen more.
fn moved(position: &str, skip: &Position) -> Option<String> {
    let mut position = Position::parse(position)?;
    position.merge_all(skip);
    Some(position.text())
}
