//! The alerts of the repository in a real Prometheus, over three linked relays to which things happen.

use crate::harness::{
    ALL, DEADLINE, Daemon, Detour, NO_PROMETHEUS, Network, Prometheus, ReservedPort, Setup, has_prometheus, not_run,
};
use serde_json::json;
use std::time::Instant;

/// Clients that read nothing: more than the alert lets pass.
const SLOW: usize = 8;
/// Clients that are turned away, which is more than one in twenty.
const UNDECIDED: usize = 10;

/// Three linked relays, of which the first two have detours to each other.
struct Stage {
    network: Network,
    detours: [Detour; 2],
    _ports: Vec<ReservedPort>,
}

impl Stage {
    fn set() -> Self {
        let ports: Vec<_> = (0..3).map(|_| ReservedPort::new()).collect();
        let detours = [Detour::to(ports[1].port()), Detour::to(ports[0].port())];
        let port = |at: usize, to: usize| match (at, to) {
            (0, 1) => detours[0].port(),
            (1, 0) => detours[1].port(),
            _ => ports[to].port(),
        };
        let relay = |at: usize| {
            let list: Vec<String> = (0..3).map(|to| format!("'127.0.0.1:{}'", port(at, to))).collect();
            let places = format!(
                "network_address: 127.0.0.1\nnetwork_port: {}\nrelays: [{}]",
                ports[at].port(),
                list.join(", ")
            );
            let limits = "limits: {outbox_bytes: 64 KiB, outbox_soft_bytes: 32 KiB, ping_interval: 0}";
            let setup = Setup::on_shards(2).name(&format!("relay-{at}")).with_operations();
            setup.settings(&places).settings(limits).start()
        };
        let network = Network::of_started((0..3).map(relay).collect());
        network.wait_linked();
        Self { network, detours, _ports: ports }
    }
}

/// Messages go to clients that do not read, until all of those are disconnected.
fn be_slow(daemon: &Daemon) {
    let _slow: Vec<_> = (0..SLOW)
        .map(|_| {
            let mut client = daemon.client();
            client.subscribe("slow");
            client
        })
        .collect();
    let mut source = daemon.client();
    let began = Instant::now();
    let content = "x".repeat(32 * 1024);
    while daemon.status()["connections"]["total"] != 1 {
        source.publish("slow", json!(content));
        assert!(began.elapsed() < DEADLINE, "nobody is disconnected");
    }
}

/// The authenticator cannot decide about some. It decides about others before and after, without which the relay would not be
/// ready.
fn be_undecided(daemon: &Daemon) {
    daemon.client_with(ALL);
    for _ in 0..UNDECIDED {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "unavailable"}));
        client.expect_error("authorization_failed");
        client.expect_closed(1013);
    }
    daemon.client_with(ALL);
}

#[test]
fn the_alerts_that_should_fire_do_and_no_others() {
    if !has_prometheus() {
        return not_run("alerts over three relays", NO_PROMETHEUS);
    }
    let Stage { mut network, detours, _ports } = Stage::set();
    let places: Vec<String> = network.relays().iter().map(|relay| relay.operations().to_string()).collect();
    let prometheus = Prometheus::over(network.relays());
    let scrapes = "min(count_over_time(pusud_ready[5m]))and(count(pusud_ready)==3)";
    prometheus.wait_for("five scrapes of each relay", |all| all.value(scrapes) >= Some(5.0));
    let quiet = prometheus.alerts();
    assert!(quiet.is_empty(), "nothing has happened: {quiet:#?}");

    be_slow(network.relay(0));
    be_undecided(network.relay(1));
    detours.iter().for_each(|detour| detour.open(false, false));
    network.relay_mut(2).kill();

    let expected = [
        ("PusudSlowConsumers", &places[0], None),
        ("PusudAuthenticatorFailing", &places[1], None),
        ("PusudLinkDown", &places[0], Some("relay-1")),
        ("PusudLinkDown", &places[1], Some("relay-0")),
        ("PusudLinkDown", &places[0], Some("relay-2")),
        ("PusudDown", &places[2], None),
    ];
    for (name, instance, relay) in expected {
        prometheus.wait_for(&format!("{name} of {instance} {relay:?}"), |all| {
            all.alerts().iter().any(|alert| {
                let is_there = alert.name == name && alert.labels["instance"] == **instance;
                is_there && alert.state == "firing" && relay.is_none_or(|relay| alert.labels["relay"] == relay)
            })
        });
    }
    let may_follow = ["PusudMessagesLostBetweenRelays"];
    for alert in prometheus.alerts() {
        let is_expected = expected.iter().any(|(name, _, _)| *name == alert.name);
        assert!(is_expected || may_follow.contains(&&*alert.name), "{alert:?}");
    }
    // Whoever is well is let in as ever.
    network.relay(0).client_with(ALL);
}
