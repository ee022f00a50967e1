//! The story of one simulation: random work and random faults, then healing, then everything is looked at.

mod accounts;

use super::checker::{Checker, Host, Start};
use super::cluster::{self, SERVERS, World};
use super::relay::{self, Relay};
use crate::revocation::Whom;
use crate::routing::PeerState;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

const RELAYS: usize = 3;
const STEPS: usize = 28;
/// Everybody listens to these all the time.
const ALWAYS: [&str; 2] = ["a", "news.sports"];
/// Clients of one relay come and go on these.
const SOMETIMES: [&str; 2] = ["b", "d\"\\ *>"];
const CHANGING: Host = 2;
/// From healing until all relays are linked: the longest pause before a server is dialled again, and joining.
const HEALED_MAX: Duration = Duration::from_millis(6500);
/// What is lost at the end is known after this, though nothing follows.
const TOLD_MAX: Duration = Duration::from_secs(3);

/// Tells the story of this seed.
pub(super) fn tell(seed: u64) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let mut story = Story::begin(seed);
        story.all_are_linked().await;
        // From here on everything is counted.
        sleep(Duration::from_secs(1)).await;
        story.subscriptions_settle().await;
        for _ in 0..STEPS {
            story.step().await;
        }
        story.heal();
        story.all_are_linked().await;
        sleep(TOLD_MAX).await;
        story.everything_is_accounted_for().await;
        story.subscriptions_settle().await;
        story.nothing_is_lost().await;
        story.everything_is_accounted_for().await;
        story.revocations_are_known();
    });
}

struct Story {
    seed: u64,
    random: StdRng,
    world: World,
    checker: Rc<RefCell<Checker>>,
    relays: Vec<Option<Relay>>,
    boots: [u32; RELAYS],
    subscribed: u32,
}

impl Story {
    fn begin(seed: u64) -> Self {
        let checker = Rc::new(RefCell::new(Checker::default()));
        let world = cluster::world(seed.wrapping_mul(3));
        let random = StdRng::seed_from_u64(seed);
        let mut story = Self { seed, random, world, checker, relays: Vec::new(), boots: [0; RELAYS], subscribed: 0 };
        for host in 0..RELAYS {
            let relay = story.start(host);
            story.relays.push(Some(relay));
        }
        story
    }

    fn start(&mut self, host: Host) -> Relay {
        self.boots[host] += 1;
        let start = Start { host, boot: self.boots[host] };
        let always: BTreeSet<Box<str>> = ALWAYS.iter().map(|channel| (*channel).into()).collect();
        // Clients come before the network has started, or then.
        let (early, late) = if self.random.random() { (always, BTreeSet::new()) } else { (BTreeSet::new(), always) };
        let mut relay = relay::start(&self.world, start, early, self.seed, &self.checker);
        for channel in late {
            relay.subscribe(&channel);
        }
        relay
    }

    async fn step(&mut self) {
        let host = self.random.random_range(0..RELAYS);
        let server = self.random.random_range(0..SERVERS);
        match self.random.random_range(0..110) {
            0..12 => self.toggle(),
            12..16 => self.ask(host),
            16..62 => self.publish_some(host),
            62..68 => self.revoke(host),
            68..72 => self.world.borrow_mut().cut_route(server),
            72..75 => self.world.borrow_mut().heal_routes(),
            75..79 => self.world.borrow_mut().kill(server),
            79..83 => (0..SERVERS).for_each(|server| self.world.borrow_mut().start(server)),
            83..86 => self.world.borrow_mut().pause(server),
            86..89 => self.world.borrow_mut().resume(),
            89..91 => self.world.borrow_mut().end_as_planned(server),
            91..93 => self.world.borrow_mut().cut(host, server),
            93..95 => self.world.borrow_mut().heal_ways(),
            95..98 => self.down(host).await,
            98..102 => self.up(host),
            102..104 => self.relays[host].iter().for_each(Relay::pause),
            104..106 => self.relays().for_each(Relay::resume),
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

    fn toggle(&mut self) {
        let channel = SOMETIMES[self.random.random_range(0..SOMETIMES.len())];
        let Some(relay) = &mut self.relays[CHANGING] else { return };
        if relay.home.borrow().listeners.contains(channel) {
            relay.unsubscribe(channel);
        } else {
            relay.subscribe(channel);
        }
    }

    /// Somebody subscribes to what nobody publishes to, or to what is subscribed already.
    fn ask(&mut self, host: Host) {
        self.subscribed += 1;
        let quiet = format!("quiet-{}", self.subscribed);
        let channel = if self.random.random() { ALWAYS[0] } else { &quiet };
        if let Some(relay) = &mut self.relays[host] {
            relay.subscribe(channel);
        }
    }

    fn publish_some(&mut self, host: Host) {
        let all = [ALWAYS, SOMETIMES].concat();
        let channel = all[self.random.random_range(0..all.len())];
        let padding = if self.random.random_range(0..10) == 0 { 20_000 } else { self.random.random_range(0..2000) };
        let runs = self.random.random_range(1..5);
        for _ in 0..runs {
            let count = self.random.random_range(1..5);
            self.publish(host, channel, count, padding);
        }
    }

    fn publish(&self, host: Host, channel: &str, count: usize, padding: usize) {
        let Some(relay) = &self.relays[host] else { return };
        let mut checker = self.checker.borrow_mut();
        let contents: Vec<String> = (0..count).map(|_| checker.content(relay.start(), channel, padding)).collect();
        relay.publish(channel, &contents);
    }

    fn revoke(&mut self, host: Host) {
        let whom = Whom::Subject(format!("subject-{}", self.random.random_range(0..20)));
        let Some(relay) = &self.relays[host] else { return };
        if self.random.random() {
            relay.revocations.revoke(whom, None, drop).expect("there is room");
        } else {
            relay.revocations.lift(&whom);
        }
        relay.revocations_changed();
    }

    async fn down(&mut self, host: Host) {
        let Some(relay) = self.relays[host].take() else { return };
        if self.random.random() { relay.kill().await } else { relay.stop().await }
    }

    fn up(&mut self, host: Host) {
        if self.relays[host].is_none() {
            let relay = self.start(host);
            self.relays[host] = Some(relay);
        }
    }

    fn heal(&mut self) {
        {
            let mut cluster = self.world.borrow_mut();
            cluster.resume();
            for server in 0..SERVERS {
                // One that is about to end is there again as well.
                if cluster.servers[server].ends.is_some() {
                    cluster.kill(server);
                }
                cluster.start(server);
            }
            cluster.heal_routes();
            cluster.heal_ways();
        }
        (0..RELAYS).for_each(|host| self.up(host));
        for relay in self.relays() {
            relay.resume();
            relay.give_room(true);
        }
    }

    fn relays(&self) -> impl Iterator<Item = &Relay> {
        self.relays.iter().flatten()
    }

    async fn is_fully_linked(&self) -> bool {
        for relay in self.relays() {
            let status = relay.status().await;
            let linked = status.peers.iter().filter(|peer| peer.state == PeerState::Linked && !peer.lagging).count();
            if linked != RELAYS - 1 || !status.nats.expect("it runs over NATS").joined {
                return false;
            }
        }
        true
    }

    async fn all_are_linked(&self) {
        let healed = Instant::now();
        while !self.is_fully_linked().await {
            if healed.elapsed() > HEALED_MAX {
                for relay in self.relays() {
                    eprintln!("{:?}: {:?}", relay.start(), relay.status().await);
                }
                panic!("not all are linked after {:?}", healed.elapsed());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Of what is published once a subscription is settled nothing is missed.
    async fn subscriptions_settle(&mut self) {
        for _ in 0..3 {
            self.subscribed += 1;
            let host = self.random.random_range(0..RELAYS);
            let channel = format!("settled-{}", self.subscribed);
            let ticket = self.relays[host].as_mut().expect("all are up").subscribe(&channel);
            let others: Vec<Host> = (0..RELAYS).filter(|other| *other != host).collect();
            let is_settled = |story: &Self| story.relays[host].as_ref().is_some_and(|relay| relay.is_settled(ticket));
            let mut behind = Vec::new();
            while behind.len() < 20 {
                sleep(Duration::from_millis(1)).await;
                if is_settled(self) {
                    behind.push(others.iter().map(|other| self.last_published(*other, &channel)).collect::<Vec<_>>());
                }
                others.iter().for_each(|other| self.publish(*other, &channel, 1, 0));
            }
            sleep(Duration::from_millis(200)).await;
            let to = self.relays[host].as_ref().expect("all are up").start();
            for (at, other) in others.iter().enumerate() {
                let from = self.relays[*other].as_ref().expect("all are up").start();
                let arrived = self.checker.borrow().arrived(from, to, &channel);
                let (before, last) = (behind[0][at], self.last_published(*other, &channel));
                assert!(arrived >= last - before, "{from:?} to {to:?}: {arrived} arrived, {before} of {last} before");
                assert_eq!(self.checker.borrow().last_arrived(from, to, &channel), last, "{from:?} to {to:?}");
            }
        }
    }
}
