//! The landing of a fetch: what it means for the keys, the log, the tokens that have waited, and instances to come.

use super::fetch::Document;
use super::memory::{self, Fetched};
use super::waiting::Waiting;
use super::{FETCH_TIME_MIN, MAY_BE_NEW, Remote, answer, shown};
use crate::keys::{KeySet, Readers};
use pusu_plugin_api::Verdict;
use pusu_plugin_api::options::Time;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// What one fetch may take, with everything that belongs to it.
const FETCH_TIME_MAX: Duration = Duration::from_secs(10);

impl Remote {
    /// Fetches once.
    pub(super) async fn fetch(&self) {
        let begun = Instant::now();
        self.state().schedule.begin(begun);
        let trusted = self.trust.current();
        let fetched = tokio::time::timeout(FETCH_TIME_MAX, self.source.fetch(&self.trust, &trusted)).await;
        let fetched = fetched
            .unwrap_or_else(|_| Err(format!("{}: no answer within {}", self.source.shown(), Time(FETCH_TIME_MAX))));
        let parsed = fetched.and_then(|Document { content, cache }| {
            let parsed = KeySet::parse(&content, &self.algorithms, Readers::Everybody);
            let (keys, remarks) = parsed.map_err(|why| format!("{}: {why}", self.source.shown()))?;
            Ok((keys, remarks, content, cache))
        });
        match parsed {
            Ok((keys, remarks, content, cache)) => {
                let fetched = Fetched { content: Arc::new(content), at: Instant::now(), date: SystemTime::now() };
                self.succeeded(keys, remarks, cache, begun, &fetched);
                memory::remember(self.origin(&trusted), fetched);
            }
            Err(fault) => self.failed(&fault),
        }
        self.settle();
    }

    fn succeeded(
        &self,
        keys: KeySet,
        remarks: Vec<String>,
        cache: Option<Duration>,
        begun: Instant,
        fetched: &Fetched,
    ) {
        let wanted: Vec<String> = {
            let all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            all.iter().filter(|one| one.since <= begun).map(|one| one.key_id.clone()).collect()
        };
        let (place, count) = (self.source.option(), keys.len());
        let (changed, was_broken) = {
            let mut state = self.state();
            let was_broken = state.fault.is_some();
            let wanted = wanted.iter().map(String::as_str);
            (state.succeeded(keys, remarks.clone(), cache, wanted, fetched.at), was_broken)
        };
        if changed {
            self.remark(&remarks);
            self.host.info(format_args!("`{place}`: {count} keys from {}", self.source.shown()));
        }
        if was_broken {
            self.host.info(format_args!("`{place}`: is in order again"));
        }
        // Whoever sees the status finds what there was to say about it in the log.
        self.show(count, fetched.date);
    }

    fn failed(&self, fault: &str) {
        let now = Instant::now();
        self.metrics.failures.increment();
        let (is_new, age, left) = {
            let mut state = self.state();
            (state.failed(fault, now), state.age(now), state.left(now))
        };
        let place = self.source.option();
        let outlook = match age {
            Some(age) if left.is_zero() => {
                format!("the keys are {} old, which is too old, so that nobody is let in", shown(age))
            }
            Some(age) => format!("the keys fetched {} ago go on to hold for {} more", shown(age), shown(left)),
            None => "there are no keys yet, so that nobody is let in".to_owned(),
        };
        // That the keys have got too old is said once more.
        if is_new || left.is_zero() {
            self.host.error(format_args!("`{place}`: {fault}; {outlook}"));
        }
    }

    /// Decides about the tokens that have waited; those that came after the fetch had begun may wait for the next.
    fn settle(&self) {
        let all = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(decide) = self.decide.get() else { return };
        for waiting in all {
            match decide(&waiting.token) {
                Some(verdict) => answer(waiting, verdict),
                None if self.state().fault.is_some() => answer(waiting, Verdict::unavailable(MAY_BE_NEW)),
                None => self.wait_on(waiting),
            }
        }
    }

    /// As [`Self::wait`], with the time that is left.
    fn wait_on(&self, waiting: Waiting) {
        let begins = {
            let mut state = self.state();
            let now = Instant::now();
            state.schedule.ask(now);
            state.schedule.earliest(now)
        };
        if begins + FETCH_TIME_MIN > waiting.until {
            return answer(waiting, Verdict::unavailable(MAY_BE_NEW));
        }
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
    }
}
