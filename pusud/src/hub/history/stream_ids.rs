//! Ids of streams of events with several channels that have history: each event's says where the client stands in all of
//! them, since a browser keeps the last one alone. So their events are encoded stream by stream.
//!
//! **Invariant:** an id says of no channel that more was seen than what stands before it in the stream.

use super::History;
use crate::frames::{self, EventBody, Frames};
use crate::history::{STREAM_ID_BYTES_MAX, Seen, Start, Tag, push_id};
use crate::hub::subscriptions::ListenerId;
use crate::hub::{Hub, Outbox, Stage, State};
use crate::protocol::Reply;
use crate::routing::Publications;
use std::collections::HashMap;
use std::rc::Rc;

/// The streams that have ids of their own.
#[derive(Default)]
pub(super) struct StreamIds {
    streams: HashMap<ListenerId, Stream>,
    /// Of an id: it has to have room in the head of a request.
    bytes_max: usize,
}

/// Where a client stands in each channel of its stream. Its bytes are in the account of what is queued.
struct Stream {
    seen: Vec<(Tag, Seen)>,
    held: usize,
}

/// The streams in question while a run of a channel is told.
pub(in crate::hub) struct StreamsOfRun<'a> {
    ids: &'a mut StreamIds,
    channel: &'a str,
    tag: Tag,
}

impl StreamIds {
    pub(super) fn new(header_bytes_max: usize) -> Self {
        Self { streams: HashMap::new(), bytes_max: STREAM_ID_BYTES_MAX.min(header_bytes_max / 2) }
    }

    /// How many positions each event of a listener says.
    pub(super) fn positions(&self, listener: ListenerId) -> usize {
        self.streams.get(&listener).map_or(1, |stream| stream.seen.len())
    }

    fn of_channel<'a>(&'a mut self, channel: &'a str) -> Option<StreamsOfRun<'a>> {
        let any = !self.streams.is_empty();
        any.then(|| StreamsOfRun { tag: Tag::of(channel), ids: self, channel })
    }
}

impl Stream {
    fn new(channels: &[(String, Start)]) -> Self {
        let entry = |(channel, start): &(String, Start)| {
            let seen = match start {
                Start::Since(Some(position)) => Seen::Upto(position.text()),
                Start::Since(None) => Seen::Unknown,
                Start::Now | Start::Last(_) => Seen::Nothing,
            };
            (Tag::of(channel), seen)
        };
        let mut stream = Self { seen: channels.iter().map(entry).collect(), held: 0 };
        stream.account();
        stream
    }

    fn set(&mut self, tag: Tag, seen: Seen) {
        let is_ambiguous = self.seen.iter().filter(|(other, _)| *other == tag).count() > 1;
        let seen = if is_ambiguous { Seen::Unknown } else { seen };
        self.seen.iter_mut().filter(|(other, _)| *other == tag).for_each(|(_, place)| place.clone_from(&seen));
        self.account();
    }

    fn see(&mut self, tag: Tag, position: &str) {
        let mut places = self.seen.iter_mut().filter(|(other, _)| *other == tag);
        match (places.next(), places.next()) {
            (Some((_, Seen::Upto(seen))), None) if seen.len() == position.len() => {
                seen.clear();
                seen.push_str(position);
            }
            _ => self.set(tag, Seen::Upto(position.to_owned())),
        }
    }

    fn push(&self, out: &mut Vec<u8>, bytes_max: usize) {
        push_id(out, self.seen.iter().map(|(tag, seen)| (*tag, seen)), bytes_max);
    }

    fn account(&mut self) {
        let texts = self.seen.iter().map(|(_, seen)| if let Seen::Upto(position) = seen { position.len() } else { 0 });
        let bytes = size_of::<Self>() + self.seen.len() * size_of::<(Tag, Seen)>() + texts.sum::<usize>();
        frames::release(std::mem::replace(&mut self.held, bytes));
        frames::hold(bytes);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        frames::release(self.held);
    }
}

impl StreamsOfRun<'_> {
    /// Whether this is one of them.
    pub(in crate::hub) fn has(&self, listener: ListenerId) -> bool {
        self.ids.streams.contains_key(&listener)
    }

    /// These frames as events of a stream; `None`: it has no ids of its own.
    pub(in crate::hub) fn events(&mut self, listener: ListenerId, body: EventBody, frames: &[u8]) -> Option<Frames> {
        let StreamIds { streams, bytes_max } = self.ids;
        let stream = streams.get_mut(&listener)?;
        Some(frames::publication_events_with_ids(body, self.channel, frames, |event, position| {
            stream.see(self.tag, position);
            stream.push(event, *bytes_max);
        }))
    }
}

impl History {
    /// The streams with ids of their own, where a run has positions; `None`: there are none.
    pub(in crate::hub) fn streams_of_run<'a>(&'a mut self, run: &Publications<'a>) -> Option<StreamsOfRun<'a>> {
        run.history?;
        self.stream_ids.of_channel(run.channel)
    }

    /// As [`Self::streams_of_run`], for what a listener has missed.
    pub(super) fn streams_of<'a>(&'a mut self, channel: &'a str) -> Option<StreamsOfRun<'a>> {
        self.stream_ids.of_channel(channel)
    }

    /// The id of a stream whose client has come to this position of a channel.
    pub(super) fn stream_id(&mut self, listener: ListenerId, channel: &str, position: &str) -> String {
        let StreamIds { streams, bytes_max } = &mut self.stream_ids;
        let Some(stream) = streams.get_mut(&listener) else { return position.to_owned() };
        stream.see(Tag::of(channel), position);
        stream.id(*bytes_max)
    }
}

impl State {
    /// What waited of a channel for the listener was dropped, or of all of them, and its ids stand behind that already.
    pub(in crate::hub) fn lost(&mut self, listener: ListenerId, channel: Option<&str>) {
        let streams = self.history.as_mut().map(|history| &mut history.stream_ids.streams);
        if let Some(stream) = streams.and_then(|streams| streams.get_mut(&listener)) {
            stream.lose(channel.map(Tag::of));
        }
    }

    /// The listener leaves.
    pub(in crate::hub) fn end_stream_ids(&mut self, listener: ListenerId) {
        if let Some(history) = &mut self.history {
            history.stream_ids.streams.remove(&listener);
        }
    }
}

impl Stream {
    fn lose(&mut self, tag: Option<Tag>) {
        let lost = self.seen.iter_mut().filter(|(other, _)| tag.is_none_or(|tag| tag == *other));
        lost.for_each(|(_, seen)| *seen = Seen::Unknown);
        self.account();
    }

    fn id(&self, bytes_max: usize) -> String {
        let mut id = Vec::new();
        self.push(&mut id, bytes_max);
        String::from_utf8(id).expect("ids are ASCII")
    }
}

impl Hub {
    /// Confirms what a stream of events has begun with, channel by channel: those with history, each with where its client
    /// wants to begin. From here on its events have ids.
    pub fn confirm_stream(&self, listener: ListenerId, outbox: &Rc<Outbox>, channels: &[(String, Start)]) {
        if channels.len() > 1
            && let Some(history) = &mut self.state.borrow_mut().history
        {
            history.stream_ids.streams.insert(listener, Stream::new(channels));
        }
        for (channel, start) in channels {
            self.confirm(listener, outbox, channel, start.clone());
        }
    }

    /// Sends a reply (JSON text) that something has ended. A stream's client is told with it what it cannot come back to.
    pub fn reply_ended(&self, listener: ListenerId, outbox: &Rc<Outbox>, json: &[u8]) {
        let id = self.state.borrow().history.as_ref().and_then(|history| {
            let StreamIds { streams, bytes_max } = &history.stream_ids;
            streams.get(&listener).map(|stream| stream.id(*bytes_max))
        });
        match (id, outbox.stage()) {
            (Some(id), Stage::EventStream(body)) => {
                self.send(outbox, frames::event_with_id(body, Reply::type_of(json), &id, json));
            }
            _ => self.reply(outbox, json),
        }
    }
}
