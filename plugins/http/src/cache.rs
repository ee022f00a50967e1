//! Answers that the service has said may be remembered.
//!
//! **Invariant:** an answer is never given after the time it was remembered for, nor so shortly before its permissions
//! expire that whoever gets it could not renew in time.
//! **Invariant:** the cache is bounded, in entries and in bytes; over a bound, what would be forgotten first goes first.

use crate::answer::Answer;
use crate::question::Name;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant, SystemTime};

/// What all entries together may take, roughly.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// So long before its end an answer is not given any more, or for the second half of its life where that is shorter: so
/// long before the end the relay has clients renew.
const RENEWAL: Duration = Duration::from_secs(30);
/// What an entry takes beside its answer.
const ENTRY_BYTES: usize = 128;

/// Answers by the name of their question.
pub(crate) struct Cache {
    entries_max: usize,
    entries: HashMap<Name, Entry>,
    /// The same entries by the time until which they are remembered.
    by_end: BTreeSet<(Instant, Name)>,
    bytes: usize,
}

struct Entry {
    answer: Answer,
    end: Instant,
    /// The date from which it is too close to its expiry. `None`: never.
    too_late: Option<SystemTime>,
    bytes: usize,
}

/// What the clocks say: one that never goes back, and one that knows the date.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) date: SystemTime,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self { instant: Instant::now(), date: SystemTime::now() }
    }
}

impl Cache {
    /// A cache of at most `entries_max` entries.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { entries_max, entries: HashMap::new(), by_end: BTreeSet::new(), bytes: 0 }
    }

    /// The answer to a question, if it is remembered and still holds.
    pub(crate) fn get(&mut self, name: &Name, now: Now) -> Option<&Answer> {
        self.forget_until(now.instant);
        // The date may have been set forward since.
        let is_too_late = |entry: &Entry| entry.too_late.is_some_and(|date| date <= now.date);
        if self.entries.get(name).is_some_and(is_too_late) {
            self.remove(name);
        }
        self.entries.get(name).map(|entry| &entry.answer)
    }

    /// Remembers an answer for as long as it says, in place of an earlier one: also if that is no time at all.
    pub(crate) fn put(&mut self, name: Name, answer: &Answer, now: Now) {
        self.remove(&name);
        let before_renewal = answer.expires.map(|expires| {
            let life = expires.duration_since(now.date).unwrap_or(Duration::ZERO);
            life - RENEWAL.min(life / 2)
        });
        let life = before_renewal.map_or(answer.cache, |most| answer.cache.min(most));
        let bytes = ENTRY_BYTES + answer.bytes();
        if life.is_zero() || self.entries_max == 0 || bytes > BYTES_MAX {
            return;
        }
        let end = now.instant + life;
        let too_late = before_renewal.map(|most| now.date + most);
        self.entries.insert(name, Entry { answer: answer.clone(), end, too_late, bytes });
        self.by_end.insert((end, name));
        self.bytes += bytes;
        self.forget_until(now.instant);
        while self.entries.len() > self.entries_max || self.bytes > BYTES_MAX {
            let Some(&(_, first)) = self.by_end.first() else { return };
            self.remove(&first);
        }
    }

    /// Forgets the answer to a question.
    pub(crate) fn forget(&mut self, name: &Name) {
        self.remove(name);
    }

    /// Forgets what was remembered until now.
    fn forget_until(&mut self, now: Instant) {
        while let Some(&(end, name)) = self.by_end.first()
            && end <= now
        {
            self.remove(&name);
        }
    }

    fn remove(&mut self, name: &Name) {
        if let Some(entry) = self.entries.remove(name) {
            self.by_end.remove(&(entry.end, *name));
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn answer(subject: &str, cache_seconds: u64, expires: &str) -> Answer {
        let text = format!(
            r#"{{"permissions":[],"subject":"{subject}","cache_seconds":{cache_seconds},"expires":{expires}}}"#
        );
        Answer::parse(text.as_bytes()).unwrap()
    }

    fn name(number: u32) -> Name {
        let mut name = Name::default();
        name[..4].copy_from_slice(&number.to_be_bytes());
        name
    }

    fn after(start: Now, seconds: u64) -> Now {
        let passed = Duration::from_secs(seconds);
        Now { instant: start.instant + passed, date: start.date + passed }
    }

    fn start() -> Now {
        Now { instant: Instant::now(), date: UNIX_EPOCH + Duration::from_secs(1000) }
    }

    #[test]
    fn answers_are_remembered_as_long_as_they_say_and_never_beyond_their_end() {
        let (mut cache, start) = (Cache::new(10), start());
        let (minute, expiring) = (answer("a", 60, "null"), answer("b", 60, "1020"));
        cache.put(name(1), &minute, start);
        cache.put(name(2), &expiring, start);
        cache.put(name(3), &answer("c", 0, "null"), start);
        cache.put(name(4), &answer("d", 60, "1000"), start);
        assert_eq!(cache.get(&name(2), after(start, 9)), Some(&expiring));
        assert_eq!(cache.get(&name(3), start), None, "nothing was said about remembering it");
        assert_eq!(cache.get(&name(4), start), None, "it has expired already");
        assert_eq!(cache.get(&name(2), after(start, 10)), None, "its second half is for renewing");
        assert_eq!(cache.get(&name(1), after(start, 59)), Some(&minute));
        assert_eq!(cache.get(&name(1), after(start, 60)), None);
        assert_eq!((cache.entries.len(), cache.by_end.len(), cache.bytes), (0, 0, 0));
    }

    #[test]
    fn a_date_that_is_set_forward_ends_what_has_expired() {
        let (mut cache, start) = (Cache::new(10), start());
        cache.put(name(1), &answer("a", 60, "1010"), start);
        let later = Now { instant: start.instant, date: start.date + Duration::from_secs(5) };
        assert_eq!(cache.get(&name(1), later), None);
    }

    #[test]
    fn an_answer_is_given_only_while_there_is_time_to_renew() {
        let (mut cache, start) = (Cache::new(10), start());
        let hour = answer("a", 86_400, "4600");
        cache.put(name(1), &hour, start);
        assert_eq!(cache.get(&name(1), after(start, 3569)), Some(&hour));
        assert_eq!(cache.get(&name(1), after(start, 3570)), None);
    }

    #[test]
    fn a_full_cache_forgets_what_would_go_first() {
        let (mut cache, start) = (Cache::new(3), start());
        for (number, seconds) in [(1, 40), (2, 10), (3, 30), (4, 20)] {
            cache.put(name(number), &answer("a", seconds, "null"), start);
        }
        let known: Vec<u32> = (1..=4).filter(|&number| cache.get(&name(number), start).is_some()).collect();
        assert_eq!(known, [1, 3, 4]);
        let mut none = Cache::new(0);
        none.put(name(1), &answer("a", 60, "null"), start);
        assert_eq!(none.get(&name(1), start), None);
    }

    #[test]
    fn memory_is_bounded() {
        let (mut cache, start) = (Cache::new(usize::MAX), start());
        let patterns: Vec<String> =
            (0..1000).map(|_| format!(r#"{{"pattern":"{}","read":true}}"#, "x".repeat(255))).collect();
        let text = format!(r#"{{"permissions":[{}],"cache_seconds":60}}"#, patterns.join(","));
        let large = Answer::parse(text.as_bytes()).unwrap();
        for number in 0..400 {
            cache.put(name(number), &large, start);
        }
        assert!(cache.bytes <= BYTES_MAX && (100..400).contains(&cache.entries.len()), "{}", cache.entries.len());
        assert_eq!(cache.entries.len(), cache.by_end.len());
    }

    #[test]
    fn a_newer_answer_takes_the_place_of_an_older_one() {
        let (mut cache, start) = (Cache::new(10), start());
        cache.put(name(1), &answer("a", 60, "null"), start);
        cache.put(name(1), &answer("b", 30, "null"), start);
        assert_eq!(cache.get(&name(1), start), Some(&answer("b", 30, "null")));
        assert_eq!(cache.get(&name(1), after(start, 30)), None);
        assert_eq!((cache.by_end.len(), cache.bytes), (0, 0));
    }

    #[test]
    fn an_answer_that_is_not_to_be_remembered_ends_the_one_before() {
        let (mut cache, start) = (Cache::new(10), start());
        cache.put(name(1), &answer("a", 60, "null"), start);
        cache.put(name(1), &answer("b", 0, "null"), start);
        assert_eq!(cache.get(&name(1), start), None);
        cache.put(name(1), &answer("a", 60, "null"), start);
        cache.forget(&name(1));
        assert_eq!(cache.get(&name(1), start), None);
        assert_eq!((cache.entries.len(), cache.by_end.len(), cache.bytes), (0, 0, 0));
    }
}
