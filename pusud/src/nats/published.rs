//! Numbers of this relay's own publications, by channel, and which channels are to be told how far they are.
//!
//! Each channel counts for itself, from its base on. **Invariant:** numbers of a channel never go back: one that was forgotten
//! begins anew behind everything that was ever forgotten, and its base says so.

use crate::nats::subjects::Subjects;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// Channels that are remembered; past it the one that has been quiet for longest is forgotten early.
pub(super) const REMEMBERED_MAX: usize = 64 * 1024;
/// How long a channel has been quiet when its listeners are told how far it is, each time, and when it is forgotten.
const QUIET: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(600)];

/// All channels that were published to.
#[derive(Default)]
pub(super) struct Published {
    channels: HashMap<Rc<str>, Sent>,
    /// When something is due about a channel. Those that do not agree with the channel are out of date.
    due: BinaryHeap<Reverse<(Instant, Rc<str>)>>,
    /// Those that have been told of for the last time, some of which may have been published to since, in that order.
    quiet: VecDeque<Rc<str>>,
    /// The highest number of all channels that were forgotten.
    floor: u64,
}

/// One channel.
struct Sent {
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
        (sent.at, sent.heartbeat) = (now, heartbeat);
        if sent.stage > 0 {
            (sent.stage, sent.due) = (0, now + QUIET[0]);
            self.due.push(Reverse((sent.due, channel.into())));
        }
        Numbered { subject: sent.subject.clone(), first, base: sent.base }
    }

    fn begin(&mut self, subjects: &Subjects, channel: &str, now: Instant) {
        while self.channels.len() >= REMEMBERED_MAX {
            let is_quiet = |sent: &Sent| sent.stage == QUIET.len() - 1;
            match self.quiet.pop_front() {
                Some(channel) if self.channels.get(&channel).is_some_and(is_quiet) => self.forget(&channel),
                Some(_) => {}
                // All are busy, or were a moment ago.
                None => match self.due.pop() {
                    Some(Reverse((at, channel))) if self.channels.get(&channel).is_some_and(|sent| sent.due == at) => {
                        self.forget(&channel);
                    }
                    Some(_) => {}
                    None => break,
                },
            }
        }
        let channel: Rc<str> = channel.into();
        let (base, due) = (self.floor, now + QUIET[0]);
        let subject = subjects.of_channel(&channel).into();
        let sent = Sent { subject, base, last: base, at: now, heartbeat: 0, stage: 0, due };
        self.channels.insert(channel.clone(), sent);
        self.due.push(Reverse((due, channel)));
    }

    fn forget(&mut self, channel: &str) {
        if let Some(sent) = self.channels.remove(channel) {
            self.floor = self.floor.max(sent.last);
        }
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// The next channel whose listeners are to be told how far it is: the subject, `base` and `last`. Forgets channels that
    /// have been quiet for long.
    pub(super) fn next_note(&mut self, now: Instant) -> Option<(Rc<str>, u64, u64)> {
        loop {
            let Reverse((at, _)) = self.due.peek().filter(|Reverse((at, _))| *at <= now)?;
            let at = *at;
            let Reverse((_, channel)) = self.due.pop()?;
            let Some(sent) = self.channels.get_mut(&channel).filter(|sent| sent.due == at) else { continue };
            if sent.at + QUIET[sent.stage] > now {
                // It was published to meanwhile.
                sent.due = sent.at + QUIET[sent.stage];
                self.due.push(Reverse((sent.due, channel)));
                continue;
            }
            sent.stage += 1;
            if sent.stage == QUIET.len() {
                self.forget(&channel);
                // Those before it are older.
                while self.quiet.front().is_some_and(|quiet| !self.channels.contains_key(quiet)) {
                    self.quiet.pop_front();
                }
                continue;
            }
            sent.due = sent.at + QUIET[sent.stage];
            if sent.stage == QUIET.len() - 1 {
                self.quiet.push_back(channel.clone());
            }
            let note = (sent.subject.clone(), sent.base, sent.last);
            self.due.push(Reverse((sent.due, channel)));
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

    /// The channels that were published to since this heartbeat, with `base` and `last`.
    pub(super) fn since(&self, heartbeat: u64) -> impl Iterator<Item = (&str, u64, u64)> {
        let recent = self.channels.iter().filter(move |(_, sent)| sent.heartbeat >= heartbeat);
        recent.map(|(channel, sent)| (&**channel, sent.base, sent.last))
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
            while let Some((subject, base, last)) = published.next_note(at(second)) {
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
            assert_eq!(published.next_note(now), None);
            assert_eq!(published.due.len(), 1);
        }
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
        assert_eq!(published.since(5).collect::<Vec<_>>(), [("b", 0, 1)]);
        assert_eq!(published.since(4).count(), 2);
    }
}
