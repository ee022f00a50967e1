//! The way of a publication: into the open run, from there to the listeners' outboxes and to the other shards, and at the
//! end of the batch into the kernel.

use super::flow::{Turn, Waiting};
use super::history::WhoIsApart;
use super::{Hub, Outbox, Stage, State, slow_consumers};
use crate::frames::{self, Frames};
use crate::protocol::Refusal;
use crate::routing::{Batch, ChannelId, Lane, Publications, SHARES, ShardSet, Share, Stats};
use std::rc::Rc;

/// What a position takes in a frame, mostly, in bytes: that of one origin, or of two.
const POSITION_BYTES_USUAL: usize = 40;

impl Hub {
    /// Delivers `content` (JSON text) to all listeners of `channel`, in every shard and on every linked relay. In a channel with
    /// history it gets a number, and all linked relays have it, whether anybody listens or not. A source that has waited has a
    /// turn, which ends here where it is not enough.
    ///
    /// # Errors
    /// There is no room, and nothing has happened: says what to wait for.
    pub fn publish(self: &Rc<Self>, channel: &str, content: &str, turn: &mut Option<Box<Turn>>) -> Result<(), Waiting> {
        let state = &mut *self.state.borrow_mut();
        let log = if state.history.is_some() { state.log_of(channel) } else { None };
        let members = state.members(channel, log.is_some());
        let bytes = match log {
            None => frames::publish_len(channel, content),
            Some(_) => frames::publish_at_len(channel, POSITION_BYTES_USUAL, content),
        };
        let is_open = state.run.takes(channel, members, bytes);
        let here = if is_open { state.run.here() } else { state.subscriptions.find(channel) };
        if here.is_none() && members.is_empty() && log.is_none() {
            state.count_published(channel, content);
            return Ok(());
        }
        let inboxes = match &log {
            // What goes through the shard's own inbox needs room there as well.
            Some(log) if log.is_behind(state.outgoing.member()) => members.with(state.outgoing.member()),
            _ => members,
        };
        let need = state.rooms.need(bytes, state.listeners_len(here), inboxes);
        // What was set aside may have left a run of the channel in another lane.
        let is_open = is_open && state.run.lane() == need.lane;
        if !state.pass(&need, turn) {
            return Err(self.wait(state, need));
        }
        state.count_published(channel, content);
        state.batch_timer.accepted();
        if !is_open {
            state.close_run();
            state.run.begin(channel, here, members, need.lane, Share::of(need.lane));
            if let Some(log) = log {
                state.run.number(log);
            }
        }
        state.run.push(content);
        self.schedule_flush();
        Ok(())
    }

    /// Delivers what another shard or the network has handed over to this shard's listeners, now or when there is room.
    pub fn deliver(&self, batch: &Batch) {
        let state = &mut *self.state.borrow_mut();
        state.batch_timer.came(batch.accepted);
        let mut delivered = [0; SHARES];
        for publications in batch.iter() {
            if let Some(sample) = state.sample.as_mut().filter(|_| publications.share == Share::LINKS) {
                let contents = frames::contents(publications.channel, publications.frames);
                let bytes = contents.map(|content| content.len()).sum();
                sample.came(publications.channel, publications.messages, bytes);
            }
            match state.lane_without_room(&publications) {
                Some(lane) => {
                    state.link_backlog.add(&publications);
                    state.aside.push(lane, &publications);
                }
                None => delivered[publications.share.index()] += publications.bytes_len(),
            }
        }
        state.outgoing.release(&delivered);
        self.schedule_flush();
    }

    /// Writes to some of the clients that something waits for; true if there are more.
    pub fn flush_some(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        state.batch_timer.flush_begins();
        state.close_run();
        // First, so that the other shards can begin.
        state.outgoing.send(state.batch_timer.accepted_at());
        state.batch_timer.queued(state.lanes.published_so_far());
        let State { lanes, stalls, rooms, .. } = state;
        lanes.take_turn(|outbox, lane| {
            let flushed = outbox.flush(lane);
            if flushed.has_to_be_watched {
                stalls.watch(outbox);
            }
            flushed.bytes
        });
        Lane::all().filter(|lane| lanes.are_flushed(*lane)).for_each(|lane| rooms.flushed(lane));
        state.batch_timer.flushed(state.lanes.flushed_so_far(), &mut state.stats.times);
        self.relieve_now(state);
        !state.lanes.are_empty()
    }

    /// Delivers what was set aside, whatever room there is, and writes to all clients that something waits for. For the
    /// end: nobody who waits for room has a turn any more.
    pub fn flush_all(&self) {
        self.state.borrow_mut().deliver_all_aside();
        while self.flush_some() {}
    }
}

impl State {
    /// Who else has to have a publication: shards with listeners, and the network if somebody listens there or all relays keep it.
    fn members(&mut self, channel: &str, has_history: bool) -> ShardSet {
        if self.outgoing.is_alone() {
            return ShardSet::default();
        }
        let listening = self.index.shards_of(channel).without(self.outgoing.member());
        match self.outgoing.network_member() {
            Some(network) if has_history => listening.with(network),
            _ => listening,
        }
    }

    fn count_published(&mut self, channel: &str, content: &str) {
        self.stats.count_published(content);
        if let Some(sample) = &mut self.sample {
            sample.published(channel, content.len());
        }
    }

    pub(super) fn listeners_len(&self, channel: Option<ChannelId>) -> usize {
        channel.map_or(0, |channel| self.subscriptions.listeners(channel).len())
    }

    /// Delivers publications that came from outside, unless they have to wait in a lane: which one.
    fn lane_without_room(&mut self, publications: &Publications<'_>) -> Option<Lane> {
        let lane = self.aside.lane_of(publications.channel);
        if lane.is_some() {
            return lane;
        }
        // Without listeners here there is nothing to deliver, and nothing waits.
        let Some(here) = self.find_here(publications) else {
            self.have_passed(publications);
            return None;
        };
        let need = self.rooms.need(publications.frames.len(), self.listeners_len(Some(here)), ShardSet::default());
        let lane = need.lane;
        if self.aside.has(lane) || self.rooms.has_waiting(lane) || !self.rooms.fits(&need) {
            return Some(lane);
        }
        self.rooms.take(&need);
        self.extend_run(here, lane, publications);
        None
    }

    /// Publications that came from outside have no listeners here any more.
    pub(super) fn have_passed(&self, publications: &Publications<'_>) {
        if let Some(appended) = publications.history {
            appended.log.delivered(self.outgoing.member());
        }
    }

    fn find_here(&self, publications: &Publications<'_>) -> Option<ChannelId> {
        match self.run.takes(publications.channel, ShardSet::default(), publications.frames.len()) {
            true => self.run.here(),
            false => self.subscriptions.find(publications.channel),
        }
    }

    /// Adds publications that came from outside to the open run, or to a new one. Those with numbers are one of their own.
    pub(super) fn extend_run(&mut self, here: ChannelId, lane: Lane, publications: &Publications<'_>) {
        let Publications { channel, frames, share, .. } = *publications;
        if let Some(appended) = publications.history {
            self.close_run();
            self.fan_out(Some((here, lane, *publications)));
            appended.log.delivered(self.outgoing.member());
            return;
        }
        if self.run.lane() != lane || !self.run.takes(channel, ShardSet::default(), frames.len()) {
            self.close_run();
            self.run.begin(channel, Some(here), ShardSet::default(), lane, share);
        }
        self.run.extend(publications);
    }

    /// Fans the open run out.
    pub(super) fn close_run(&mut self) {
        if self.run.is_empty() {
            return;
        }
        if let Some(log) = self.run.log() {
            return self.close_numbered(log.clone());
        }
        self.fan_out(None);
        self.outgoing.push(self.run.members(), &self.run.publications());
        self.run.clear();
    }

    /// Gives the open run to its listeners, or these publications to those of a channel.
    pub(super) fn fan_out(&mut self, others: Option<(ChannelId, Lane, Publications<'_>)>) {
        let (channel, lane, publications) = match (others, self.run.here()) {
            (Some(others), _) => others,
            (None, Some(channel)) => (channel, self.run.lane(), self.run.publications()),
            (None, None) => return,
        };
        let listeners = self.subscriptions.listeners(channel);
        let frames = Frames::from(publications.frames).of_messages(publications.messages);
        // In chunks, and without: encoded where the first listener wants it.
        let mut events = [None, None];
        let mut apart = self.history.as_mut().and_then(|history| history.who_is_apart(&publications));
        let reached = (listeners.len() - apart.as_ref().map_or(0, WhoIsApart::len)) as u64;
        let mut ids = self.history.as_mut().and_then(|history| history.streams_of_run(&publications));
        self.stats.delivered += publications.messages * reached;
        self.stats.delivered_bytes += publications.frames.len() as u64 * reached;
        self.batch_timer.fanned_out();
        if let Some(sample) = &mut self.sample {
            sample.delivered(publications.channel, publications.messages, publications.frames.len());
        }
        for listener in listeners {
            let outbox = &self.outboxes[listener as usize];
            if let Some(apart) = apart.as_mut().filter(|apart| apart.has(listener)) {
                let frames = apart.frames(listener, outbox.stage(), &publications, ids.as_mut());
                let Some(frames) = frames else { continue };
                self.stats.delivered += frames.messages();
                self.stats.delivered_bytes += frames.len() as u64;
                push(&mut self.stats, outbox, frames, self.outbox_bytes);
                self.lanes.mark(outbox, lane);
                continue;
            }
            let mut own;
            let frames = match self.event_streams {
                0 => &frames,
                _ => match outbox.stage() {
                    Stage::EventStream(body) => {
                        own = ids.as_mut().and_then(|ids| ids.events(listener, body, publications.frames));
                        own = own.map(|own| own.of_messages(publications.messages));
                        match &own {
                            Some(own) => own,
                            None => events[body as usize].get_or_insert_with(|| {
                                frames::publication_events(body, publications.channel, publications.frames)
                                    .of_messages(publications.messages)
                            }),
                        }
                    }
                    Stage::WebSocket => &frames,
                    // Its stream has not begun: nothing is promised before that.
                    Stage::Request | Stage::Answer | Stage::Idle => continue,
                },
            };
            push(&mut self.stats, outbox, frames.clone(), self.outbox_bytes);
            self.lanes.mark(outbox, lane);
        }
        self.lanes.published(lane);
        if let (Some(history), Some(apart)) = (&mut self.history, apart) {
            history.have_heard(&publications, apart);
        }
    }
}

#[inline]
fn push(stats: &mut Stats, outbox: &Outbox, frames: Frames, outbox_bytes: usize) {
    if let Err(overflow) = outbox.push(frames, outbox_bytes) {
        slow_consumers::count_slow_consumer(stats, outbox, Refusal::OutboxBytes, overflow.dropped);
    }
}
