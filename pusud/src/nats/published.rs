//! Numbers of this relay's own publications, by channel, and which channels are to be told how far they are.
//!
//! Each channel counts for itself, from its base on. **Invariant:** numbers of a channel never go back: one that was forgotten
//! begins anew behind everything that was ever forgotten, and its base says so.

use crate::nats::subjects::Subjects;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// Channels that are remembered; past it the one that has been quiet for longest is forgotten early.
pub(super) const REMEMBERED_MAX: usize = 64 * 1024;
/// How long one that is not to be forgotten yet is kept before it is looked at again.
const KEPT: Duration = Duration::from_secs(60);
/// How long a channel has been quiet when its listeners are told how far it is, each time, and when it is forgotten.
const QUIET: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(600)];

/// All channels that were published to.
#[derive(Default)]
pub(super) struct Published {
    channels: HashMap<Rc<str>, Sent>,
    /// When something is due about each channel, in order.
    due: BTreeSet<(Instant, Rc<str>)>,
    /// Those of them that have been quiet for a while, by when they were published to.
    quiet: BTreeSet<(Instant, Rc<str>)>,
    /// How many were forgotten early, for want of room.
    forgotten_early: u64,
    /// The highest number of all channels that were forgotten.
    floor: u64,
}

/// One channel.
struct Sent {
    name: Rc<str>,
    subject: Rc<str>,
    base: u64,
    last: u64,
    at: Instant,
    /// The heartbeat that was the last one then.
    heartbeat: u64,
    stage: usize,
    due: Instant,
}

/// The numbers of publications that are about to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    /// Where they are published.
    pub subject: Rc<str>,
    /// The first one's.
    pub first: u64,
    /// The number before the first one of the channel.
    pub base: u64,
}

impl Published {
    /// Gives so many publications their numbers.
    pub(super) fn number(
        &mut self,
        subjects: &Subjects,
        channel: &str,
        count: u64,
        heartbeat: u64,
        now: Instant,
    ) -> Numbered {
        if !self.channels.contains_key(channel) {
            self.begin(subjects, channel, now);
        }
        let sent = self.channels.get_mut(channel).expect("it was put in");
        let first = sent.last + 1;
        sent.last += count;
        let at = std::mem::replace(&mut sent.at, now);
        sent.heartbeat = heartbeat;
        if sent.stage > 0 {
            self.due.remove(&(sent.due, sent.name.clone()));
            self.quiet.remove(&(at, sent.name.clone()));
            (sent.stage, sent.due) = (0, now + QUIET[0]);
            self.due.insert((sent.due, sent.name.clone()));
        }
        Numbered { subject: sent.subject.clone(), first, base: sent.base }
    }

    fn begin(&mut self, subjects: &Subjects, channel: &str, now: Instant) {
        while self.channels.len() >= REMEMBERED_MAX {
            // Where all are busy, or were a moment ago, any of them.
            let Some((_, oldest)) = self.quiet.first().or_else(|| self.due.first()).cloned() else { break };
            self.forget(&oldest);
            self.forgotten_early += 1;
        }
        let channel: Rc<str> = channel.into();
        let (base, due) = (self.floor, now + QUIET[0]);
        let subject = subjects.of_channel(&channel).into();
        let sent = Sent { name: channel.clone(), subject, base, last: base, at: now, heartbeat: 0, stage: 0, due };
        self.channels.insert(channel.clone(), sent);
        self.due.insert((due, channel));
    }

    fn forget(&mut self, channel: &str) {
        if let Some(sent) = self.channels.remove(channel) {
            self.floor = self.floor.max(sent.last);
            self.due.remove(&(sent.due, sent.name.clone()));
            self.quiet.remove(&(sent.at, sent.name));
        }
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// How many were forgotten early.
    pub(super) fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    /// The next channel whose listeners are to be told how far it is: the subject, `base` and `last`. Forgets channels that
    /// have been quiet for long, where all relays `may_forget` them.
    pub(super) fn next_note(&mut self, may_forget: bool, now: Instant) -> Option<(Rc<str>, u64, u64)> {
        loop {
            self.due.first().filter(|(at, _)| *at <= now)?;
            let (_, channel) = self.due.pop_first()?;
            let sent = self.channels.get_mut(&channel).expect("whatever stands in line is there");
            if sent.at + QUIET[sent.stage] > now {
                // It was published to meanwhile.
                sent.due = sent.at + QUIET[sent.stage];
                self.due.insert((sent.due, channel));
                continue;
            }
            if sent.stage + 1 == QUIET.len() {
                if may_forget {
                    self.forget(&channel);
                } else {
                    sent.due = now + KEPT;
                    self.due.insert((sent.due, channel));
                }
                continue;
            }
            sent.stage += 1;
            sent.due = sent.at + QUIET[sent.stage];
            if sent.stage == 1 {
                self.quiet.insert((sent.at, channel.clone()));
            }
            let note = (sent.subject.clone(), sent.base, sent.last);
            self.due.insert((sent.due, channel));
            return Some(note);
        }
    }

    /// The `base` and `last` of a channel that was published to.
    pub(super) fn of(&self, channel: &str) -> Option<(u64, u64)> {
        self.channels.get(channel).map(|sent| (sent.base, sent.last))
    }

    /// The number that new channels begin behind.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// The channels that were published to since this heartbeat.
    pub(super) fn since(&self, heartbeat: u64) -> impl Iterator<Item = Rc<str>> {
        let recent = self.channels.iter().filter(move |(_, sent)| sent.heartbeat >= heartbeat);
        recent.map(|(channel, _)| channel.clone())
    }

    /// How many channels are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.channels.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(published: &mut Published, channel: &str, count: u64, now: Instant) -> (u64, u64) {
        let Numbered { first, base, .. } = published.number(&Subjects::new("n"), channel, count, 1, now);
        (first, base)
    }

    #[test]
    fn each_channel_counts_for_itself() {
        let (mut published, now) = (Published::default(), Instant::now());
        assert_eq!(numbers(&mut published, "a", 3, now), (1, 0));
        assert_eq!(numbers(&mut published, "b", 1, now), (1, 0));
        assert_eq!(numbers(&mut published, "a", 1, now), (4, 0));
        assert_eq!((published.of("a"), published.of("c")), (Some((0, 4)), None));
    }

    #[test]
    fn a_quiet_channel_is_told_of_three_times_and_then_forgotten() {
        let (mut published, start) = (Published::default(), Instant::now());
        numbers(&mut published, "a", 2, start);
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut told = Vec::new();
        for second in 0..700 {
            while let Some((subject, base, last)) = published.next_note(true, at(second)) {
                assert_eq!((&*subject, base), ("pusu.n.c.a", 0));
                told.push((second, last));
            }
            if second == 3 {
                numbers(&mut published, "a", 1, at(3));
            }
        }
        assert_eq!(told, [(1, 2), (4, 3), (8, 3), (33, 3)]);
        assert_eq!((published.of("a"), published.floor(), published.next_due()), (None, 3, None));
        assert_eq!(numbers(&mut published, "b", 1, at(700)), (4, 3), "numbers do not come again");
    }

    #[test]
    fn a_busy_channel_is_not_told_of_and_stands_in_line_once() {
        let (mut published, start) = (Published::default(), Instant::now());
        for tenth in 0..100 {
            let now = start + Duration::from_millis(100 * tenth);
            numbers(&mut published, "a", 1, now);
            assert_eq!(published.next_note(true, now), None);
            assert_eq!(published.due.len(), 1);
        }
    }

    #[test]
    fn a_channel_that_is_quiet_for_half_a_minute_each_time_stands_in_line_once() {
        let (mut published, start) = (Published::default(), Instant::now());
        for second in (0..31 * 100).step_by(31) {
            let now = start + Duration::from_secs(second);
            while published.next_note(true, now).is_some() {}
            numbers(&mut published, "a", 1, now);
            while published.next_note(true, now + Duration::from_secs(30)).is_some() {}
            assert_eq!((published.due.len(), published.quiet.len()), (1, 1), "{second}");
        }
    }

    #[test]
    fn the_one_that_has_been_quiet_for_longest_is_forgotten_first() {
        let (mut published, start) = (Published::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        // One is published to all the time, and another one has been quiet for a moment: neither for long.
        numbers(&mut published, "busy", 1, start);
        numbers(&mut published, "quiet", 1, start);
        for second in 1..4 {
            numbers(&mut published, "busy", 1, at(second));
            while published.next_note(true, at(second)).is_some() {}
        }
        for channel in 2..REMEMBERED_MAX {
            numbers(&mut published, &channel.to_string(), 1, at(4));
        }
        assert_eq!((published.len(), published.forgotten_early()), (REMEMBERED_MAX, 0));
        numbers(&mut published, "one more", 1, at(4));
        assert_eq!((published.of("quiet"), published.of("busy")), (None, Some((0, 4))));
        assert_eq!((published.len(), published.due.len()), (REMEMBERED_MAX, REMEMBERED_MAX));
        assert_eq!((published.quiet.len(), published.forgotten_early()), (0, 1));
    }

    #[test]
    fn a_channel_is_remembered_while_somebody_may_not_have_heard_how_far_it_is() {
        let (mut published, start) = (Published::default(), Instant::now());
        numbers(&mut published, "a", 2, start);
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for second in 0..2000 {
            while published.next_note(false, at(second)).is_some() {}
        }
        assert_eq!(published.of("a"), Some((0, 2)));
        while published.next_note(true, at(2060)).is_some() {}
        assert_eq!((published.of("a"), published.due.len(), published.quiet.len()), (None, 0, 0));
    }

    #[test]
    fn ever_new_channels_take_no_more_memory() {
        let (mut published, now) = (Published::default(), Instant::now());
        for channel in 0..REMEMBERED_MAX + 100 {
            numbers(&mut published, &channel.to_string(), 2, now);
        }
        assert_eq!((published.len(), published.floor()), (REMEMBERED_MAX, 2));
    }

    #[test]
    fn what_was_published_since_a_heartbeat_is_known() {
        let (mut published, now, subjects) = (Published::default(), Instant::now(), Subjects::new("n"));
        published.number(&subjects, "a", 1, 4, now);
        published.number(&subjects, "b", 1, 5, now);
        assert_eq!(published.since(5).collect::<Vec<_>>(), ["b".into()]);
        assert_eq!(published.since(4).count(), 2);
    }
}
