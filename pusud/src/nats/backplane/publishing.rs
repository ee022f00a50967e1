//! Publishing: the relay's own publications on their way to the server.

use super::Backplane;
use crate::frames;
use crate::nats::published::REMEMBERED_MAX;
use crate::nats::queue::Kind;
use crate::nats::server::command;
use crate::nats::wire::{self, CONTENT_HEAD_BYTES, PUBLICATIONS_HEAD_BYTES, Sender};
use crate::routing::{Batch, Door};
use tokio::time::Instant;
use tracing::warn;

/// Publications to one channel are joined up to this, in bytes.
const JOINED_BYTES_MAX: usize = 64 * 1024;

impl<D: Door> Backplane<D> {
    /// Sends publications of the relay's own sources.
    pub(in crate::nats) fn publish(&mut self, batch: &Batch, now: Instant) {
        for publications in batch.iter() {
            match publications.history {
                Some(appended) => self.publish_numbered(&publications, appended, now),
                None => self.publish_run(publications.channel, publications.frames, self.sender(), now),
            }
        }
        self.to_write.notify_one();
    }

    /// Sends the same without numbers of history to relays that take none.
    pub(super) fn publish_copies(&mut self, channel: &str, run: &[u8], now: Instant) {
        self.publish_run(channel, run, self.sender().of_copies(), now);
    }

    fn publish_run(&mut self, channel: &str, run: &[u8], sender: Sender, now: Instant) {
        let payload_bytes_max = self.payload_bytes_max();
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        let mut count = 0;
        for content in frames::contents(channel, run) {
            let bytes = CONTENT_HEAD_BYTES + content.len();
            if PUBLICATIONS_HEAD_BYTES + bytes > payload_bytes_max {
                self.refuse_long(channel, content.len(), sender, now);
                continue;
            }
            if count > 0 && PUBLICATIONS_HEAD_BYTES + payload.len() + bytes > self.joined_bytes_max() {
                self.publish_joined(channel, &payload, count, sender, now);
                payload.clear();
                count = 0;
            }
            wire::content(&mut payload, content);
            count += 1;
        }
        if count > 0 {
            self.publish_joined(channel, &payload, count, sender, now);
        }
        self.scratch = payload;
    }

    fn publish_joined(&mut self, channel: &str, contents: &[u8], count: u64, sender: Sender, now: Instant) {
        let numbered = self.published.number(&self.subjects, channel, count, self.heartbeat, now);
        if !self.queue.has_room(contents.len() + PUBLICATIONS_HEAD_BYTES) {
            if !sender.is_of_copies() {
                self.count_dropped(count);
            }
            return;
        }
        self.figures.published += if sender.is_of_copies() { 0 } else { count };
        let mut head = Vec::with_capacity(PUBLICATIONS_HEAD_BYTES);
        wire::publications_head(&mut head, sender, numbered.first, numbered.base);
        self.queue.write(Kind::Publications, |out| command::publish(out, &numbered.subject, None, &[&head, contents]));
    }

    /// The longest payload that the server takes, or has the last one taken.
    pub(super) fn payload_bytes_max(&self) -> usize {
        self.server.as_ref().map_or(self.last_payload_limit, |server| server.info.payload_bytes_max())
    }

    /// The most that publications to one channel are joined up to, in bytes of a payload.
    pub(super) fn joined_bytes_max(&self) -> usize {
        JOINED_BYTES_MAX.min(self.payload_bytes_max())
    }

    fn refuse_long(&mut self, channel: &str, bytes: usize, sender: Sender, now: Instant) {
        // Its number is given and never sent, so that listeners elsewhere know of it.
        self.published.number(&self.subjects, channel, 1, self.heartbeat, now);
        if !sender.is_of_copies() {
            self.count_long(bytes);
        }
    }

    /// A publication has so many bytes, which is more than the server takes.
    pub(super) fn count_long(&mut self, bytes: usize) {
        if self.figures.too_large == 0 {
            let limit = self.payload_bytes_max();
            warn!(
                bytes,
                "a message is longer than NATS takes and reaches the clients of this relay alone: raise `max_payload` ({limit} bytes) \
                 in the settings of the NATS servers, or lower `limits.max_message_bytes`"
            );
        }
        self.figures.too_large += 1;
    }

    /// So many publications are dropped, since too much waits.
    pub(super) fn count_dropped(&mut self, count: u64) {
        if self.figures.dropped == 0 {
            warn!(
                "publications are dropped, since more waits for NATS than there is room for; `pusud status` counts them"
            );
        }
        self.figures.dropped += count;
    }

    /// Notes about channels that have been quiet for a while.
    pub(super) fn send_notes(&mut self, now: Instant) {
        let may_forget = self.roster.have_all_heard(now);
        if self.published.forgotten_early() > 0 && !std::mem::replace(&mut self.figures.has_told_forgotten, true) {
            warn!(
                channels = REMEMBERED_MAX,
                "more channels are published to than are remembered: of the quietest ones relays that hear nothing now cannot count what                  they have missed"
            );
        }
        while let Some((subject, base, last)) = self.published.next_note(may_forget, now) {
            let sender = self.sender();
            self.send(Kind::Ordered, &subject, |out| wire::note(out, sender, base, last));
        }
    }
}
