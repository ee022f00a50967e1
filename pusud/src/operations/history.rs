//! The last minute of a relay: what has grown since then, and which of its threads has not answered for long.

use crate::control::{Recent, Status};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The time between two statuses that are kept.
const KEEP_INTERVAL: Duration = Duration::from_secs(10);
/// The time that is looked back on.
const SPAN: Duration = Duration::from_secs(60);
/// After which a thread that does not answer is taken for dead.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// What is remembered.
#[derive(Default)]
pub(super) struct History(Mutex<Past>);

#[derive(Default)]
struct Past {
    /// The oldest first.
    statuses: VecDeque<(Instant, Arc<Status>)>,
    shards_silent_since: BTreeMap<usize, Instant>,
    network_silent_since: Option<Instant>,
}

impl History {
    /// Takes in a status of now.
    pub(super) fn note(&self, status: &Arc<Status>) {
        let (past, now) = (&mut *self.past(), Instant::now());
        past.shards_silent_since.retain(|shard, _| status.hanging_shards.contains(shard));
        for &shard in &status.hanging_shards {
            past.shards_silent_since.entry(shard).or_insert(now);
        }
        past.network_silent_since = status.network_hangs.then(|| past.network_silent_since.unwrap_or(now));
        if past.statuses.back().is_none_or(|(at, _)| now - *at >= KEEP_INTERVAL) {
            past.statuses.push_back((now, status.clone()));
        }
        while past.statuses.front().is_some_and(|(at, _)| now - *at > SPAN) {
            past.statuses.pop_front();
        }
    }

    /// What has grown in the last minute, up to this status of now.
    pub(super) fn recent(&self, status: &Status) -> Recent {
        let before = self.past().statuses.front().cloned();
        match before {
            Some((at, before)) => Recent::between(&before, status, at.elapsed().as_secs_f64()),
            None => Recent::between(status, status, 0.0),
        }
    }

    /// The shards that have not answered for 30 s, and whether the network has not.
    pub(super) fn dead(&self) -> (Vec<usize>, bool) {
        let (past, now) = (self.past(), Instant::now());
        let is_dead = |since: Instant| now - since >= DEAD_AFTER;
        let shards = past.shards_silent_since.iter().filter(|(_, since)| is_dead(**since));
        (shards.map(|(shard, _)| *shard).collect(), past.network_silent_since.is_some_and(is_dead))
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_thread_is_dead_when_it_has_not_answered_for_long_without_a_break() {
        let history = History::default();
        let hanging = |shards: &[usize], network_hangs| {
            history.note(&Arc::new(Status { hanging_shards: shards.to_vec(), network_hangs, ..Status::default() }));
        };
        hanging(&[1, 2], true);
        advance(Duration::from_secs(29)).await;
        hanging(&[2], true);
        assert_eq!(history.dead(), (vec![], false));
        advance(Duration::from_secs(1)).await;
        hanging(&[1, 2], true);
        assert_eq!(history.dead(), (vec![2], true));
        hanging(&[], false);
        assert_eq!(history.dead(), (vec![], false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_is_looked_back_on_and_no_more() {
        let history = History::default();
        for _ in 0..100 {
            history.note(&Arc::new(Status::default()));
            advance(Duration::from_secs(1)).await;
        }
        let recent = history.recent(&Status::default());
        assert!((50.0..=61.0).contains(&recent.seconds), "{}", recent.seconds);
        assert!(history.past().statuses.len() <= 7);
    }
}
