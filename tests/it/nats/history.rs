//! History over servers of NATS: listeners move from relay to relay with their positions, while servers are killed and relays
//! restarted under load. Each of them accounts for every message: it has it, or was told.

use super::followers::{Outcome, Story};
use crate::harness::{NatsCluster, Network, tell};
use std::thread;
use std::time::Duration;

const HISTORY: &str = "history:\n  - channels: [h.*]\n    size: 10000\n    ttl: 1min\n";

fn network() -> Option<Network> {
    let cluster = NatsCluster::of(3)?;
    Some(Network::over(cluster, 3, |_, setup| setup.settings(HISTORY)))
}

fn told(row: &str, outcome: &Outcome) {
    tell(format_args!("nats: history: {row}: {outcome}"));
    assert!(outcome.recovered > 0, "nobody has come back: {outcome}");
}

#[test]
fn positions_are_good_at_every_relay() {
    let Some(network) = network() else { return };
    let story = Story::begin(&network);
    thread::sleep(Duration::from_secs(5));
    let outcome = story.end(&network);
    told("nothing is done", &outcome);
    assert_eq!((outcome.lost, outcome.gaps), (0, 0), "nothing was lost");
}

#[test]
fn servers_are_killed_and_everybody_accounts_for_every_message() {
    let Some(mut network) = network() else { return };
    let story = Story::begin(&network);
    for at in 0..3 {
        network.nats_mut().kill(at);
        // Relays go on at the other servers meanwhile.
        thread::sleep(Duration::from_secs(1));
        network.nats_mut().restart(at);
        network.wait_linked();
    }
    told("each server is killed", &story.end(&network));
}

#[test]
fn relays_are_restarted_in_turn_and_everybody_accounts_for_every_message() {
    let Some(mut network) = network() else { return };
    let story = Story::begin(&network);
    for at in 0..3 {
        thread::sleep(Duration::from_secs(1));
        story.closes(at);
        network.relay(at).terminate();
        assert!(network.relay_mut(at).wait().success());
        network.relay_mut(at).restart();
        story.serves(at, network.relay(at).address());
        network.wait_linked();
    }
    let outcome = story.end(&network);
    told("each relay is restarted", &outcome);
    assert_eq!((outcome.lost, outcome.gaps), (0, 0), "planned restarts lose nothing");
}
