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
    /// The listeners of a run's channel that do not get what all others get; `None`: there are none. They are out of the table
    /// until [`have_heard`](Self::have_heard).
    pub(in crate::hub) fn who_is_apart(&mut self, publications: &Publications<'_>) -> Option<WhoIsApart> {
        publications.history?;
        let listeners = std::mem::take(self.apart.get_mut(publications.channel)?);
        Some(WhoIsApart { listeners, encoded: Vec::new() })
    }

    /// A run was told. Who had seen more than came, and has not any more, is as all others. So is who had seen more of a relay that
    /// ended so long ago that positions do not name it: it counts as seen, whatever of it there was.
    pub(in crate::hub) fn have_heard(&mut self, publications: &Publications<'_>, apart: WhoIsApart) {
        let mut listeners = apart.listeners;
        let last = frames::last_position(publications.channel, publications.frames);
        if let (Some(position), Some(appended)) = (last.and_then(Position::parse), publications.history) {
            let now = self.view.logs().now();
            let is_ahead = |(origin, seen)| match position.get(origin) {
                Some(at) => at < seen,
                None => !appended.log.has_unlisted(origin, now),
            };
            listeners.retain(|_, apart| match apart {
                Apart::Waiting => true,
                Apart::Ahead(skip) => skip.iter().any(is_ahead),
            });
        }
        if listeners.is_empty() {
            self.apart.remove(publications.channel);
        } else if let Some(place) = self.apart.get_mut(publications.channel) {
            *place = listeners;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Logs, Origin, Rule, Settings};
    use crate::protocol::Limits;
    use crate::routing::Share;
    use std::sync::Arc;
    use std::time::Duration;

    const CHANNEL: &str = "a";
    const HOUR_MS: i64 = 3_600_000;

    fn origin(boot: u8) -> Origin {
        Origin::of_boot(&[boot; 16])
    }

    /// A shard of relay 1 with one listener, which has seen elsewhere what relay 2 has published up to number 2.
    fn ahead() -> (History, Arc<Logs>) {
        let rule = Rule { channels: vec![CHANNEL.into()], size: 9, ttl: Duration::from_secs(60), name: None };
        let logs = Arc::new(Logs::new(Settings { rules: vec![rule], bytes_max: 1 << 20 }, origin(1), 1));
        logs.boots().learn(origin(2), None);
        let mut history = History::new(logs.clone(), &Limits::default());
        let mut skip = Position::default();
        skip.merge(origin(2), 2);
        history.set_apart(CHANNEL, 7, Apart::Ahead(Rc::new(skip)));
        (history, logs)
    }

    /// Tells a run, and whether the listener is apart from then on.
    fn stays(history: &mut History, frames: &[u8], appended: Appended) -> bool {
        let (messages, share) = (appended.count, Share::LINKS);
        let publications =
            Publications { channel: CHANNEL, frames, messages, share, history: Some(&Arc::new(appended)) };
        let apart = history.who_is_apart(&publications).expect("it was apart");
        history.have_heard(&publications, apart);
        history.apart(CHANNEL, 7).is_some()
    }

    fn stays_with_own(history: &mut History, logs: &Logs) -> bool {
        let (mut stays_apart, log) = (false, logs.log(CHANNEL, logs.now()).unwrap());
        log.publish(0, ["1"].into_iter(), logs.now(), &mut Vec::new(), |frames, appended, _| {
            stays_apart = stays(history, frames, appended);
        });
        stays_apart
    }

    #[test]
    fn who_was_ahead_is_as_all_others_once_all_that_has_come() {
        let (mut history, logs) = ahead();
        assert!(stays_with_own(&mut history, &logs), "nothing of it has come");
        for (first, expected) in [(1, true), (2, false)] {
            let log = logs.log(CHANNEL, logs.now()).unwrap();
            let entries = [(Arc::from("1"), 0)].into_iter();
            log.receive(origin(2), 1, first, entries, logs.now(), &mut Vec::new(), |frames, appended, _| {
                assert_eq!(stays(&mut history, frames, appended), expected, "{first}");
            });
        }
    }

    #[test]
    fn who_was_ahead_of_a_relay_that_is_gone_is_as_all_others_when_positions_do_not_name_that() {
        let (mut history, logs) = ahead();
        let now_ms = logs.now().ms;
        logs.boots().learn(origin(2), Some(now_ms));
        assert!(stays_with_own(&mut history, &logs), "its last messages may come by others");
        logs.boots().learn(origin(2), Some(now_ms - HOUR_MS));
        assert!(!stays_with_own(&mut history, &logs));
    }
}
