//! Closing a run of a channel with history: its publications take their numbers and go to all shards in one step.

use super::History;
use crate::history::{Log, Placed};
use crate::hub::State;
use crate::routing::{Publications, ShardSet};
use std::sync::Arc;

impl State {
    /// Closes the open run, which is one of a channel with history.
    pub(in crate::hub) fn close_numbered(&mut self, mut log: Arc<Log>) {
        // First, so that what was published to other channels before is not overtaken.
        self.outgoing.send(self.batch_timer.accepted_at());
        let Self { run, outgoing, history, batch_timer, .. } = self;
        let history = history.as_mut().expect("a run with a log is one of a shard with history");
        let (shard, share, messages) = (outgoing.member(), run.share(), run.messages());
        let mut frames = std::mem::take(&mut history.frames);
        let (placed, appended) = loop {
            frames.clear();
            let mut here = None;
            let now = history.view.logs().now();
            let placed = log.publish(shard, run.contents(), now, &mut frames, |frames, appended, shards| {
                let appended = Arc::new(appended);
                let channel = appended.log.name();
                let publications = Publications { channel, frames, messages, share, history: Some(&appended) };
                outgoing.push_now(ShardSet::of_bits(shards), &publications, batch_timer.accepted_at());
                here = Some(appended);
            });
            match (placed, here) {
                (Placed::Dropped, _) | (_, None) => log = history.log_anew(&log),
                (placed, Some(appended)) => break (placed, appended),
            }
        };
        if placed == Placed::Here
            && let Some(channel) = self.run.here()
        {
            let channel_name = appended.log.name();
            let publications =
                Publications { channel: channel_name, frames: &frames, messages, share, history: Some(&appended) };
            self.fan_out(Some((channel, self.run.lane(), publications)));
        }
        self.run.clear();
        let history = self.history.as_mut().expect("it is there");
        history.keep_buffer(frames);
    }
}

impl History {
    /// The log that takes the place of one that was forgotten.
    pub(super) fn log_anew(&mut self, forgotten: &Log) -> Arc<Log> {
        self.view.forget(forgotten.name());
        self.view.log(forgotten.name()).expect("its channel has history")
    }

    /// The buffer serves the next run, unless a large message has made it large.
    fn keep_buffer(&mut self, frames: Vec<u8>) {
        if frames.capacity() <= super::replays::CHUNK_BYTES_MAX * 4 {
            self.frames = frames;
        }
    }
}
