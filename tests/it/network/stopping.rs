//! What was accepted before SIGTERM leaves to the other relays as well.

use super::traffic::{CHANNEL, STEADY, Traffic, assert_healed, wait_until_interest_is_right};
use crate::harness::{Client, DEADLINE, Ended, Listener, Network, stamped};
use serde_json::{Value, json};
use std::thread;
use std::time::Instant;
use tokio_tungstenite::tungstenite::Message;

#[test]
fn what_was_published_before_sigterm_arrives_elsewhere() {
    let mut network = Network::with(2, |_, setup| setup.shards(2));
    let mut listener = network.relay(1).client();
    listener.subscribe("a");
    let mut source = network.relay(0).client();
    for number in 0..2_000 {
        source.publish("a", json!(number));
    }
    source.expect_no_answer();
    network.relay(0).terminate();
    source.expect_closed(1001);
    assert_eq!(network.relay_mut(0).wait().code(), Some(0));
    (0..2_000).for_each(|number| listener.expect_publish("a", json!(number)));
}

/// One relay after the other is stopped and started again under load. Its own clients are told, and lose nothing of what it
/// accepted before; the others do not notice.
#[test]
fn a_rolling_restart_costs_only_the_clients_of_the_relay_that_restarts() {
    let drain = "limits: {drain_grace: 1s, drain_spread: 2s}";
    let mut network = Network::unlinked(3, |_, setup| setup.settings(drain));
    wait_until_interest_is_right(&network);
    (0..3).for_each(|restarted| restart_under_load(&mut network, restarted));
}

fn restart_under_load(network: &mut Network, restarted: usize) {
    const LISTENERS: usize = 20;
    // What somebody who comes back hears, at least.
    const HEARD: u64 = 30;
    let staying = [(restarted + 1) % 3, (restarted + 2) % 3];
    let traffic = Traffic::begin(network, &staying, &staying, STEADY);
    let listeners: Vec<_> = (0..LISTENERS).map(|_| listener_of(network, restarted)).collect();
    let source = network.relay(restarted).client();
    let (accepted, drained) = thread::scope(|scope| {
        let source = scope.spawn(|| publish_until_closed(source, restarted));
        let listeners = listeners.into_iter().map(|listener| scope.spawn(|| hear_until_closed(listener, HEARD)));
        let listeners: Vec<_> = listeners.collect();
        wait_until_published(network, restarted);
        network.relay(restarted).terminate();
        let began = Instant::now();
        assert_eq!(network.relay_mut(restarted).wait().code(), Some(0));
        let drained = began.elapsed();
        listeners.into_iter().for_each(|listener| listener.join().unwrap());
        (source.join().unwrap(), drained)
    });
    network.relay_mut(restarted).restart();
    let linked = assert_healed(network);
    listener_of(network, restarted).listen(HEARD);
    let outcome = traffic.end(network);
    outcome.assert_complete(|_| true);
    outcome.assert_heard(restarted, accepted);
    let slowest = outcome.slowest.iter().map(|(_, slowest)| *slowest).max().expect("there are two");
    assert!(slowest < drained, "a message between the others took {slowest:?}, the stop {drained:?}");
    outcome.assert_undisturbed(|_, _| true);
    println!(
        "relay {restarted} stopped within {drained:?}, {accepted} messages of its own source accepted; interest right \
         within {linked:?} of its start; between the others {}, at most {slowest:?} under way",
        outcome.told()
    );
}

fn listener_of(network: &Network, relay: usize) -> Listener {
    let mut listener = network.relay(relay).listener();
    listener.subscribe(CHANNEL);
    listener
}

/// Waits until the sources of all relays are heard on a relay.
fn wait_until_published(network: &Network, relay: usize) {
    let mut listener = listener_of(network, relay);
    while !(0..3).all(|source| listener.checker.arrived_of(CHANNEL, source).0 >= 10) {
        listener.next(DEADLINE).expect("nobody is disconnected before the signal");
    }
}

/// Publishes until the relay closes the connection; how many messages it has confirmed before, each by a pong behind it.
fn publish_until_closed(mut source: Client, at: usize) -> u64 {
    let mut accepted = 0;
    loop {
        let content: Value = serde_json::from_str(&stamped(at, accepted + 1, STEADY.padding)).unwrap();
        let publish = json!({"type": "publish", "channel": CHANNEL, "content": content}).to_string();
        // The relay may have closed it meanwhile, and what it said stands in the way of what it is told.
        let _ = source.try_send(Message::text(publish)).and_then(|()| source.try_send(Message::Ping("p".into())));
        match source.next_message() {
            Message::Pong(_) => accepted += 1,
            Message::Close(Some(frame)) => {
                assert_eq!(u16::from(frame.code), 1001);
                return accepted;
            }
            other => panic!("{other:?}"),
        }
        thread::sleep(STEADY.pause);
    }
}

/// Hears everything without a gap until the relay says that it goes, and at least so much.
fn hear_until_closed(mut listener: Listener, least: u64) {
    let ended = loop {
        if let Err(ended) = listener.next(DEADLINE) {
            break ended;
        }
    };
    assert_eq!(ended, Ended::Closed(1001));
    assert!(listener.checker.received >= least, "{} were heard", listener.checker.received);
}
