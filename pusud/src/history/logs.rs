//! All logs of a relay.

use super::boots::Boots;
use super::clock::{Clock, Now, Times};
use super::counts::Counts;
use super::log::Log;
use super::origin::Origin;
use super::position::Minute;
use super::safeguard::Safeguard;
use super::settings::Settings;
use super::shared::Shared;
use super::table::Table;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// At how many logs those who look after them look while nobody else can make or find one.
const LOOKS: usize = 64;

/// The logs of a relay.
pub struct Logs {
    settings: Settings,
    clock: Clock,
    shared: Arc<Shared>,
    table: RwLock<Table>,
}

impl Logs {
    /// No logs yet, of the start of a relay that is called `own` and has so many shards.
    pub fn new(settings: Settings, own: Origin, shards: usize) -> Self {
        let longest = settings.rules.iter().map(|rule| rule.ttl).max().unwrap_or(Duration::ZERO);
        Self::with_times(settings, own, shards, Times::of_ttl(longest))
    }

    /// As [`Self::new`], with other times.
    pub(super) fn with_times(settings: Settings, own: Origin, shards: usize, times: Times) -> Self {
        let shared = Shared::new(own, shards, settings.bytes_max, times);
        Self { settings, clock: Clock::start(), shared: Arc::new(shared), table: RwLock::default() }
    }

    /// The same without a rule.
    #[cfg(test)]
    pub(super) fn without(mut self, safeguard: Option<Safeguard>) -> Self {
        Arc::get_mut(&mut self.shared).expect("it has no logs yet").leave_out(safeguard);
        self
    }

    pub(super) fn holds(&self, safeguard: Safeguard) -> bool {
        self.shared.holds(safeguard)
    }

    /// Those of a relay without a network.
    pub fn of_one_relay(settings: Settings, own: Origin, shards: usize) -> Self {
        let mut logs = Self::new(settings, own, shards);
        Arc::get_mut(&mut logs.shared).expect("there are no logs yet").is_alone = true;
        logs
    }

    /// What the operator wants.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Now, as logs are told it.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// This start of this relay.
    pub fn own(&self) -> Origin {
        self.shared.own
    }

    /// The starts of relays that are known.
    pub fn boots(&self) -> &Boots {
        &self.shared.boots
    }

    /// What has happened.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Times that all relays have in common.
    pub fn times(&self) -> Times {
        self.shared.times
    }

    /// What all logs take, in bytes.
    pub fn bytes(&self) -> usize {
        self.shared.bytes()
    }

    /// How many logs there are.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The log of a channel, which is made if the channel has history; `None`: it has none.
    pub fn log(&self, channel: &str, now: Now) -> Option<Arc<Log>> {
        if let Some(log) = self.find(channel) {
            return Some(log);
        }
        let place = self.settings.place_of(channel)?;
        let rule = &self.settings.rules[place];
        let make = || Log::new(channel, place, rule, self.shared.clone(), now);
        Some(self.write().get_or_make(channel, &self.shared, now, make))
    }

    /// The log of a channel for somebody who only reads it: if there is none, one that nobody else has. `None`: it has no history.
    pub fn log_to_read(&self, channel: &str, now: Now) -> Option<Arc<Log>> {
        self.find(channel).or_else(|| {
            let place = self.settings.place_of(channel)?;
            Some(Arc::new(Log::new(channel, place, &self.settings.rules[place], self.shared.clone(), now)))
        })
    }

    /// The last listener of a shard has gone. A log in which nothing was ever published goes with it.
    pub fn leave(&self, channel: &str, shard: usize, now: Now) {
        if let Some(log) = self.find(channel)
            && log.leave(shard, now)
        {
            self.write().drop_if_blank(&log, now);
        }
    }

    /// The log of a channel, if it is there.
    pub fn find(&self, channel: &str) -> Option<Arc<Log>> {
        self.read().get(channel).cloned()
    }

    /// All logs.
    pub fn all(&self) -> Vec<Arc<Log>> {
        self.read().all().cloned().collect()
    }

    /// The first number of the relay's own in a new log.
    pub(super) fn base(&self) -> u64 {
        self.shared.base()
    }

    /// How long ago that of the forgotten logs was used that was used last, in milliseconds, if any was forgotten.
    pub(super) fn forgotten_ago_ms(&self, now: Now) -> Option<u64> {
        let minutes = now.minute.saturating_sub(self.shared.horizon()?);
        Some(u64::from(minutes) * self.times().minute_ms.unsigned_abs())
    }

    /// The minute in which something was so long ago.
    pub(super) fn minute(&self, ago_ms: u64, now: Now) -> Minute {
        let minutes = ago_ms / self.times().minute_ms.unsigned_abs();
        now.minute.saturating_sub(Minute::try_from(minutes).unwrap_or(Minute::MAX))
    }

    /// Another relay has forgotten a log in this minute. Logs that are made from here on know it.
    pub(super) fn forgotten_elsewhere(&self, minute: Minute) {
        self.shared.forgotten_elsewhere(minute);
    }

    /// Whether numbers that have changed since then went with logs that were forgotten.
    pub(super) fn has_forgotten_changes_since(&self, ms: i64) -> bool {
        self.shared.has_forgotten_changes_since(ms)
    }

    /// Looks after the logs, about once a second: what is too old goes; of what is too much the oldest of the largest; logs that
    /// nobody has used for long and whose channel `is_wanted` by nobody are forgotten.
    pub fn look_after(&self, now: Now, is_wanted: impl Fn(&str) -> bool) {
        self.shared.boots.forget(now);
        let logs = self.all();
        for log in &logs {
            log.shrink(usize::MAX, now);
        }
        self.forget_unused(&logs, now.ms - self.shared.times.retention_ms, now, &is_wanted);
        if self.shared.is_tight() {
            self.make_room(&logs, now, &is_wanted);
        }
    }

    /// Frees a quarter: takes from the largest until all of those are as large as each other, but leaves each its youngest
    /// message. If that is not enough, the longest unused logs go.
    fn make_room(&self, logs: &[Arc<Log>], now: Now, is_wanted: &impl Fn(&str) -> bool) {
        let wanted = self.shared.bytes_max / 4 * 3;
        // Empty ones go first: they hold nothing.
        self.forget_unused(logs, now.ms - 1000, now, is_wanted);
        // Shards append meanwhile: each size is read once.
        let mut sizes: Vec<_> = logs.iter().map(|log| (log.bytes(), log)).collect();
        sizes.sort_unstable_by_key(|&(bytes, _)| std::cmp::Reverse(bytes));
        let level = level(sizes.iter().map(|&(bytes, _)| bytes), self.bytes().saturating_sub(wanted));
        for (_, log) in sizes.into_iter().take_while(|&(bytes, _)| bytes > level) {
            log.shrink(level, now);
        }
        // A log may have to be looked at twice, and others wait for the table.
        for _ in 0..(2 * logs.len()).div_ceil(LOOKS) {
            self.write().displace(LOOKS, &self.shared, now, |shared| shared.bytes() > wanted);
        }
    }

    /// Forgets those of these logs that hold nothing, were not used since `before_ms`, and are wanted by nobody.
    pub(super) fn forget_unused(&self, logs: &[Arc<Log>], before_ms: i64, now: Now, is_wanted: &impl Fn(&str) -> bool) {
        let mut are_dropped = false;
        for log in logs {
            // The table is held, so that nobody finds a log that has ended, and not for long: others wait for it.
            let mut table = self.write();
            are_dropped |= !is_wanted(log.name()) && table.drop_if_unused(log, before_ms, now);
        }
        if are_dropped {
            self.write().tidy();
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().expect("nothing panics while it holds the table")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().expect("nothing panics while it holds the table")
    }
}

/// The size to which all larger ones have to come down so that so much is freed; `sizes` begins with the largest.
fn level(sizes: impl ExactSizeIterator<Item = usize>, freed: usize) -> usize {
    if freed == 0 {
        return usize::MAX;
    }
    let (mut sum, all) = (0, sizes.len());
    for (count, size) in sizes.enumerate() {
        // The first `count` ones at the size of this one would free so much.
        if count > 0 && sum - count * size >= freed {
            return (sum - freed) / count;
        }
        sum += size;
    }
    sum.saturating_sub(freed) / all.max(1)
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn the_largest_come_down_until_so_much_is_free() {
        let level = |sizes: &[usize], freed| level(sizes.iter().copied(), freed);
        assert_eq!(level(&[500, 300, 100], 0), usize::MAX, "nothing has to be freed");
        assert_eq!(level(&[500, 300, 100], 150), 350);
        assert_eq!(level(&[500, 300, 100], 200), 300);
        assert_eq!(level(&[500, 300, 100], 300), 250);
        assert_eq!(level(&[500, 300, 100], 600), 100);
        assert_eq!(level(&[500, 300, 100], 750), 50);
        assert_eq!(level(&[500, 300, 100], 2000), 0);
        assert_eq!(level(&[], 1), 0);
    }
}
