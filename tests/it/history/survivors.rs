//! Survivors of a relay: what any of them has got of it reaches all of them, or is told. The relay that goes is written after
//! docs/protocol, so that it goes where it has to.

use crate::harness::{Client, Daemon, FakeRelay, Network, ReservedPort, Setup, kind, named};
use serde_json::json;

const CHANNEL: &str = "h.left";
/// The first minor version that has history.
const KNOWS_HISTORY: u16 = 4;
/// As long as [`hello`](crate::harness::hello) says that the fake one's may be.
const SAME_LENGTH: &str = "limits: {max_message_bytes: 1000000}";

/// So many relays that take a peer without a key, which is not in their list, and where it finds them.
fn network(relays: usize) -> (Network, Vec<ReservedPort>) {
    let ports: Vec<_> = (0..relays).map(|_| ReservedPort::new()).collect();
    let start = |at| {
        let setup = Setup::on_shards(2).name(&format!("relay-{at}")).in_network(&ports, at);
        setup.without_key().history(1000, "10min").settings(SAME_LENGTH).start()
    };
    let network = Network::of_started((0..relays).map(start).collect());
    network.wait_linked();
    (network, ports)
}

fn fake(port: &ReservedPort) -> FakeRelay {
    let mut fake = FakeRelay::linked_as("z-fake", port.port(), KNOWS_HISTORY);
    // Answered when the link is up for both.
    fake.announce(&[]);
    fake
}

/// PUBLICATIONS of the fake relay, from this number on.
fn publish(fake: &mut FakeRelay, first: u8, contents: &[&str]) {
    const PUBLICATIONS: u8 = 1;
    // The last 36 bits of its boot id, the first number in the channel, that of the first of these, and their age.
    let numbers = [7, 7, 7, 7, 7, 1, first, 0];
    let mut message = [&[PUBLICATIONS], &named(CHANNEL)[..], &numbers].concat();
    for content in contents {
        let content = json!(content).to_string();
        message.push(u8::try_from(content.len()).unwrap());
        message.extend(content.as_bytes());
    }
    fake.send(kind::HISTORY, &message);
}

fn listener(relay: &Daemon) -> Client {
    let mut listener = relay.client();
    listener.subscribe_at(CHANNEL);
    listener
}

#[track_caller]
fn hear(listener: &mut Client, contents: &[&str]) -> String {
    contents.iter().fold(String::new(), |_, content| listener.expect_at(CHANNEL, json!(content)))
}

/// Z died between its writes to X and to Y. X had the last message; Y never heard of it, and both of their links were fine.
#[test]
fn what_one_survivor_has_got_reaches_the_others() {
    let (network, ports) = network(2);
    let mut listeners: Vec<Client> = network.relays().iter().map(listener).collect();
    let mut links: Vec<_> = ports.iter().map(fake).collect();
    publish(&mut links[0], 1, &["1", "2"]);
    publish(&mut links[1], 1, &["1"]);
    hear(&mut listeners[0], &["1", "2"]);
    let position = hear(&mut listeners[1], &["1"]);
    links.iter().for_each(FakeRelay::end);
    hear(&mut listeners[1], &["2"]);
    assert_eq!(network.relay(1).client().recover(CHANNEL, &position), 1);
}

/// The one that had got the last message is stopped at once: it took that along. It tells all numbers before its goodbye, and
/// answers until the others have what they lack.
#[test]
fn a_relay_that_stops_takes_nothing_of_another_one_along() {
    let (mut network, ports) = network(2);
    let mut listeners: Vec<Client> = network.relays().iter().map(listener).collect();
    let mut links: Vec<_> = ports.iter().map(fake).collect();
    publish(&mut links[0], 1, &["1", "2"]);
    publish(&mut links[1], 1, &["1"]);
    hear(&mut listeners[0], &["1", "2"]);
    hear(&mut listeners[1], &["1"]);
    // It waits for no client.
    drop(listeners.remove(0));
    links.iter().for_each(FakeRelay::end);
    network.relay(0).terminate();
    assert!(network.relay_mut(0).wait().success());
    hear(&mut listeners[0], &["2"]);
}

/// X had Z's last messages, Z was gone, and Y came back: X told it of its own numbers alone. Who came to Y with a position of Z
/// was told that something is lost.
#[test]
fn a_relay_that_comes_back_learns_of_one_that_is_gone() {
    let (mut network, ports) = network(2);
    let mut link = fake(&ports[0]);
    let mut first = listener(network.relay(0));
    publish(&mut link, 1, &["1", "2"]);
    let position = hear(&mut first, &["1"]);
    hear(&mut first, &["2"]);
    link.end();
    network.relay_mut(1).kill();
    network.relay_mut(1).restart();
    let mut back = network.relay(1).client();
    assert_eq!(back.recover(CHANNEL, &position), 1);
    hear(&mut back, &["2"]);
}

/// A gap of 5 to 7: who stood behind 4 came back and was told that nothing is missing. Who was told of the gap is not told again.
#[test]
fn nobody_recovers_from_before_a_gap() {
    let (network, ports) = network(1);
    let relay = network.relay(0);
    let mut first = listener(relay);
    let mut link = fake(&ports[0]);
    publish(&mut link, 1, &["1", "2", "3", "4"]);
    let before = hear(&mut first, &["1", "2", "3", "4"]);
    publish(&mut link, 8, &["8"]);
    // The only one that could have them does not answer.
    let gap = first.next_json();
    assert_eq!((&gap["type"], &gap["channel"]), (&json!("gap"), &json!(CHANNEL)), "{gap}");
    let behind = hear(&mut first, &["8"]);
    relay.client().expect_lost(CHANNEL, &json!(before));
    let mut told = relay.client();
    assert_eq!(told.recover(CHANNEL, gap["position"].as_str().unwrap()), 1);
    hear(&mut told, &["8"]);
    assert_eq!(relay.client().recover(CHANNEL, &behind), 0);
    assert_eq!(relay.status()["history"]["gaps"], 1);
}
