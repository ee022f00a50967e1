//! One start of a relay: logs, healing, shards, and what waits between them.

use super::class::{Class, Kept, Without};
use super::judge::Judge;
use super::shard::{Item, Shard};
use crate::frames;
use crate::history::{Appended, Healing, Logs, Now, Origin, Out, Rule, Settings, Times};
use std::sync::Arc;
use std::time::Duration;

const MINUTE_MS: i64 = 100;

/// One start of a relay.
pub(super) struct Relay {
    /// Its number among all starts.
    pub(super) start: usize,
    pub(super) origin: Origin,
    pub(super) started_ms: i64,
    skew_ms: i64,
    pub(super) logs: Arc<Logs>,
    pub(super) healing: Healing,
    pub(super) inboxes: Inboxes,
    /// It has begun to stop at this event.
    pub(super) draining: Option<u64>,
    /// Its links were up and nothing was missing since then.
    pub(super) is_clean: bool,
    /// When it will be looked at next.
    pub(super) tick_ms: i64,
}

/// What is handed over inside a relay.
pub(super) struct Inboxes {
    start: usize,
    judge: Judge,
    pub(super) shards: Vec<Shard>,
    /// Runs of its own publications, on their way to the network.
    pub(super) outgoing: Vec<(Appended, Vec<String>)>,
    pub(super) is_sending: bool,
    pub(super) sent: Vec<(Origin, Vec<u8>)>,
    /// What comes into the shards' inboxes late, and to which.
    pub(super) late: Vec<(usize, Item)>,
    pub(super) pushes_late: bool,
    pub(super) event: u64,
    pub(super) ms: i64,
    /// Nothing gets into its links before this time.
    pub(super) full_until_ms: i64,
}

impl Relay {
    pub(super) fn new(
        place: usize,
        class: Class,
        without: Without,
        ms: i64,
        kept: Option<Kept>,
        judge: &Judge,
        rng: &mut fastrand::Rng,
    ) -> Self {
        let mut boot = [0; 16];
        boot[8..].copy_from_slice(&rng.u64(..).to_be_bytes());
        let origin = Origin::of_boot(&boot);
        let start = judge.begins(origin);
        let Kept { size, ttl_ms, bytes_max, retention_ms } = kept.unwrap_or_else(|| class.kept(rng));
        let rule =
            Rule { channels: vec!["*".into()], size, ttl: Duration::from_millis(ttl_ms.cast_unsigned()), name: None };
        let settings = Settings { rules: vec![rule], bytes_max };
        let times = Times { retention_ms, minute_ms: MINUTE_MS };
        let shards = rng.usize(1..=3);
        let left_out = match without {
            Without::Safeguard(safeguard) => Some(safeguard),
            _ => None,
        };
        let logs = Arc::new(Logs::with_times(settings, origin, shards, times).without(left_out));
        let skew_ms = rng.i64(-1000..=1000);
        let now = now(ms, ms, skew_ms);
        let healing = Healing::new(logs.clone(), class.way(), &format!("relay-{place}"), now);
        let inboxes = Inboxes {
            start,
            judge: judge.clone(),
            shards: (0..shards).map(|_| Shard::default()).collect(),
            outgoing: Vec::new(),
            is_sending: false,
            sent: Vec::new(),
            late: Vec::new(),
            pushes_late: without == Without::PushUnderLock,
            event: 0,
            ms,
            full_until_ms: 0,
        };
        Self {
            start,
            origin,
            started_ms: ms,
            skew_ms,
            logs,
            healing,
            inboxes,
            draining: None,
            is_clean: true,
            tick_ms: i64::MAX,
        }
    }

    pub(super) fn now(&self, ms: i64) -> Now {
        now(ms, self.started_ms, self.skew_ms)
    }

    pub(super) fn takes_clients(&self) -> bool {
        self.healing.is_ready() && self.draining.is_none()
    }

    pub(super) fn tick(&mut self, ms: i64) {
        let now = self.now(ms);
        self.healing.tick(now, &mut self.inboxes);
    }
}

/// All clocks of relays run, each by its own count, and their walls are up to a second apart.
fn now(ms: i64, started_ms: i64, skew_ms: i64) -> Now {
    let minute = u32::try_from((1_000_000 + ms + skew_ms) / MINUTE_MS).expect("runs are short");
    Now { ms: ms - started_ms, minute }
}

impl Inboxes {
    /// What a log has handed over, of whomever.
    pub(super) fn hand_over(&mut self, frames: &[u8], appended: &Appended, shards: u64) {
        let item = Item { frames: frames.into(), appended: appended.clone(), event: self.event, is_delivered: false };
        if appended.count > 0 {
            for content in frames::contents(appended.log.name(), frames) {
                let id = std::str::from_utf8(content).expect("contents are numbers").parse();
                self.judge.appended(id.expect("contents are numbers"), self.start, self.event);
            }
        }
        for shard in (0..self.shards.len()).filter(|shard| shards & 1 << shard != 0) {
            if self.pushes_late {
                self.late.push((shard, item.clone()));
            } else {
                self.shards[shard].inbox.push_back(item.clone());
            }
        }
    }
}

impl Out for Inboxes {
    fn send(&mut self, peer: Origin, message: &[u8]) {
        self.sent.push((peer, message.into()));
    }

    fn room(&self, _peer: Origin) -> usize {
        if self.ms < self.full_until_ms { 0 } else { 1 << 20 }
    }

    fn deliver(&mut self, frames: &[u8], appended: Appended, shards: u64) {
        self.hand_over(frames, &appended, shards);
    }

    fn deliver_plain(&mut self, channel: &str, _content: &str) {
        self.judge.fail(format!("{channel} has history"));
    }
}
