//! The most memory that a relay takes, as `pusud check` prints it: held by the relay whatever its clients do, and enough
//! for it where the kernel lets it have no more.

use crate::harness::{
    Client, DEADLINE, Daemon, Frame, Memory, MemoryGroup, Raw, ReservedPort, Setup, checked, is_disconnect,
    memory_ceiling, not_run, text_message,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;
/// As many as there may be: each kind of [`Flood`], and some that mean well.
const CONNECTIONS: usize = 110;
const OF_EACH_KIND: usize = 25;
/// A relay that takes nothing for so long does not read this client any more.
const STUCK: Duration = Duration::from_millis(50);

fn setup(shards: usize) -> Setup {
    let patient = "ping_interval: 0, outbox_soft_time: 1day, write_deadline: 1day, message_timeout: 1day";
    let bounds =
        format!("max_queued_bytes: 16 MiB, outbox_bytes: 4 MiB, max_connections: {CONNECTIONS}, max_subscriptions: 64");
    Setup::on_shards(shards).settings(&format!("limits: {{{patient}, {bounds}}}"))
}

/// Readers that stop, messages that are never finished, strangers that read no pongs, subscriptions to channels that
/// nobody else has.
struct Flood {
    slow: Vec<Raw>,
    unfinished: Vec<Raw>,
    strangers: Vec<Raw>,
    subscribed: Vec<Client>,
}

impl Flood {
    /// Has everybody do what they do, and a source publish to the slow readers. A pair of clients beside them is served.
    fn of(daemon: &Daemon) -> Self {
        let mut witness = daemon.client();
        witness.subscribe("witness");
        let mut source = daemon.client();
        let small = |_| Raw::connect_with_small_buffer(daemon.address());
        let listening = |at: usize| Raw::listening_with_small_buffer(daemon.address(), &at.to_string());
        let mut flood = Self {
            slow: (0..OF_EACH_KIND).map(listening).collect(),
            unfinished: (0..OF_EACH_KIND).map(|_| daemon.upgraded()).collect(),
            strangers: (0..OF_EACH_KIND).map(small).collect(),
            subscribed: (0..OF_EACH_KIND).map(|_| daemon.client()).collect(),
        };
        let most_of_it = &Frame::text("x".repeat(MIB)).masked()[..1000 * 1024];
        let pings = Frame::new(0x89, [b'x'; 125]).masked().repeat(8 * 1024);
        let large = "x".repeat(256 * 1024);
        for at in 0..OF_EACH_KIND {
            let unfinished = &mut flood.unfinished[at];
            unfinished.send(text_message(r#"{"type":"authorize","authorization":"both=*"}"#));
            unfinished.send_perhaps(most_of_it);
            flood.strangers[at].upgrade();
            flood.strangers[at].send_within(&pings, STUCK);
            for number in 0..64 {
                flood.subscribed[at].subscribe(&format!("{at} {number} {}", "x".repeat(240)));
            }
            for number in (0..OF_EACH_KIND).filter(|_| at.is_multiple_of(3)) {
                source.publish(&number.to_string(), json!([at, large]));
            }
            source.publish("witness", json!(at));
            witness.expect_publish("witness", json!(at));
        }
        flood
    }

    fn clients(&self) -> usize {
        self.slow.len() + self.unfinished.len() + self.strangers.len() + self.subscribed.len()
    }
}

fn assert_somebody_was_cut(daemon: &Daemon) {
    let log = daemon.log().lines();
    let cut = log.iter().filter(|line| is_disconnect(line)).count();
    println!("{cut} were cut");
    assert!(
        log.iter().any(|line| line.contains("client disconnected: max_queued_bytes exceeded")),
        "the bounds were not reached"
    );
}

#[test]
fn the_relay_keeps_within_what_check_prints() {
    for shards in [1, 3] {
        let daemon = setup(shards).start();
        let ceiling = memory_ceiling(&daemon);
        let memory = Memory::of(&daemon);
        let flood = Flood::of(&daemon);
        println!("{} KiB of {} KiB with {} clients", memory.peak() / 1024, ceiling / 1024, flood.clients());
        assert!(memory.peak() <= ceiling, "{} bytes, more than {ceiling}", memory.peak());
        assert_somebody_was_cut(&daemon);
        daemon.client().subscribe("still here");
    }
}

/// The kernel kills a process that wants more than its group may have.
#[test]
fn what_check_prints_is_enough() {
    let group = match MemoryGroup::new() {
        Ok(group) => group,
        Err(reason) => return not_run("a relay whose memory the kernel bounds", reason),
    };
    let mut daemon = setup(3).run_by(group.runner()).start();
    let (ceiling, kernel) = (memory_ceiling(&daemon), group.kernel_bytes(CONNECTIONS));
    group.set_limit(ceiling + kernel);
    let flood = Flood::of(&daemon);
    let peak = group.peak().map_or("an unknown part".into(), |bytes| format!("{} KiB", bytes / 1024));
    let (clients, most) = (flood.clients(), ceiling / 1024);
    println!("{peak} of {most} KiB and {} KiB for the kernel, with {clients} clients", kernel / 1024);
    assert_somebody_was_cut(&daemon);
    assert_eq!(group.kills(), 0);
    daemon.client().subscribe("still here");
    daemon.assert_alive();
    drop(daemon);
}

/// Relays that stand still have as much waiting for them as may. One is listed; the others dial, and are in no list.
#[test]
fn links_keep_within_what_check_prints() {
    const STANDING_STILL: usize = 3;
    let ports: Vec<_> = (0..=STANDING_STILL).map(|_| ReservedPort::new()).collect();
    let relay = Setup::on_shards(1).name("relay-0").in_network(&ports[..2], 0).start();
    let others: Vec<Daemon> = (1..=STANDING_STILL)
        .map(|at| {
            let (own, other) = (ports[at].port(), ports[0].port());
            let network = format!("network_address: 127.0.0.1\nnetwork_port: {own}\nrelays: ['127.0.0.1:{other}']");
            Setup::on_shards(1).name(&format!("relay-{at}")).settings(&network).start()
        })
        .collect();
    let mut listeners: Vec<Client> = others.iter().map(Daemon::client).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("bulk"));
    wait_until(&relay, "all are linked", |peer| peer["interest"] == 1);
    others.iter().for_each(Daemon::freeze);
    let memory = Memory::of(&relay);
    let mut source = relay.client();
    let content = "x".repeat(1_000_000);
    // Of what the queues do not take, the kernel takes some.
    for _ in 0..40 {
        source.publish("bulk", json!(content));
    }
    source.expect_no_answer();
    wait_until(&relay, "what waits is dropped", |peer| peer["dropped"].as_u64() > Some(0));
    let per_link = checked(&relay, "  network  ") * MIB / checked(&relay, "  links  ");
    println!("{} KiB for {STANDING_STILL} links, at most {} KiB each", memory.growth() / 1024, per_link / 1024);
    assert!(memory.growth() > STANDING_STILL * 15 * MIB, "the queues were not full: {} bytes", memory.growth());
    assert!(memory.growth() <= STANDING_STILL * per_link, "{} bytes for the links", memory.growth());
    assert!(memory.peak() <= memory_ceiling(&relay), "{} bytes", memory.peak());
    others.iter().for_each(Daemon::thaw);
}

/// Waits until this can be said of all three other relays.
fn wait_until(relay: &Daemon, what: &str, is_so: impl Fn(&Value) -> bool) {
    let began = Instant::now();
    loop {
        let status = relay.asked();
        let relays = status["relays"].as_array().unwrap();
        if relays.iter().filter(|peer| peer["state"] == "linked" && is_so(peer)).count() == 3 {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "not so: {what}: {status:#}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}
