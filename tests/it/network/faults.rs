//! Partitions, lost packets and relays that stand still, on real TCP: three relays in network namespaces of their own, and
//! a router between them whose packet filter drops what the test says. Afterwards nothing came twice or out of order, and
//! what did not arrive is what was counted.
//!
//! Without the rights or the tools for it, what needs no packet filter is done on the loopback interface, and the output
//! says so.

use super::place::{Place, all_at_once, can_drop_packets};
use super::traffic::{Flow, Outcome, STEADY, Traffic, assert_healed, wait_until_all_is_sent};
use crate::harness::Hook;
use std::thread;
use std::time::{Duration, Instant};

/// What is not longer costs no message: TCP tries at least once more before it gives up, after 9 s.
const HARMLESS: Duration = Duration::from_secs(3);

/// What waits for one relay at the most, in bytes: what it was made of the allocator keeps for the next time.
const QUEUE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What is dropped between the first relay and the second one.
#[derive(Debug, Clone, Copy)]
enum Partition {
    BothWays,
    There,
    Back,
}

#[test]
fn partitions_heal() {
    let kinds = [Partition::BothWays, Partition::There, Partition::Back];
    if !can_drop_packets("partitions by a packet filter") {
        return;
    }
    // The long one of each kind beside the others: more networks at a time would keep the machine from everything else.
    let rows = [&[17][..], &[7, 5, 2, 1]];
    all_at_once(kinds.into_iter().flat_map(|kind| rows.map(|row| (kind, row))), |(kind, row)| {
        row.iter().for_each(|&seconds| partition(kind, Duration::from_secs(seconds)));
    });
}

fn partition(kind: Partition, time: Duration) {
    let place = Place::new();
    let (network, router) = (&place.network, place.router());
    let mut clients = [0, 1].map(|at| network.relay(at).client());
    clients.iter_mut().for_each(|client| client.subscribe("until then"));
    let traffic = Traffic::begin(network, &[0, 1, 2], &[0, 1, 2], STEADY);
    let began = Instant::now();
    match kind {
        Partition::BothWays => {
            router.cut(0, 1, Hook::Forward);
            router.cut(1, 0, Hook::Forward);
        }
        Partition::There => router.cut(0, 1, Hook::Input),
        Partition::Back => router.cut(1, 0, Hook::Output),
    }
    // What the other one has to learn when it can be reached again.
    all_at_once(&mut clients, |client| {
        client.unsubscribe("until then");
        client.subscribe("from now on");
        client.subscribe("this too");
    });
    // The fault lasts as long as it lasts.
    thread::sleep(time.saturating_sub(began.elapsed()));
    let time = began.elapsed();
    let dropped = router.heal();
    let healed = assert_healed(network);
    let fault = began.elapsed();
    let outcome = traffic.end(network);
    assert!(dropped > 0, "there was no fault");
    outcome.assert_complete(|account| time <= HARMLESS || account.from == 2 || account.to == 2);
    outcome.assert_sent_while_linked(fault);
    let slowest = outcome.assert_undisturbed(|from, to| from == to || from == 2 || to == 2);
    drop(clients);
    let seen = format!(
        "{dropped} packets dropped, healed within {:.1} s, {}, at most {} ms to and from the third relay, {}",
        healed.as_secs_f64(),
        outcome.told(),
        slowest.as_millis(),
        place.assert_is_as_before(0),
    );
    place.tell(&format!("partition, {kind:?}, {:.1} s", time.as_secs_f64()), &seen);
}

/// TCP sends it again.
#[test]
fn lost_packets_lose_no_messages() {
    if !can_drop_packets("lost packets") {
        return;
    }
    all_at_once([5, 20], |percent| {
        let place = Place::new();
        let (network, router) = (&place.network, place.router());
        let traffic = Traffic::begin(network, &[0, 1, 2], &[0, 1, 2], STEADY);
        router.lose(percent);
        let mut client = network.relay(0).client();
        let began = Instant::now();
        let mut subscribed = 0;
        while began.elapsed() < Duration::from_secs(10) {
            client.subscribe(&format!("lossy.{subscribed}"));
            subscribed += 1;
            thread::sleep(Duration::from_millis(100));
        }
        let dropped = router.heal();
        let healed = assert_healed(network).as_secs_f64();
        let fault = began.elapsed();
        let outcome = traffic.end(network);
        assert!(dropped > 0, "there was no fault");
        outcome.assert_complete(|_| true);
        outcome.assert_sent_while_linked(fault);
        drop(client);
        let (told, after) = (outcome.told(), place.assert_is_as_before(0));
        let seen = format!("{dropped} packets dropped, healed within {healed:.1} s, {told}, {after}");
        place.tell(&format!("{percent} % of the packets lost"), &seen);
    });
}

/// More than the queue for one relay holds is published meanwhile, where the machine is not too busy for that: the rest is
/// dropped, and counted to the message.
#[test]
fn a_relay_that_stands_still_for_5_s_loses_what_was_dropped() {
    const FLOOD: Flow = Flow { pause: Duration::from_millis(5), padding: 60_000 };
    let outcome = stands_still(Duration::from_secs(5), FLOOD);
    for from in [0, 1] {
        let account = outcome.of(from, 2);
        assert_eq!(account.unlinked, 0, "the link was up throughout: {account:?}");
        assert_eq!(account.arrived + account.counted, account.published, "{account:?}");
    }
}

/// Its links end meanwhile, and begin anew.
#[test]
fn a_relay_that_stands_still_for_30_s_comes_back() {
    let outcome = stands_still(Duration::from_secs(30), STEADY);
    for from in [0, 1] {
        assert!(outcome.of(from, 2).unlinked > 0, "the link has not ended");
    }
}

/// The third relay stands still while the other two publish. All that goes on between those two arrives before it goes on.
fn stands_still(time: Duration, flow: Flow) -> Outcome {
    let place = Place::new();
    let network = &place.network;
    let traffic = Traffic::begin(network, &[0, 1], &[0, 1, 2], flow);
    let began = Instant::now();
    network.relay(2).freeze();
    let mut client = network.relay(0).client();
    client.subscribe("meanwhile");
    // The fault lasts as long as it lasts.
    thread::sleep(time.saturating_sub(began.elapsed()));
    traffic.rest();
    network.relay(2).thaw();
    let healed = assert_healed(network).as_secs_f64();
    let fault = began.elapsed();
    wait_until_all_is_sent(network);
    let outcome = traffic.end(network);
    outcome.assert_complete(|account| account.to != 2);
    outcome.assert_sent_while_linked(fault);
    let slowest = outcome.assert_undisturbed(|from, to| from != 2 && to != 2).as_millis();
    drop(client);
    let (told, after) = (outcome.told(), place.assert_is_as_before(QUEUE_BYTES_MAX));
    let seen = format!("healed within {healed:.1} s, {told}, at most {slowest} ms between the others, {after}");
    place.tell(&format!("SIGSTOP, {} s", time.as_secs()), &seen);
    outcome
}
