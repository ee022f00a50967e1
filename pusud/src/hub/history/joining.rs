//! Joining a log: `subscribe_ok`, what was missed, and the stream, in one step.
//!
//! What stands in the shard's inbox at that moment has been appended before, so that the listener was sent it or did not miss
//! it: until that has passed the listener is one of those that have seen more than comes.

use super::{Apart, History};
use crate::frames;
use crate::history::{Answer, ID_ENTRY_BYTES, Joining, Log, Room, Start};
use crate::hub::subscriptions::ListenerId;
use crate::hub::{Hub, Outbox, Stage, State};
use crate::protocol::Reply;
use std::rc::Rc;

/// What a publication takes in a frame or an event beside its content, its channel and its position, in bytes.
const MESSAGE_BYTES: usize = 72;

impl Hub {
    /// Tells a client that it listens to `channel`, to which it has subscribed and of which all linked relays know. Where the
    /// channel has history, it begins where it wants to.
    pub fn confirm(&self, listener: ListenerId, outbox: &Rc<Outbox>, channel: &str, start: Start) {
        let state = &mut *self.state.borrow_mut();
        state.close_run();
        // Far below the bound of all clients together, so that those who come back one by one are served.
        let replays_bytes_max = self.limits.max_queued_bytes / 2;
        if state.join(listener, outbox, channel, start, replays_bytes_max) {
            // Many may come at once, before anything is flushed.
            self.relieve_now(state);
        }
        self.schedule_flush();
    }
}

impl State {
    /// Whether something was missed, and is on its way: of all channels of a client so many bytes at most.
    fn join(
        &mut self,
        listener: ListenerId,
        outbox: &Rc<Outbox>,
        channel: &str,
        start: Start,
        replays_bytes_max: usize,
    ) -> bool {
        let Some(mut log) = self.history.as_mut().and_then(|history| history.log(channel)) else {
            self.tell(outbox, &nothing_missed(channel, &start, None), None);
            return false;
        };
        let shard = self.outgoing.member();
        let history = self.history.as_mut().expect("it has a log");
        let now = history.view.logs().now();
        if !matches!(history.apart(channel, listener), Some(Apart::Waiting)) {
            // It has joined before, and what it gets goes on.
            let position = history.standing(&log, listener, shard);
            let id = position.as_deref().map(|position| history.stream_id(listener, channel, position));
            self.tell(outbox, &nothing_missed(channel, &start, position.as_deref()), id.as_deref());
            return false;
        }
        let bytes = replays_bytes_max.saturating_sub(outbox.replaying());
        let room = history.room(listener, channel, bytes);
        let joining = loop {
            match log.join(shard, start.clone(), room, now) {
                Some(joining) => break joining,
                None => log = history.log_anew(&log),
            }
        };
        history.rejoin(channel, listener);
        if let Some(skip) = &joining.skip {
            history.set_apart(channel, listener, Apart::Ahead(Rc::new(skip.clone())));
        }
        let position = joining.position.text();
        let id = history.stream_id(listener, channel, &position);
        self.tell(outbox, &subscribe_ok(channel, &joining, &position), Some(&id));
        self.replay(listener, outbox, channel, &joining);
        !joining.missed.is_empty()
    }

    /// Sends what was missed. It does not count among what a client may have waiting for it: who has missed more than that would
    /// be disconnected at each return.
    fn replay(&mut self, listener: ListenerId, outbox: &Rc<Outbox>, channel: &str, joining: &Joining) {
        let Some(history) = self.history.as_mut().filter(|_| !joining.missed.is_empty()) else { return };
        let replay = history.replays.frames(channel, joining);
        let mut ids = history.streams_of(channel);
        for frames in replay.iter() {
            self.stats.delivered += frames.messages();
            self.stats.delivered_bytes += frames.len() as u64;
            outbox.push_replay(match outbox.stage() {
                Stage::EventStream(body) => ids
                    .as_mut()
                    .and_then(|ids| ids.events(listener, body, frames))
                    .unwrap_or_else(|| frames::publication_events(body, channel, frames))
                    .of_messages(frames.messages()),
                Stage::WebSocket | Stage::Request | Stage::Answer | Stage::Idle => frames.clone(),
            });
        }
        self.mark(outbox);
    }

    fn tell(&mut self, outbox: &Rc<Outbox>, json: &[u8], id: Option<&str>) {
        let frames = match outbox.stage() {
            Stage::EventStream(body) => match id {
                Some(id) => frames::event_with_id(body, Reply::type_of(json), id, json),
                None => frames::event(body, Reply::type_of(json), json),
            },
            Stage::WebSocket | Stage::Request | Stage::Answer | Stage::Idle => frames::text(json),
        };
        self.push(outbox, frames);
    }
}

impl History {
    /// How much of a channel a listener may be sent that it has missed: so many bytes with everything.
    fn room(&self, listener: ListenerId, channel: &str, bytes: usize) -> Room {
        let positions = self.stream_ids.positions(listener);
        Room { bytes, head: MESSAGE_BYTES + channel.len() + positions * ID_ENTRY_BYTES, positions }
    }

    /// The position of a listener that has joined. `None`: something is on its way to it, and it has said so itself when that has
    /// come; the position of now would say that it has.
    fn standing(&self, log: &Log, listener: ListenerId, shard: usize) -> Option<String> {
        let mut position = log.read(Start::Now, self.view.logs().now()).position;
        // Not before: what the position names stands in the inbox since then, or has come.
        if log.is_behind(shard) {
            return None;
        }
        if let Some(Apart::Ahead(seen)) = self.apart(log.name(), listener) {
            position.merge_all(seen);
        }
        Some(position.text())
    }
}

fn subscribe_ok(channel: &str, joining: &Joining, position: &str) -> Vec<u8> {
    let count = joining.missed.len();
    let (recovered, missed, last) = match joining.answer {
        Answer::Now => (None, None, None),
        Answer::Recovered => (Some(true), Some(count as u64), None),
        Answer::NotRecovered => (Some(false), None, None),
        Answer::Last => (None, None, u32::try_from(count).ok()),
    };
    Reply::SubscribeOk { channel, recovered, missed, last, position: Some(position) }.to_json()
}

/// The answer where nothing follows: the channel has no history, or the client listens to it already.
fn nothing_missed(channel: &str, start: &Start, position: Option<&str>) -> Vec<u8> {
    let recovered = matches!(start, Start::Since(_)).then_some(false);
    let last = matches!(start, Start::Last(_)).then_some(0);
    Reply::SubscribeOk { channel, recovered, missed: None, last, position }.to_json()
}
