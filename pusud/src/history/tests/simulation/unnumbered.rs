//! A relay of an earlier version: it is linked with all others, and publishes without numbers.

use super::world::{END_MS, Event, World};

/// Stands for the source that publishes there.
const SOURCE: usize = usize::MAX;

impl World {
    /// A client of that relay publishes.
    pub(super) fn publish_unnumbered(&mut self) {
        let ms = self.rng.i64(20..200);
        if self.ms < END_MS {
            self.after(ms, Event::PublishUnnumbered);
        }
        let channel = self.class.channels(self.ms)[self.rng.usize(..2)];
        let id = self.judge.accept(channel, SOURCE, self.event);
        self.judge.is_unnumbered(id);
        for place in 0..self.relays.len() {
            // Each link keeps the order.
            let ms = (self.ms + self.rng.i64(0..40)).max(self.unnumbered_ms[place]);
            self.unnumbered_ms[place] = ms;
            self.at(ms, Event::Unnumbered(place, channel, id));
        }
    }

    /// It comes to a relay, which gives it a number that no other one knows.
    pub(super) fn take_unnumbered(&mut self, place: usize, channel: &str, id: usize) {
        let (ms, event) = (self.ms, self.event);
        let Some(relay) = &mut self.relays[place] else { return };
        relay.inboxes.event = event;
        let now = relay.now(ms);
        let log = relay.logs.log(channel, now).expect("it has history");
        let (origin, inboxes) = (relay.origin.unnumbered(), &mut relay.inboxes);
        let contents = [id.to_string().as_str().into()].into_iter();
        let is_taken = log.receive_next(origin, contents, now, &mut Vec::new(), |frames, appended, shards| {
            inboxes.hand_over(frames, &appended, shards);
        });
        assert!(is_taken, "the log was found just now");
        self.after_calls(place);
    }
}
