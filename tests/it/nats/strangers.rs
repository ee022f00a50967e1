//! Whoever else uses the servers: garbage on the relays' subjects, copies of what relays said, relays of another network,
//! and two relays of one name. Nothing is delivered that no relay has published, and nothing twice.

use super::seen::{garbage, wait_connected};
use crate::harness::{DEADLINE, Named, NatsClient, NatsCluster, NatsOp, Network, Setup};
use serde_json::json;
use std::time::{Duration, Instant};

/// What all subjects of a network begin with that has no name of its own.
const PREFIX: &str = "pusu.pusu";
/// Versions and kinds of docs/protocol/relay-link.md.
const VERSION: u8 = 1;
const PUBLICATIONS: u8 = 1;
/// What a payload of each kind begins with: version, kind, the start of the relay, the number of its connection.
const HEAD_BYTES: usize = 22;

/// Of what is in [`nonsense`], these are no payloads at all.
const NO_PAYLOADS: u64 = 5;

/// A payload of this kind by a relay that does not exist.
fn forged(kind: u8, fields: &[u8]) -> Vec<u8> {
    [&[VERSION, kind][..], &[7; 16], &1_u32.to_be_bytes(), fields].concat()
}

/// PUBLICATIONS with one content.
fn publications(number: u64, content: &str) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&number.to_be_bytes()[..], &[1], &length, content.as_bytes()].concat()
}

/// What the relays cannot have said, of every kind.
fn nonsense() -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new(), vec![0], vec![VERSION], b"hello".to_vec(), vec![0xff; 300]];
    for kind in 0..=255_u8 {
        all.push(forged(kind, &[]));
        all.push(forged(kind, &[0xff; 64]));
        all.push(forged(kind, &publications(1, r#""forged""#))[..HEAD_BYTES + 5].to_vec());
    }
    // Of other versions.
    all.extend([0, 2, 255].map(|version| {
        let mut payload = forged(PUBLICATIONS, &publications(1, r#""forged""#));
        payload[0] = version;
        payload
    }));
    all.push(forged(PUBLICATIONS, &publications(1, r#""of a relay that nobody has heard of""#)));
    all.push(forged(PUBLICATIONS, &publications(u64::MAX, "no JSON")));
    all
}

#[test]
fn garbage_is_counted_and_delivered_to_nobody() {
    let Some(network) = Network::over_nats(2) else { return };
    let mut listener = network.relay(1).client();
    listener.subscribe("a");
    let mut stranger = network.nats().client(0);
    let nonsense = nonsense();
    for subject in ["c.a", "all", "c.%zz", "c", "s.x", "unknown.a.b"].map(|rest| format!("{PREFIX}.{rest}")) {
        nonsense.iter().for_each(|payload| stranger.publish(&subject, payload));
    }
    stranger.flush();
    // Kinds that it does not know may be of later versions, and are left out without a word.
    network.relay(1).wait_for_status("the rest of it to be counted", |status| garbage(status) >= 2 * NO_PAYLOADS);
    // Nothing of it was delivered, and relays and their order are as they were.
    let mut source = network.relay(0).client();
    for number in 0..100 {
        source.publish("a", json!(number));
        listener.expect_publish("a", json!(number));
    }
    listener.expect_no_answer();
    // Whoever floods does not fill the disk.
    let lines = network.relay(1).log().lines().len();
    assert!(lines < 200, "{lines} lines are logged");
}

/// The subjects of a relay's own connection too: they are no secret.
#[test]
fn garbage_to_one_relay_changes_nothing() {
    let Some(network) = Network::over_nats(2) else { return };
    let mut stranger = network.nats().client(0);
    stranger.subscribe(&format!("{PREFIX}.>"), "");
    let began = Instant::now();
    let mut own = Vec::new();
    // Whoever answers, answers to one of them.
    network.relay(0).client().subscribe("b");
    while own.is_empty() {
        assert!(began.elapsed() < DEADLINE, "no relay has a subject of its own");
        if let Some(NatsOp::Message { subject, .. }) = stranger.next_within(Duration::from_millis(100)) {
            own.extend(subject.strip_prefix(&format!("{PREFIX}.r.")).map(str::to_owned));
        }
        network.relay(0).client().subscribe("b");
    }
    for payload in nonsense() {
        own.iter().for_each(|id| stranger.publish(&format!("{PREFIX}.r.{id}"), &payload));
    }
    stranger.publish(&format!("{PREFIX}.all"), b"the end");
    network.wait_linked();
}

/// Takes what the relays publish and sends it once more.
#[test]
fn a_copy_of_what_a_relay_said_is_not_delivered_again() {
    let Some(network) = Network::over_nats(2) else { return };
    let (mut source, mut listener) = (network.relay(0).client(), network.relay(1).client());
    listener.subscribe("a");
    let mut stranger = network.nats().client(1);
    stranger.subscribe(&format!("{PREFIX}.c.a"), "");
    stranger.flush();
    wait_until_heard(&mut stranger, || source.publish("a", json!("first")));
    listener.discard_what_came();
    source.publish("a", json!("second"));
    let copied = loop {
        let payload = stranger.next_payload();
        if payload.windows(8).any(|part| part == br#""second""#) {
            break payload;
        }
    };
    listener.discard_what_came();
    (0..10).for_each(|_| stranger.publish(&format!("{PREFIX}.c.a"), &copied));
    stranger.flush();
    source.publish("a", json!("third"));
    loop {
        match listener.next_json()["content"].as_str().unwrap() {
            "first" => {}
            other => {
                assert!(["second", "third"].contains(&other));
                if other == "third" {
                    break;
                }
            }
        }
    }
    source.publish("a", json!("fourth"));
    listener.expect_publish("a", json!("fourth"));
}

/// Routes take a moment to know of a subscription.
fn wait_until_heard(stranger: &mut NatsClient, mut publish: impl FnMut()) {
    let began = Instant::now();
    loop {
        publish();
        if let Some(NatsOp::Message { .. }) = stranger.next_within(Duration::from_millis(50)) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "the stranger hears nothing");
    }
}

#[test]
fn networks_of_two_names_share_servers_and_nothing_else() {
    let Some(cluster) = NatsCluster::of(2) else { return };
    let name = |at: usize| if at < 2 { "one" } else { "two" };
    let network =
        Network::unlinked_over(cluster, 4, |at, setup| setup.settings(&format!("network_name: {}", name(at))));
    [[0, 1], [2, 3]].iter().for_each(|pair| network.wait_linked_among(pair));
    let mut listeners: Vec<_> = network.relays().iter().map(|relay| relay.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("a"));
    for at in 0..4 {
        let mut source = network.relay(at).client();
        (0..100).for_each(|number| source.publish("a", json!([name(at), at, number])));
        for (other, listener) in listeners.iter_mut().enumerate().filter(|(other, _)| name(*other) == name(at)) {
            let _ = other;
            (0..100).for_each(|number| listener.expect_publish("a", json!([name(at), at, number])));
        }
    }
    listeners.iter_mut().for_each(|listener| listener.expect_no_answer());
    for (at, others) in [(0, ["relay-2", "relay-3"]), (2, ["relay-0", "relay-1"])] {
        let relays = network.relay(at).status()["relays"].to_string();
        assert!(others.iter().all(|other| !relays.contains(other)), "{relays}");
    }
}

/// The one that was started later takes the place of the other, whose log says so; clients of both are served.
#[test]
fn of_two_relays_with_one_name_one_is_told() {
    let Some(cluster) = NatsCluster::of(2) else { return };
    let start = |name: &str, at: usize| Setup::on_shards(1).name(name).over(&cluster, Named::Only(at)).start();
    let single = start("single", 0);
    let doubles = [start("double", 0), start("double", 1)];
    [&single, &doubles[0], &doubles[1]].into_iter().for_each(|relay| drop(wait_connected(relay)));
    let began = Instant::now();
    let says = |line: &String| line.contains("double") && line.contains("name");
    while !doubles.iter().any(|relay| relay.log().lines().iter().any(says)) {
        assert!(began.elapsed() < DEADLINE, "nobody is told:\n{}", doubles[0].log().text());
        doubles[0].log().grows_past(doubles[0].log().lines().len(), Duration::from_millis(50));
    }
    for relay in [&single, &doubles[0], &doubles[1]] {
        let mut client = relay.client();
        client.subscribe("a");
        client.publish("a", json!(1));
        client.expect_publish("a", json!(1));
    }
}
