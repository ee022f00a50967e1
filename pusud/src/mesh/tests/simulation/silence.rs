//! A link of which nothing comes is dead after 15 s: by a clock that no busy machine delays, to the look.

use super::checker::{Checker, Start};
use super::relay::{self, Relay};
use super::wire::{self, Host, World};
use crate::routing::{PeerState, PeerStatus};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::{Instant, sleep};

const SEEDS: u64 = 20;
/// What the protocol says.
const DEAD_AFTER: Duration = Duration::from_secs(15);
/// How often the relays are asked. What happens is seen so much later at the most.
const LOOK: Duration = Duration::from_millis(20);
/// How long bytes are under way, and a link takes to begin on a network without faults.
const UNDER_WAY_MAX: Duration = Duration::from_millis(30);
const LINKED_MAX: Duration = Duration::from_secs(1);

/// Two relays that are linked.
struct Pair {
    world: World,
    relays: [Relay; 2],
    random: StdRng,
}

impl Pair {
    async fn linked(seed: u64) -> Self {
        let (world, checker) = (wire::world(seed), Rc::new(RefCell::new(Checker::default())));
        let start = |host| relay::start(&world, Start { host, boot: 1 }, 2, seed, &checker);
        let relays = [start(0), start(1)];
        let mut pair = Self { world, relays, random: StdRng::seed_from_u64(seed) };
        let began = Instant::now();
        while !(pair.is_linked(0).await && pair.is_linked(1).await) {
            assert!(began.elapsed() < LINKED_MAX, "not linked");
            sleep(LOOK).await;
        }
        // Until heartbeats are all that was said for a while: of two connections one was given up.
        sleep(Duration::from_millis(pair.random.random_range(6_000..18_000))).await;
        pair
    }

    /// What a relay says of the other one.
    async fn other(&self, host: Host) -> PeerStatus {
        let mut peers = self.relays[host].status().await.peers.into_iter();
        peers.find(|peer| peer.name.as_ref() == Some(&relay::name(1 - host))).unwrap_or_default()
    }

    async fn is_linked(&self, host: Host) -> bool {
        self.other(host).await.state == PeerState::Linked
    }

    /// Waits until one of them, or the other, is not linked any more.
    async fn wait_for_the_end(&self, hosts: &[Host]) -> Host {
        loop {
            for &host in hosts {
                if !self.is_linked(host).await {
                    return host;
                }
            }
            sleep(LOOK).await;
        }
    }
}

fn simulate(test: impl AsyncFn(Pair)) {
    for seed in 0..SEEDS {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async { test(Pair::linked(seed).await).await });
    }
}

/// Nothing gets through either way: each finds out for itself.
#[test]
fn both_ways() {
    simulate(async |pair| {
        let cut = Instant::now();
        pair.world.borrow_mut().cut(0, 1);
        pair.world.borrow_mut().cut(1, 0);
        let mut left = vec![0, 1];
        while !left.is_empty() {
            let host = pair.wait_for_the_end(&left).await;
            left.retain(|other| *other != host);
            assert_dead_in_time(&pair, host, cut);
        }
    });
}

/// Nothing gets through one way: who hears nothing finds out, and the other is told.
#[test]
fn one_way() {
    simulate(async |mut pair| {
        let (from, to) = if pair.random.random() { (0, 1) } else { (1, 0) };
        let cut = Instant::now();
        pair.world.borrow_mut().cut(from, to);
        assert_eq!(pair.wait_for_the_end(&[to, from]).await, to, "who hears nothing is the first to know");
        assert_dead_in_time(&pair, to, cut);
        let ended = Instant::now();
        pair.wait_for_the_end(&[from]).await;
        assert!(ended.elapsed() <= UNDER_WAY_MAX + 2 * LOOK, "it was told only {:?} later", ended.elapsed());
    });
}

/// The link of `host` has just ended, for want of the other's bytes since some time before `cut`.
fn assert_dead_in_time(pair: &Pair, host: Host, cut: Instant) {
    let silence = pair.world.borrow().heard(1 - host, host).expect("they were linked").elapsed();
    assert!((DEAD_AFTER..=DEAD_AFTER + 2 * LOOK).contains(&silence), "it ended after {silence:?} of silence");
    assert!(cut.elapsed() <= DEAD_AFTER + 2 * LOOK, "it ended {:?} after the cut", cut.elapsed());
}

/// Heartbeats alone keep a link, and so they do while a relay has no room for what comes and reads nothing.
#[test]
fn heartbeats_keep_a_link() {
    simulate(async |pair| {
        let began = Instant::now();
        for has_room in [true, false, true] {
            pair.relays[0].give_room(has_room);
            sleep(Duration::from_secs(120)).await;
        }
        for host in [0, 1] {
            let linked_for = pair.other(host).await.linked_for;
            assert!(
                linked_for >= Some(began.elapsed()),
                "{host}: the link has ended; another one lasts {linked_for:?}"
            );
        }
    });
}
