//! Names whose addresses change while nothing is dialled, and a DNS server that fails or says nothing.

use super::checker::{Checker, Start};
use super::relay::{self, Relay};
use super::wire::{self, Answer, World};
use crate::config::PeerAddress;
use crate::routing::PeerState::{self, Down, Itself, Linked};
use crate::routing::PeerStatus;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::{Instant, sleep};

const NAME: &str = "all";
/// What the protocol says.
const AGAIN: Duration = Duration::from_secs(30);
/// How often the relay is asked.
const LOOK: Duration = Duration::from_millis(20);
/// How long an attempt and a handshake take at the most.
const LINKED_MAX: Duration = Duration::from_secs(6);

/// A relay that has the name alone in its list, and another one that only the name leads to.
struct Named {
    world: World,
    checker: Rc<RefCell<Checker>>,
    seed: u64,
    relay: Relay,
}

impl Named {
    fn start(seed: u64, answer: Answer) -> Self {
        let (world, checker) = (wire::world(seed), Rc::new(RefCell::new(Checker::default())));
        world.borrow_mut().lead(NAME, answer);
        let list = vec![PeerAddress { host: NAME.into(), port: 1 }];
        let relay = relay::start_with(&world, Start { host: 0, boot: 1 }, list, seed, &checker);
        Self { world, checker, seed, relay }
    }

    /// Starts the other relay, which knows only itself.
    fn other(&self, boot: u32) -> Relay {
        relay::start_with(&self.world, Start { host: 1, boot }, vec![wire::address(1)], self.seed, &self.checker)
    }

    async fn peers(&self) -> Vec<PeerStatus> {
        self.relay.status().await.peers
    }

    async fn states(&self) -> Vec<PeerState> {
        self.peers().await.into_iter().map(|peer| peer.state).collect()
    }

    /// Waits until the rows of the status have these states.
    async fn wait_for(&self, states: &[PeerState], at_most: Duration) {
        let began = Instant::now();
        while self.states().await != states {
            assert!(began.elapsed() < at_most, "seed {}: {:?}", self.seed, self.peers().await);
            sleep(LOOK).await;
        }
    }
}

fn simulate(answer: &Answer, test: impl AsyncFn(Named)) {
    for seed in 0..10 {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async { test(Named::start(seed, answer.clone())).await });
    }
}

#[test]
fn a_name_is_resolved_again_although_nothing_is_dialled() {
    simulate(&Answer::Hosts(vec![0]), async |named| {
        let other = named.other(1);
        named.wait_for(&[Itself], LINKED_MAX).await;
        // Only the relay itself is dialled, once a minute.
        sleep(Duration::from_secs(100)).await;
        named.world.borrow_mut().lead(NAME, Answer::Hosts(vec![0, 1]));
        named.wait_for(&[Itself, Linked], AGAIN + LINKED_MAX).await;
        // The link stays without its address, and the address goes with the link.
        named.world.borrow_mut().lead(NAME, Answer::Hosts(vec![0]));
        sleep(2 * AGAIN).await;
        assert_eq!(named.states().await, [Itself, Linked]);
        other.stop().await;
        named.wait_for(&[Itself], LINKED_MAX).await;
        assert!(named.world.borrow().lookups(NAME) >= 5);
    });
}

#[test]
fn a_failing_server_takes_no_address_away() {
    simulate(&Answer::Hosts(vec![1]), async |named| {
        let other = named.other(1);
        named.wait_for(&[Linked], LINKED_MAX).await;
        named.world.borrow_mut().lead(NAME, Answer::Failure);
        sleep(2 * AGAIN).await;
        assert_eq!(named.states().await, [Linked]);
        other.stop().await;
        named.wait_for(&[Down], LINKED_MAX).await;
        let _other = named.other(2);
        named.wait_for(&[Linked], LINKED_MAX).await;
        // While it fails it is asked as often as a relay that is down is dialled.
        assert!(named.world.borrow().lookups(NAME) < 100);
    });
}

#[test]
fn a_silent_server_is_asked_one_question() {
    simulate(&Answer::Silence, async |named| {
        let _other = named.other(1);
        sleep(4 * AGAIN).await;
        let peers = named.peers().await;
        assert_eq!((peers.len(), peers[0].state, &peers[0].resolved), (1, Down, &None));
        assert_eq!(peers[0].last_error.as_deref(), Some("resolving the name takes too long"));
        assert_eq!(named.world.borrow().lookups(NAME), 1);
        named.world.borrow_mut().lead(NAME, Answer::Hosts(vec![1]));
        named.wait_for(&[Linked], LINKED_MAX).await;
    });
}
