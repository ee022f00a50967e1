//! A minute in which servers and relays are killed at random under load, or as many as `PUSU_NATS_MINUTES` says
//! (`make soak-nats MINUTES=60`): the two relays to which nothing is done lose nothing that is not counted, their clients
//! stay connected, and a relay that comes back misses nothing from its `subscribe_ok` on.
//!
//! What happens follows from a number. A failure prints it, and `PUSU_RANDOM_SEED` begins with it.

use crate::harness::{Named, NatsCluster, Network, Setup, tell, time_without_stalls};
use crate::network::traffic::{CHANNEL, STEADY, Traffic, wait_until_interest_is_right};
use std::env;
use std::thread;
use std::time::{Duration, Instant};

/// The first ones are left alone.
const RELAYS: usize = 4;
const LEFT_ALONE: usize = 2;
/// What a listener of a relay that has come back hears, at least.
const HEARD: u64 = 30;
/// From the end of one thing to a network that is whole.
const HEALED_MAX: Duration = Duration::from_secs(10);

/// What is done.
#[derive(Debug, Clone, Copy)]
enum Deed {
    KillServer(usize),
    KillAllServers,
    FreezeServer(usize, Duration),
    LameDuck(usize),
    KillRelay(usize),
    FreezeRelay(usize, Duration),
    KillRelayAndServer(usize),
}

impl Deed {
    fn any(random: &mut fastrand::Rng, servers: usize) -> Self {
        let (server, relay) = (random.usize(..servers), random.usize(LEFT_ALONE..RELAYS));
        let time = Duration::from_millis(random.u64(200..5000));
        match random.u8(..12) {
            0..3 => Self::KillServer(server),
            3 => Self::KillAllServers,
            4..6 => Self::FreezeServer(server, time),
            6 => Self::LameDuck(server),
            7..10 => Self::KillRelay(relay),
            10 => Self::FreezeRelay(relay, time),
            _ => Self::KillRelayAndServer(relay),
        }
    }

    fn be_done(self, network: &mut Network) {
        match self {
            Self::KillServer(at) => {
                network.nats_mut().kill(at);
                network.nats().wait_for_clients(RELAYS as u64, &[]);
                network.nats_mut().restart(at);
            }
            Self::KillAllServers => {
                let servers = 0..network.nats().len();
                servers.clone().for_each(|at| network.nats_mut().kill(at));
                servers.for_each(|at| network.nats_mut().restart(at));
            }
            Self::FreezeServer(at, time) => {
                network.nats().freeze(at);
                // The fault lasts as long as it lasts.
                thread::sleep(time);
                network.nats().thaw(at);
            }
            Self::LameDuck(at) => {
                network.nats_mut().lame_duck(at);
                network.nats_mut().restart(at);
            }
            Self::KillRelay(at) => {
                network.relay_mut(at).kill();
                network.relay_mut(at).restart();
            }
            Self::FreezeRelay(at, time) => {
                network.relay(at).freeze();
                // The fault lasts as long as it lasts.
                thread::sleep(time);
                network.relay(at).thaw();
            }
            Self::KillRelayAndServer(at) => {
                let server = at % network.nats().len();
                network.relay_mut(at).kill();
                network.nats_mut().kill(server);
                network.relay_mut(at).restart();
                network.nats_mut().restart(server);
            }
        }
    }
}

#[test]
fn servers_and_relays_are_killed_at_random_and_every_loss_is_counted() {
    let given = |name: &str| env::var(name).ok().map(|text| text.parse::<f64>().expect("a number"));
    let seed = given("PUSU_RANDOM_SEED").map_or_else(|| fastrand::u64(..1 << 32), |seed| seed as u64);
    let minutes = given("PUSU_NATS_MINUTES").unwrap_or(1.0);
    println!("the seed is {seed}");
    let Some(cluster) = NatsCluster::of(3) else { return };
    let mut random = fastrand::Rng::with_seed(seed);
    let start = |at| Setup::on_shards(1).name(&format!("relay-{at}")).over(&cluster, Named::All).start();
    let mut network = Network::of_started((0..RELAYS).map(start).collect()).with_nats(cluster);
    network.wait_linked();
    let staying: Vec<usize> = (0..LEFT_ALONE).collect();
    let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let (mut done, mut slowest) = (0, Duration::ZERO);
    let (mut published, mut counted) = (0, 0);
    while Instant::now() < end {
        // One account after the other: a loss that is not counted is found soon after it.
        let traffic = Traffic::begin(&network, &staying, &staying, STEADY);
        for _ in 0..5 {
            let deed = Deed::any(&mut random, network.nats().len());
            println!("{deed:?}");
            deed.be_done(&mut network);
            let (_, healed) = time_without_stalls(|| wait_until_interest_is_right(&network));
            assert!(healed < HEALED_MAX, "{deed:?}: whole only after {healed:?}");
            slowest = slowest.max(healed);
            for at in LEFT_ALONE..RELAYS {
                let mut listener = network.relay(at).listener();
                listener.subscribe(CHANNEL);
                listener.listen(HEARD);
            }
            done += 1;
            if Instant::now() >= end {
                break;
            }
        }
        wait_until_interest_is_right(&network);
        let outcome = traffic.end(&network);
        published += outcome.accounts.iter().map(|account| account.published).sum::<u64>();
        counted += outcome.accounts.iter().map(|account| account.counted).sum::<u64>();
    }
    staying.iter().for_each(|&at| network.relay(at).expect_nobody_disconnected());
    tell(format_args!(
        "nats: {done} deeds, seed {seed}: {published} messages between relays, {counted} lost and counted, whole within \
         {:.1} s of each",
        slowest.as_secs_f64()
    ));
}
