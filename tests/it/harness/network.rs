//! Several relays on this machine that know each other, and what can happen to one of them.

use super::{Client, DEADLINE, Daemon, Detour, Named, NatsCluster, Setup};
use serde_json::json;
use std::collections::HashSet;
use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Below what systems take for outgoing connections and for port 0, and above what services use.
const PORTS: Range<u16> = 10_000..30_000;

/// A port that no other test takes, in this process or another, although nobody listens on it yet: who holds the port
/// below it holds both.
pub(crate) struct ReservedPort {
    port: u16,
    _guard: TcpListener,
}

impl ReservedPort {
    /// Finds one.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let pairs = (PORTS.end - PORTS.start) / 2;
        let start = (u64::from(std::process::id()) * 7 % u64::from(pairs)) as u16;
        loop {
            let pair = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % pairs;
            let guard = PORTS.start + 2 * pair;
            let Ok(held) = TcpListener::bind(("127.0.0.1", guard)) else { continue };
            // Some other program's.
            if TcpListener::bind(("127.0.0.1", guard + 1)).is_ok() {
                return Self { port: guard + 1, _guard: held };
            }
        }
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// Relays of one network, each a process of its own.
pub(crate) struct Network {
    relays: Vec<Daemon>,
    ports: Vec<ReservedPort>,
    /// The servers between them, if there are any. Behind the relays, which end before them.
    nats: Option<NatsCluster>,
}

/// Set to `nats` to run tests over servers of NATS that are about links as well as any others (`make test-nats`).
const BACKPLANE: &str = "PUSU_TEST_BACKPLANE";
/// As many servers as relays, up to so many.
const SERVERS_MAX: usize = 3;

/// Whether networks that do not say themselves what is between their relays have servers of NATS there.
pub(crate) fn tests_run_over_nats() -> bool {
    std::env::var_os(BACKPLANE).is_some_and(|backplane| backplane == "nats")
}

impl Network {
    /// So many relays on one shard each, linked.
    pub(crate) fn of(relays: usize) -> Self {
        Self::with(relays, |_, setup| setup)
    }

    /// So many relays, each with a set-up of its own, linked.
    pub(crate) fn with(relays: usize, setup: impl Fn(usize, Setup) -> Setup) -> Self {
        let network = Self::unlinked(relays, setup);
        network.wait_linked();
        network
    }

    /// So many relays that may have to find each other yet, or never will.
    pub(crate) fn unlinked(relays: usize, setup: impl Fn(usize, Setup) -> Setup) -> Self {
        if tests_run_over_nats() {
            let cluster = NatsCluster::of(relays.min(SERVERS_MAX)).expect("there is a nats-server");
            return Self::unlinked_over(cluster, relays, setup);
        }
        let ports: Vec<_> = (0..relays).map(|_| ReservedPort::new()).collect();
        let relays = (0..relays)
            .map(|at| setup(at, Setup::on_shards(1).name(&format!("relay-{at}"))).in_network(&ports, at).start())
            .collect();
        Self { relays, ports, nats: None }
    }

    /// So many linked relays and three servers of NATS between them: the first one begins at the first server and so on.
    /// `None`: there is no nats-server here, and that has been said.
    pub(crate) fn over_nats(relays: usize) -> Option<Self> {
        Some(Self::over(NatsCluster::of(SERVERS_MAX)?, relays, |_, setup| setup))
    }

    /// The same over these servers, each relay with a set-up of its own.
    pub(crate) fn over(cluster: NatsCluster, relays: usize, setup: impl Fn(usize, Setup) -> Setup) -> Self {
        let network = Self::unlinked_over(cluster, relays, setup);
        network.wait_linked();
        network
    }

    /// The same of relays that may have to find each other yet.
    pub(crate) fn unlinked_over(cluster: NatsCluster, relays: usize, setup: impl Fn(usize, Setup) -> Setup) -> Self {
        let start = |at| {
            let own = Setup::on_shards(1).name(&format!("relay-{at}")).over(&cluster, Named::Only(at % cluster.len()));
            setup(at, own).start()
        };
        Self { relays: (0..relays).map(start).collect(), ports: Vec::new(), nats: Some(cluster) }
    }

    /// Relays that have been started already.
    pub(crate) fn of_started(relays: Vec<Daemon>) -> Self {
        Self { relays, ports: Vec::new(), nats: None }
    }

    /// These servers are between its relays.
    pub(crate) fn with_nats(mut self, cluster: NatsCluster) -> Self {
        self.nats = Some(cluster);
        self
    }

    /// Whether there are servers of NATS between its relays.
    pub(crate) fn is_over_nats(&self) -> bool {
        self.nats.is_some()
    }

    /// The servers between its relays.
    pub(crate) fn nats(&self) -> &NatsCluster {
        self.nats.as_ref().expect("its relays are not linked with each other")
    }

    /// The same, to do something to one of them.
    pub(crate) fn nats_mut(&mut self) -> &mut NatsCluster {
        self.nats.as_mut().expect("its relays are not linked with each other")
    }

    /// Two linked relays that know only a detour to each other each: `detours[0]` leads to the second one.
    pub(crate) fn of_two_with_detours() -> (Self, [Detour; 2]) {
        Self::of_two_with_detours_on(1)
    }

    /// The same, on so many shards each.
    pub(crate) fn of_two_with_detours_on(shards: usize) -> (Self, [Detour; 2]) {
        Self::of_two_with_detours_and(|setup| setup.shards(shards))
    }

    /// The same, each with this set-up.
    pub(crate) fn of_two_with_detours_and(setup: impl Fn(Setup) -> Setup) -> (Self, [Detour; 2]) {
        let ports = [ReservedPort::new(), ReservedPort::new()];
        let detours = [Detour::to(ports[1].port()), Detour::to(ports[0].port())];
        let start = |at: usize| {
            let (own, other) = (ports[at].port(), detours[at].port());
            let relays = format!("relays: ['127.0.0.1:{own}', '127.0.0.1:{other}']");
            setup(Setup::on_shards(1).name(&format!("relay-{at}")))
                .settings(&format!("network_address: 127.0.0.1\nnetwork_port: {own}\n{relays}"))
                .start()
        };
        let network = Self { relays: vec![start(0), start(1)], ports: ports.into(), nats: None };
        network.wait_linked();
        (network, detours)
    }

    /// A relay.
    pub(crate) fn relay(&self, at: usize) -> &Daemon {
        &self.relays[at]
    }

    /// A relay, to do something to it.
    pub(crate) fn relay_mut(&mut self, at: usize) -> &mut Daemon {
        &mut self.relays[at]
    }

    /// All relays.
    pub(crate) fn relays(&self) -> &[Daemon] {
        &self.relays
    }

    /// Gives its first relay away.
    pub(super) fn take_first(&mut self) -> Daemon {
        self.relays.remove(0)
    }

    /// Where a relay is reached by the others.
    pub(crate) fn port(&self, at: usize) -> u16 {
        self.ports[at].port()
    }

    /// Waits until all relays are linked.
    pub(crate) fn wait_linked(&self) {
        self.wait_linked_among(&(0..self.relays.len()).collect::<Vec<_>>());
    }

    /// Waits until what is published on each of these relays reaches listeners on all of them.
    pub(crate) fn wait_linked_among(&self, relays: &[usize]) {
        const CHANNEL: &str = "are the relays linked?";
        let mut listeners: Vec<(usize, Client)> = relays.iter().map(|&at| (at, self.relays[at].client())).collect();
        listeners.iter_mut().for_each(|(_, listener)| listener.subscribe(CHANNEL));
        let mut sources: Vec<(usize, Client)> = relays.iter().map(|&at| (at, self.relays[at].client())).collect();
        let pairs = |to: usize| relays.iter().map(move |&from| (from, to));
        let mut missing: HashSet<(usize, usize)> = relays.iter().flat_map(|&to| pairs(to)).collect();
        let started = Instant::now();
        while !missing.is_empty() {
            assert!(started.elapsed() < DEADLINE, "no message came from and to relays {missing:?}");
            for (from, source) in &mut sources {
                source.publish(CHANNEL, json!(from));
            }
            for (to, listener) in &mut listeners {
                while let Some(message) = listener.next_json_within(Duration::from_millis(10)) {
                    missing.remove(&(message["content"].as_u64().unwrap() as usize, *to));
                }
            }
        }
    }
}

impl Setup {
    /// One of the relays that are reached by each other at these ports: all of them are in its list, itself included.
    pub(crate) fn in_network(self, ports: &[ReservedPort], at: usize) -> Self {
        let relays: Vec<String> = ports.iter().map(|port| format!("'127.0.0.1:{}'", port.port())).collect();
        let (port, relays) = (ports[at].port(), relays.join(", "));
        self.settings(&format!("network_address: 127.0.0.1\nnetwork_port: {port}\nrelays: [{relays}]"))
    }
}
