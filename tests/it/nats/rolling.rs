//! Servers that are replaced one by one, as on an update, while clients publish and listen.

use super::seen::disconnects;
use crate::harness::{NatsCluster, NatsProgram, NatsSettings, Network, not_run, tell};
use crate::network::traffic::{STEADY, Traffic, assert_healed};

/// Each server says that it goes, its relays go to others, and it comes back as `next`.
fn replace_all(mut network: Network, next: &NatsProgram, row: &str) {
    let relays = 0..3;
    let traffic = Traffic::begin(&network, &[0, 1, 2], &[0, 1, 2], STEADY);
    let before: Vec<u64> = relays.clone().map(|at| disconnects(network.relay(at))).collect();
    for at in 0..network.nats().len() {
        network.nats_mut().lame_duck(at);
        network.nats_mut().restart_as(at, next);
        assert_healed(&network);
    }
    let outcome = traffic.end(&network);
    let moved: u64 = relays.map(|at| disconnects(network.relay(at)) - before[at]).sum();
    assert!(moved >= 3, "every server had a relay, and only {moved} have gone elsewhere");
    network.relays().iter().for_each(|relay| relay.expect_nobody_disconnected());
    tell(format_args!("nats: {row}: relays connected anew {moved} times, {}", outcome.told()));
}

#[test]
fn every_server_is_restarted() {
    let Some(program) = NatsProgram::any() else { return };
    let cluster = NatsCluster::running(&program, 3, NatsSettings::open());
    replace_all(Network::over(cluster, 3, |_, setup| setup), &program, "a rolling restart of the servers");
}

#[test]
fn every_server_is_updated() {
    let (Some(debian), Some(current)) = (NatsProgram::debian(), NatsProgram::current()) else {
        not_run("a rolling update of the servers", "there are not two releases (`make test-tools venv`)");
        return;
    };
    let cluster = NatsCluster::running(&debian, 3, NatsSettings::open());
    let row = format!("an update of the servers, {} to {}", debian.version(), current.version());
    replace_all(Network::over(cluster, 3, |_, setup| setup), &current, &row);
}
