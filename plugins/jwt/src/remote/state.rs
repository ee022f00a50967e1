//! The fetched keys and what is known of them, as a function of what happens and when.
//!
//! **Invariant:** a failed fetch changes no key. Keys that are older than their longest age decide nothing.
//! **Invariant:** a key is called unknown only if a fetch did not bring it that began after somebody asked for it, or if it
//! was there before and has been withdrawn.

use super::schedule::{PAUSE, Schedule};
use crate::keys::KeySet;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most names that are remembered as missing: strangers make them up.
const MISSING_MAX: usize = 1024;
/// Longest name that is remembered, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// The state of fetched keys.
pub(super) struct State {
    pub(super) schedule: Schedule,
    max_age: Duration,
    keys: Option<(Arc<KeySet>, Instant)>,
    /// What was odd in the set that they came in.
    remarks: Vec<String>,
    /// Whether any fetch has succeeded; keys that were taken over are of no fetch that was begun here.
    pub(super) has_fetched: bool,
    /// Names of keys that the last fetch did not bring.
    missing: HashSet<String>,
    /// What was wrong with the last fetch.
    pub(super) fault: Option<String>,
}

/// Whether a key may be found later that is not there now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Prospect {
    /// It has been asked for, and is not there.
    Missing,
    /// A fetch may bring it. It may begin at this time at the earliest.
    Open(Instant),
}

impl State {
    /// Nothing has been fetched.
    pub(super) fn new(max_age: Duration, now: Instant) -> Self {
        Self {
            schedule: Schedule::new(now),
            max_age,
            keys: None,
            remarks: Vec::new(),
            has_fetched: false,
            missing: HashSet::new(),
            fault: None,
        }
    }

    /// These keys hold, which somebody else has fetched at `fetched`, until there are newer ones. A fetch stays due.
    pub(super) fn carry_over(&mut self, keys: KeySet, remarks: Vec<String>, fetched: Instant) {
        self.keys = Some((Arc::new(keys), fetched));
        self.remarks = remarks;
    }

    /// The keys that decide now.
    pub(super) fn keys(&self, now: Instant) -> Option<Arc<KeySet>> {
        let (keys, fetched) = self.keys.as_ref()?;
        (now.saturating_duration_since(*fetched) < self.max_age).then(|| Arc::clone(keys))
    }

    /// How old the keys are, whether they decide or not.
    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        self.keys.as_ref().map(|(_, fetched)| now.saturating_duration_since(*fetched))
    }

    /// For how long the keys go on to hold without a fetch.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.age(now).map_or(Duration::ZERO, |age| self.max_age.saturating_sub(age))
    }

    /// Whether the key of this name may be found later.
    pub(super) fn prospect(&self, name: &str, now: Instant) -> Prospect {
        let is_recent = self.schedule.begun().is_some_and(|begun| now < begun + PAUSE);
        if is_recent && self.missing.contains(name) {
            return Prospect::Missing;
        }
        Prospect::Open(self.schedule.earliest(now))
    }

    /// A fetch has brought these keys; whether others than before are there, or other `remarks` about the set. `wanted` are
    /// the names that somebody asked for before it began.
    pub(super) fn succeeded<'a>(
        &mut self,
        keys: KeySet,
        remarks: Vec<String>,
        cache: Option<Duration>,
        wanted: impl Iterator<Item = &'a str>,
        now: Instant,
    ) -> bool {
        let mut missing: HashSet<String> = wanted.map(str::to_owned).collect();
        let mut changed = true;
        if let Some((before, _)) = &self.keys {
            missing.extend(before.names().into_iter().map(str::to_owned));
            changed = before.names() != keys.names() || self.remarks != remarks;
        }
        let is_there = |name: &String| keys.names().contains(name.as_str());
        self.missing = missing.into_iter().filter(|name| name.len() <= NAME_BYTES_MAX && !is_there(name)).collect();
        if self.missing.len() > MISSING_MAX {
            self.missing = std::mem::take(&mut self.missing).into_iter().take(MISSING_MAX).collect();
        }
        self.keys = Some((Arc::new(keys), now));
        (self.remarks, self.has_fetched, self.fault) = (remarks, true, None);
        self.schedule.succeeded(now, cache, self.max_age);
        changed
    }

    /// A fetch has failed; whether for another reason than the one before.
    pub(super) fn failed(&mut self, fault: &str, now: Instant) -> bool {
        self.schedule.failed(now);
        let is_new = self.fault.as_deref() != Some(fault);
        self.fault = Some(fault.to_owned());
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Readers;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    const MAX_AGE: Duration = Duration::from_secs(3600);

    fn keys(names: &[&str]) -> KeySet {
        let key = |name: &&str| json!({"kty": "oct", "kid": name, "k": URL_SAFE_NO_PAD.encode([7; 32])});
        let set = json!({"keys": names.iter().map(key).collect::<Vec<_>>()}).to_string();
        KeySet::parse(set.as_bytes(), &["HS256".parse().unwrap()], Readers::Operator).unwrap().0
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn fetched(state: &mut State, names: &[&str], wanted: &[&str], now: Instant) -> bool {
        state.schedule.begin(now);
        state.succeeded(keys(names), Vec::new(), None, wanted.iter().copied(), now)
    }

    #[test]
    fn keys_hold_until_they_are_too_old_whatever_fails() {
        let start = Instant::now();
        let mut state = State::new(MAX_AGE, start);
        assert!(state.keys(start).is_none() && state.age(start).is_none());
        assert!(fetched(&mut state, &["a"], &[], start));
        state.schedule.begin(after(start, 60));
        assert!(state.failed("down", after(start, 60)) && !state.failed("down", after(start, 70)));
        assert!(state.failed("up, but odd", after(start, 80)));
        assert!(state.keys(after(start, 3599)).is_some());
        assert_eq!(state.left(after(start, 3500)), Duration::from_secs(100));
        assert!(state.keys(after(start, 3600)).is_none());
        assert_eq!(state.age(after(start, 3600)), Some(MAX_AGE));
        assert!(!fetched(&mut state, &["a"], &[], after(start, 4000)) && state.fault.is_none());
        assert!(state.keys(after(start, 4000)).is_some());
    }

    /// Carried over, keys get no younger: they hold by their own age, and the first fetch is due all the same.
    #[test]
    fn keys_that_are_carried_over_keep_their_age() {
        let start = Instant::now();
        let now = after(start, 3000);
        let mut state = State::new(MAX_AGE, now);
        state.carry_over(keys(&["a"]), Vec::new(), start);
        assert!(state.keys(now).is_some() && state.schedule.due() == now && !state.has_fetched);
        assert_eq!(state.left(now), Duration::from_secs(600));
        assert!(state.keys(after(start, 3599)).is_some() && state.keys(after(start, 3600)).is_none());
        assert_eq!(state.prospect("new", now), Prospect::Open(now));
        assert!(!fetched(&mut state, &["a"], &[], now) && state.has_fetched, "the same keys are no news");
        assert!(state.keys(after(start, 6000)).is_some());
    }

    #[test]
    fn a_key_is_missing_only_after_a_fetch_that_could_have_brought_it() {
        let start = Instant::now();
        let mut state = State::new(MAX_AGE, start);
        fetched(&mut state, &["a", "b"], &[], start);
        let now = after(start, 1);
        assert_eq!(state.prospect("new", now), Prospect::Open(after(start, 10)));
        assert!(fetched(&mut state, &["b"], &["new"], after(start, 20)));
        let now = after(start, 21);
        for gone in ["new", "a"] {
            assert_eq!(state.prospect(gone, now), Prospect::Missing, "{gone}");
        }
        assert_eq!(state.prospect("other", now), Prospect::Open(after(start, 30)));
        assert_eq!(state.prospect("new", after(start, 40)), Prospect::Open(after(start, 40)), "it may be there by now");
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let start = Instant::now();
        let mut state = State::new(MAX_AGE, start);
        let names: Vec<String> = (0..5000).map(|number| number.to_string()).chain(["x".repeat(300)]).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        fetched(&mut state, &["a"], &names, start);
        assert_eq!(state.missing.len(), MISSING_MAX);
        assert!(!state.missing.contains(names[5000]));
    }
}
