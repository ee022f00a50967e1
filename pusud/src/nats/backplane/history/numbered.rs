//! Publications of this relay's own with numbers, on their way to the other relays.

use super::super::Backplane;
use crate::frames;
use crate::history::{Appended, Origin, push_publications};
use crate::nats::HISTORY_OVERHEAD_BYTES;
use crate::nats::queue::Kind;
use crate::nats::server::command;
use crate::nats::wire;
use crate::routing::{Door, Publications};
use tokio::time::Instant;

/// What a content takes beside its bytes.
const CONTENT_HEAD_BYTES: usize = 8;

impl<D: Door> Backplane<D> {
    /// Sends publications with numbers to all relays with history, and without them where others may listen.
    pub(in super::super) fn publish_numbered(
        &mut self,
        publications: &Publications<'_>,
        appended: &Appended,
        now: Instant,
    ) {
        let channel = publications.channel;
        let mut contents = frames::contents(channel, publications.frames)
            .map(|content| str::from_utf8(content).expect("it was text when its frame was made"))
            .peekable();
        let mut first = appended.first;
        let mut run = Vec::new();
        while contents.peek().is_some() {
            run.clear();
            let mut bytes = HISTORY_OVERHEAD_BYTES;
            let bytes_max = self.joined_bytes_max();
            while let Some(content) =
                contents.next_if(|content| run.is_empty() || bytes + CONTENT_HEAD_BYTES + content.len() <= bytes_max)
            {
                bytes += CONTENT_HEAD_BYTES + content.len();
                run.push(content);
            }
            self.publish_piece(appended, first, &run);
            first += run.len() as u64;
        }
        if self.needs_copies() {
            self.publish_copies(channel, publications.frames, now);
        }
    }

    fn publish_piece(&mut self, appended: &Appended, first: u64, run: &[&str]) {
        let (channel, count) = (appended.log.name(), run.len() as u64);
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        wire::history_head(&mut payload, self.sender());
        push_publications(&mut payload, channel, appended.origin, appended.base, first, 0, run.iter().copied());
        if payload.len() > self.payload_bytes_max() {
            // It has its number, so that listeners elsewhere are told of it.
            self.count_long(run[0].len());
        } else if !self.queue.has_room(payload.len()) {
            self.count_dropped(count);
            let peers: Vec<Origin> = self.history.iter().flat_map(|history| history.linked()).collect();
            for peer in peers {
                self.heal_with(|healing, now, _| healing.overflowed(peer, channel, now));
            }
        } else {
            self.figures.published += count;
            let subject = self.subjects.of_history();
            self.queue.write(Kind::Publications, |out| command::publish(out, &subject, None, &[&payload]));
        }
        self.scratch = payload;
    }

    /// Whether there may be relays that take no numbers. One that is not heard at the moment may hear this one.
    fn needs_copies(&self) -> bool {
        let mut known =
            self.roster.all().filter(|(_, relay)| !relay.is_refused).filter_map(|(_, relay)| relay.about.as_ref());
        known.any(|about| !about.is_stopping && !self.shares_history(about))
    }
}
