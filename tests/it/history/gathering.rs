//! A gathering: visitors that come and go while sources publish and something is done to the relays, and their accounts.

use super::account::Account;
use super::connection::wait_for;
use super::published::Published;
use super::sources::Source;
use super::visitors::{Places, Shared, Visitor};
use crate::harness::{DEADLINE, Network, Setup};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// Relays of a network with visitors.
pub(super) const RELAYS: usize = 3;
/// Visitors that come to any of them.
pub(super) const VISITORS: usize = 100;
/// A ring that reaches as far back as any test lasts.
pub(super) const LARGE_RING: usize = 100_000;

/// The set-up of each relay: channels keep so many messages.
pub(super) fn keeping(size: usize, setup: Setup) -> Setup {
    setup.shards(2).history(size, "10min").settings("limits: {drain_grace: 500ms, drain_spread: 1s}")
}

/// Who is there while something is done.
pub(super) struct Gathering {
    pub(super) places: Places,
    pub(super) published: Arc<Published>,
    /// Each with the relay that it is at.
    pub(super) sources: Vec<(usize, Source)>,
    shared: Shared,
}

impl Gathering {
    /// Waits until visitors have begun to listen so many times more.
    pub(super) fn wait_for_visits(&self, count: usize) {
        let visits = || self.shared.visits.load(Ordering::SeqCst);
        let before = visits();
        wait_for("visits", || visits() >= before + count);
    }

    /// Waits until so many messages more have been sent to a relay.
    pub(super) fn wait_for_messages(&self, at: usize, count: usize) {
        let before = self.published.sent_at(at);
        wait_for("messages", || self.published.sent_at(at) >= before + count);
    }
}

/// Has visitors come and go while something is done to the relays, and gives their accounts. There is a source at each of
/// `sources`. Of one whose connection breaks everything has to arrive that any of `survivors` has got.
pub(super) fn visited(
    network: &mut Network,
    sources: &[usize],
    survivors: &[usize],
    deed: impl FnOnce(&mut Network, &Gathering),
) -> Vec<Account> {
    let places = Places::of(network);
    let shared = Shared { places: places.clone(), published: Arc::default(), visits: Arc::default() };
    let visitors: Vec<_> = (0..VISITORS).map(|seed| Visitor::anywhere(&shared, seed as u64)).collect();
    let witnesses: Vec<_> = survivors.iter().map(|&at| Visitor::at(&shared, at)).collect();
    visitors.iter().chain(&witnesses).for_each(Visitor::wait);
    let published = shared.published.clone();
    let sources = sources.iter().map(|&at| (at, Source::begin(&places, at, &published))).collect();
    let gathering = Gathering { places, published: published.clone(), sources, shared };
    // So that each of them has come back.
    gathering.wait_for_visits(VISITORS);
    deed(network, &gathering);
    for (at, source) in gathering.sources {
        source.end();
        assert!(published.sent_at(at) > 0, "the source at {at} has said nothing");
    }
    settle(&published, &witnesses);
    visitors.iter().chain(&witnesses).for_each(Visitor::end);
    let accounts: Vec<_> = visitors.into_iter().chain(witnesses).map(Visitor::account).collect();
    // Whoever comes back has recovered, or is told.
    let returns: usize = accounts.iter().map(|account| account.recovered + account.told).sum();
    assert!(returns > VISITORS, "nobody has come back");
    accounts
}

/// Finds out how much has to arrive of sources whose connections broke: what survivors have got, all of them the same.
fn settle(published: &Published, witnesses: &[Visitor]) {
    let (broken, began) = (published.unsettled(), Instant::now());
    assert!(broken.is_empty() || !witnesses.is_empty(), "nothing was to happen to the sources {broken:?}");
    while !broken.is_empty() {
        let heard: Vec<_> = witnesses.iter().map(|witness| witness.heard().lock().unwrap().clone()).collect();
        let heard_of = |name| heard[0].get(&name).copied().unwrap_or_default();
        let has_all = published.due().into_iter().all(|(name, count)| heard_of(name) == count);
        if has_all && heard.iter().all(|other| *other == heard[0]) {
            return broken.iter().for_each(|&name| published.settle(name, heard_of(name)));
        }
        assert!(began.elapsed() < DEADLINE, "survivors have not the same: {heard:?}, {:?}", published.due());
        thread::sleep(Duration::from_millis(20));
    }
}

/// How often they were told that something is lost.
pub(super) fn told(accounts: &[Account]) -> usize {
    accounts.iter().map(|account| account.told).sum()
}
