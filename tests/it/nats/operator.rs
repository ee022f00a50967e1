//! NATS as operators see it: problems, health, probes, metrics and lists of a relay whose servers go, refuse, or carry what is
//! no relay's.

use super::seen::wait_connected;
use crate::harness::{DEADLINE, Daemon, Named, NatsCluster, NatsSettings, Network, Setup};
use std::thread;
use std::time::{Duration, Instant};

/// A relay with an operations port.
fn relay(name: &str, cluster: &NatsCluster) -> Daemon {
    let setup = Setup::on_shards(1).name(name).with_operations().settings("ready_needs_relays: 1");
    setup.over(cluster, Named::All).start()
}

/// Waits until `pusud top` names this problem, and gives its text.
#[track_caller]
pub(super) fn wait_for_problem(relay: &Daemon, id: &str) -> String {
    let began = Instant::now();
    loop {
        let glance = relay.operate_json(&["top", "--once"]).remove(0);
        let problems = glance["problems"].as_array().unwrap();
        if let Some(problem) = problems.iter().find(|problem| problem["id"] == id) {
            return problem["text"].as_str().unwrap().to_owned();
        }
        assert!(began.elapsed() < DEADLINE, "no {id}: {problems:?}");
    }
}

/// Waits for an answer of this probe with this status, and gives its text.
#[track_caller]
fn wait_for_probe(relay: &Daemon, target: &str, status: u16) -> String {
    let began = Instant::now();
    loop {
        let answer = relay.get_operations(target);
        if answer.status == status {
            return answer.body;
        }
        assert!(began.elapsed() < DEADLINE, "{target}: {}: {}", answer.status, answer.body);
    }
}

#[test]
fn a_relay_without_nats_lives_and_says_what_is_missing() {
    let Some(mut cluster) = NatsCluster::of(1) else { return };
    let relays = ["first", "second"].map(|name| relay(name, &cluster));
    wait_for_probe(&relays[0], "/readyz", 200);
    cluster.kill(0);
    let body = wait_for_probe(&relays[0], "/readyz", 503);
    assert!(body.contains("[-]links failed: 0 of the 1"), "{body}");
    let text = wait_for_problem(&relays[0], "nats_down");
    assert!(text.contains("cannot connect"), "{text}");
    assert_eq!(relays[0].get_operations("/livez").status, 200);
    let line = relays[0].operate(&["health"]).succeeds();
    assert!(line.contains("first is healthy") && line.contains("; not connected to NATS"), "{line}");
    let metrics = relays[0].get_operations("/metrics").body;
    assert!(
        metrics.contains("\npusud_nats_up 0\n") && metrics.contains("pusud_link_up{relay=\"second\"} 0"),
        "{metrics}"
    );
    let shown = relays[0].operate(&["status"]).succeeds();
    assert!(shown.contains(" NOT CONNECTED for ") && shown.contains("second: NOT HEARD"), "{shown}");
    cluster.restart(0);
    wait_for_probe(&relays[0], "/readyz", 200);
    let shown = relays[0].operate(&["status"]).succeeds();
    assert!(shown.contains("connected to nats://") && shown.contains("second: heard, "), "{shown}");
}

#[test]
fn two_relays_of_one_name_are_named() {
    let Some(cluster) = NatsCluster::of(1) else { return };
    let twins = ["same", "same"].map(|name| relay(name, &cluster));
    let text = wait_for_problem(&twins[0], "name_taken");
    assert!(text.contains("is called same too"), "{text}");
    let metrics = twins[0].get_operations("/metrics").body;
    assert!(!metrics.contains("pusud_nats_unheard_relays_total{reason=\"same_name\"} 0\n"), "{metrics}");
}

/// The refused subscription stays away, and so does the problem.
#[test]
fn missing_permissions_are_named_as_long_as_the_connection_lasts() {
    let settings = NatsSettings::open().with_permissions_to("pusu.pusu.>", &["pusu.pusu.all", "pusu.pusu.r.>"]);
    let Some(cluster) = NatsCluster::with(1, settings) else { return };
    let relay = relay("first", &cluster);
    wait_connected(&relay);
    relay.client().subscribe("a");
    let text = wait_for_problem(&relay, "nats_refuses");
    assert!(text.contains("pusu.pusu.c."), "{text}");
    assert_ne!(relay.asked()["nats"]["connection_refusals"], 0);
}

/// Such a server is of no use: others would take the relay for one that hears them.
#[test]
fn a_server_that_lets_no_relay_hear_others_is_left_and_named() {
    let settings = NatsSettings::open().with_permissions("pusu.pusu.>", "pusu.pusu.all");
    let Some(cluster) = NatsCluster::with(1, settings) else { return };
    let relay = relay("first", &cluster);
    let began = Instant::now();
    loop {
        let nats = relay.asked()["nats"].take();
        if nats["last_error"].as_str().is_some_and(|error| error.contains("pusu.pusu.r.")) {
            break;
        }
        assert!(began.elapsed() < DEADLINE, "{nats}");
    }
}

#[test]
fn messages_of_strangers_are_named() {
    let Some(network) = Network::over_nats(1) else { return };
    let mut stranger = network.nats().client(0);
    let relay = network.relay(0);
    let glance = thread::scope(|scope| {
        let glance = scope.spawn(|| relay.operate_json(&["top", "--once"]).remove(0));
        while !glance.is_finished() {
            stranger.publish("pusu.pusu.all", b"hello");
            stranger.flush();
            thread::park_timeout(Duration::from_millis(10));
        }
        glance.join().unwrap()
    });
    assert!(glance["problems"].to_string().contains("nats_garbage"), "{glance}");
    assert_ne!(glance["recent"]["nats"]["garbage"], 0);
}

#[test]
fn nobody_is_said_to_listen_elsewhere_or_not_to() {
    let Some(network) = Network::over_nats(2) else { return };
    network.relay(1).client().subscribe("a");
    let mut listener = network.relay(0).client();
    listener.subscribe("a");
    let channels = network.relay(0).operate_json(&["channels"]).remove(0);
    assert_eq!((&channels["relays_known"], &channels["network_hangs"]), (&false.into(), &false.into()), "{channels}");
    let table = network.relay(0).operate(&["channels", "--channel", "a"]).succeeds();
    assert!(table.starts_with("channel  listeners  messages/s  bytes/s\n"), "{table}");
}
