//! A relay that stands still: its server gives it up when too much waits for it, and the others do not notice. What it has
//! missed is counted, to the message.

use super::seen::wait_seen;
use crate::harness::{NatsCluster, Network, tell};
use crate::network::traffic::{Flow, Traffic, assert_healed};
use std::thread;
use std::time::{Duration, Instant};

/// More than the kernel's buffers take in a few seconds: the server cannot write for 10 s then, and ends the connection.
const FLOOD: Flow = Flow { pause: Duration::from_millis(2), padding: 8000 };

fn freeze(seconds: u64) {
    let Some(cluster) = NatsCluster::of(3) else { return };
    let network = Network::over(cluster, 3, |_, setup| setup.settings("limits: {outbox_bytes: 64 MiB}"));
    let traffic = Traffic::begin(&network, &[0, 1], &[0, 1, 2], FLOOD);
    let began = Instant::now();
    network.relay(2).freeze();
    wait_seen(&network, 0, 2, false);
    // The fault lasts as long as it lasts.
    thread::sleep(Duration::from_secs(seconds).saturating_sub(began.elapsed()));
    traffic.rest();
    network.relay(2).thaw();
    let healed = assert_healed(&network).as_secs_f64();
    let outcome = traffic.end(&network);
    outcome.assert_complete(|account| account.to != 2);
    outcome.assert_undisturbed(|from, to| from != 2 && to != 2);
    tell(format_args!("nats: a relay stood still for {seconds} s: healed within {healed:.1} s, {}", outcome.told()));
}

/// Its server keeps everything for it.
#[test]
fn a_relay_that_stands_still_for_a_moment() {
    freeze(5);
}

/// Its server ends its connection meanwhile.
#[test]
fn a_relay_that_stands_still_for_longer_than_its_server_waits() {
    freeze(20);
}
