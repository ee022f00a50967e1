//! The story of one simulation: random work and random faults, then healing, then everything is looked at.

use super::checker::{Checker, Start};
use super::relay::{self, Relay};
use super::wire::{self, Host, World};
use crate::routing::{PeerState, PeerStatus};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::{Instant, sleep};

const RELAYS: usize = 3;
const STEPS: usize = 60;
const CHANNELS: [&str; 4] = ["a", "b", "news.sports", "d\"\\"];
/// From healing to right interest.
const HEALED_MAX: Duration = Duration::from_secs(5);

/// Tells the story of this seed.
pub(super) fn tell(seed: u64) {
    let runtime =
        Builder::new_current_thread().enable_time().start_paused(true).build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async {
        let mut story = Story::begin(seed);
        for _ in 0..STEPS {
            story.step().await;
        }
        story.heal();
        story.interest_is_right().await;
        story.subscriptions_settle().await;
        story.nothing_is_lost().await;
        story.everything_is_accounted_for().await;
    });
}

struct Story {
    seed: u64,
    random: StdRng,
    world: World,
    checker: Rc<RefCell<Checker>>,
    relays: Vec<Option<Relay>>,
    boots: [u32; RELAYS],
}

impl Story {
    fn begin(seed: u64) -> Self {
        let checker = Rc::new(RefCell::new(Checker::default()));
        let world = wire::world(seed.wrapping_mul(3));
        let mut story =
            Self { seed, random: StdRng::seed_from_u64(seed), world, checker, relays: Vec::new(), boots: [0; RELAYS] };
        for host in 0..RELAYS {
            let relay = story.start(host);
            story.relays.push(Some(relay));
        }
        story
    }

    fn start(&mut self, host: Host) -> Relay {
        self.boots[host] += 1;
        let start = Start { host, boot: self.boots[host] };
        self.world.borrow_mut().power(host);
        relay::start(&self.world, start, RELAYS, self.seed, &self.checker)
    }

    fn any(&mut self) -> Host {
        self.random.random_range(0..RELAYS)
    }

    async fn step(&mut self) {
        let (host, other) = (self.any(), self.any());
        let channel = CHANNELS[self.random.random_range(0..CHANNELS.len())];
        match self.random.random_range(0..108) {
            100..105 => self.relays[host].iter().for_each(|relay| relay.hold(channel)),
            105.. => self.relays[host].iter().for_each(Relay::let_go),
            0..25 => self.toggle(host, channel),
            25..75 => {
                let (count, padding) = (self.random.random_range(1..20), self.random.random_range(0..30_000));
                self.publish(host, channel, count, padding);
            }
            75..79 => self.world.borrow_mut().cut(host, other),
            79..82 => {
                self.world.borrow_mut().cut(host, other);
                self.world.borrow_mut().cut(other, host);
            }
            82..87 => self.world.borrow_mut().heal(),
            87..89 => self.world.borrow_mut().reset(host, other),
            89..92 => self.down(host).await,
            92..96 => self.up(host),
            _ => {
                let has_room = self.random.random_range(0..3) > 0;
                self.relays[host].iter().for_each(|relay| relay.give_room(has_room));
            }
        }
        let pause = match self.random.random_range(0..10) {
            0..5 => 0..50,
            5..8 => 0..1500,
            8 => 1000..6000,
            _ => 5000..20_000,
        };
        sleep(Duration::from_millis(self.random.random_range(pause))).await;
    }

    fn toggle(&mut self, host: Host, channel: &str) {
        let Some(relay) = &mut self.relays[host] else { return };
        if relay.home.borrow().listeners.contains(channel) {
            relay.unsubscribe(channel);
        } else {
            relay.subscribe(channel);
        }
    }

    fn publish(&mut self, host: Host, channel: &str, count: usize, padding: usize) {
        let Some(relay) = &self.relays[host] else { return };
        let start = relay.home.borrow().start;
        for _ in 0..count {
            let content = self.checker.borrow_mut().content(start, channel, padding);
            relay.publish(channel, &content);
        }
    }

    async fn down(&mut self, host: Host) {
        let Some(relay) = self.relays[host].take() else { return };
        match self.random.random_range(0..3) {
            0 => {
                self.world.borrow_mut().silence(host);
                relay.kill().await;
            }
            1 => relay.kill().await,
            _ => relay.stop().await,
        }
    }

    fn up(&mut self, host: Host) {
        if self.relays[host].is_none() {
            let relay = self.start(host);
            self.relays[host] = Some(relay);
        }
    }

    fn heal(&mut self) {
        self.world.borrow_mut().heal();
        for host in 0..RELAYS {
            self.up(host);
        }
        for relay in self.relays() {
            relay.give_room(true);
            relay.let_go();
        }
    }

    fn relays(&self) -> impl Iterator<Item = &Relay> {
        self.relays.iter().flatten()
    }

    /// Whether everybody wants what the others listen to, and nothing else.
    fn is_interest_right(&self) -> bool {
        self.relays().enumerate().all(|(own, relay)| {
            let others = self.relays().enumerate().filter(|(other, _)| *other != own);
            let listened: BTreeSet<_> = others.flat_map(|(_, other)| other.home.borrow().listeners.clone()).collect();
            relay.home.borrow().wanted == listened
        })
    }

    async fn is_fully_linked(&self) -> bool {
        for relay in self.relays() {
            let peers = relay.status().await.peers;
            if peers.iter().filter(|peer| peer.state == PeerState::Linked && !peer.lagging).count() != RELAYS - 1 {
                return false;
            }
        }
        true
    }

    async fn interest_is_right(&self) {
        let healed = Instant::now();
        while !(self.is_interest_right() && self.is_fully_linked().await) {
            assert!(healed.elapsed() < HEALED_MAX, "interest is not right after {:?}", healed.elapsed());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The instant a subscription is settled, every other relay wants the channel.
    async fn subscriptions_settle(&mut self) {
        for round in 0..6 {
            let host = self.any();
            let channel = format!("settled-{round}");
            let ticket = self.relays[host].as_mut().expect("all are up").subscribe(&channel);
            let relay = self.relays[host].as_ref().expect("all are up");
            while !relay.is_settled(ticket) {
                sleep(Duration::from_millis(1)).await;
            }
            for (other, relay) in self.relays().enumerate().filter(|(other, _)| *other != host) {
                assert!(relay.home.borrow().wanted.contains(channel.as_str()), "{other} does not know of {channel}");
            }
        }
    }

    /// Without faults everything arrives.
    async fn nothing_is_lost(&mut self) {
        for host in 0..RELAYS {
            for channel in CHANNELS {
                self.publish(host, channel, 5, 100);
            }
        }
        sleep(Duration::from_secs(1)).await;
        let checker = self.checker.borrow();
        for (from, source) in self.relays().enumerate() {
            for (_, relay) in self.relays().enumerate().filter(|(to, _)| *to != from) {
                let (from, to) = (source.home.borrow().start, relay.home.borrow().start);
                for channel in CHANNELS.iter().filter(|channel| relay.home.borrow().listeners.contains(**channel)) {
                    let last = checker.last_published(from, channel);
                    assert_eq!(checker.last_arrived(from, to, channel), last, "{from:?} to {to:?} on {channel}");
                }
            }
        }
    }

    /// What was sent has arrived, or it was counted.
    async fn everything_is_accounted_for(&self) {
        let mut statuses = Vec::new();
        for relay in self.relays() {
            assert!(relay.home.borrow().asked.is_empty(), "every question was answered");
            statuses.push(relay.status().await);
        }
        let about = |at: Host, peer: Host| -> PeerStatus {
            let mut peers = statuses[at].peers.iter();
            peers.find(|status| status.name == Some(relay::name(peer))).expect("it is linked").clone()
        };
        for (from, source) in self.relays().enumerate() {
            for to in (0..RELAYS).filter(|to| *to != from) {
                let (out, back) = (about(from, to).traffic, about(to, from).traffic);
                let start = source.home.borrow().start;
                let arrived = self.checker.borrow().arrived_at(start, to);
                let pair = format!("{start:?} to {to}: {out:?}, {back:?}");
                assert_eq!((back.duplicates, back.gaps, back.resyncs), (0, 0, 0), "{pair}");
                if self.boots[to] == 1 {
                    assert_eq!(out.sent, arrived + out.lost, "{pair}: {arrived} arrived");
                } else {
                    // Of what a relay that was killed had not acknowledged, some may have arrived.
                    assert!(out.sent <= arrived + out.lost && arrived <= out.sent, "{pair}: {arrived} arrived");
                }
                if self.boots[from] == 1 && self.boots[to] == 1 {
                    assert_eq!((back.received, back.missed), (arrived, out.lost), "{pair}");
                }
            }
        }
    }
}
