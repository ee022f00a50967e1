//! Servers that die, stand still and come back, under load: clients stay connected, a relay is soon at another server, and
//! what did not arrive is what was counted, to the message.

use super::seen::{wait_connected, wait_disconnected, wait_seen};
use crate::harness::{Checker, Network, tell};
use crate::network::traffic::{CHANNEL, Flow, Outcome, Traffic, assert_healed};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

/// A thousand messages a second from each source, as far as the machine lets it.
const BUSY: Flow = Flow { pause: Duration::from_millis(1), padding: 20 };

/// What every relay hears before something is done to the network, and afterwards.
const HEARD: u64 = 300;

/// Does something to the network while the sources on some relays publish to listeners on all three; returns the account
/// when everything is well again.
fn under(row: &str, sources: &[usize], fault: impl FnOnce(&mut Network)) -> Option<(Network, Outcome)> {
    let mut network = Network::over_nats(3)?;
    let traffic = Traffic::begin(&network, sources, &[0, 1, 2], BUSY);
    everybody_hears(&network);
    fault(&mut network);
    let healed = assert_healed(&network);
    everybody_hears(&network);
    let outcome = traffic.end(&network);
    tell(format_args!("nats: {row}: healed within {:.2} s, {}", healed.as_secs_f64(), outcome.told()));
    Some((network, outcome))
}

/// The load goes on at every relay.
fn everybody_hears(network: &Network) {
    for relay in network.relays() {
        let mut listener = relay.listener();
        listener.checker = Checker::of_losses();
        listener.subscribe(CHANNEL);
        listener.listen(HEARD);
    }
}

/// The other two lose nothing.
#[test]
fn the_server_of_a_listener_is_killed() {
    let Some((mut network, outcome)) = under("kill -9, a listener's server", &[0, 1], |network| {
        network.nats_mut().kill(2);
        network.nats().wait_for_clients(3, &[]);
    }) else {
        return;
    };
    outcome.assert_complete(|account| account.to != 2);
    outcome.assert_undisturbed(|from, to| from != 2 && to != 2);
    // It can go back, and does not have to.
    network.nats_mut().restart(2);
    network.wait_linked();
}

/// All others may lose something of it.
#[test]
fn the_server_of_a_source_is_killed() {
    let Some((_, outcome)) = under("kill -9, a source's server", &[0, 1], |network| {
        network.nats_mut().kill(0);
        network.nats().wait_for_clients(3, &[]);
    }) else {
        return;
    };
    outcome.assert_complete(|account| account.from == 1 && account.to == 2);
}

/// Longer than a relay waits for its server.
const STILL: Duration = Duration::from_secs(5);

fn stands_still(network: &Network, server: usize) {
    let began = Instant::now();
    network.nats().freeze(server);
    network.nats().wait_for_clients(3, &[server]);
    // The fault lasts as long as it lasts.
    thread::sleep(STILL.saturating_sub(began.elapsed()));
    network.nats().thaw(server);
}

#[test]
fn the_server_of_a_listener_stands_still() {
    let Some((_, outcome)) = under("SIGSTOP 5 s, a listener's server", &[0, 1], |network| stands_still(network, 2))
    else {
        return;
    };
    outcome.assert_complete(|account| account.to != 2);
}

/// When it goes on, it sends what was in its sockets, behind what the relay has sent by another server meanwhile: that
/// comes to nobody, since listeners' order would not hold any more.
#[test]
fn the_server_of_a_source_stands_still() {
    let Some((network, outcome)) = under("SIGSTOP 5 s, a source's server", &[0, 1], |network| stands_still(network, 0))
    else {
        return;
    };
    outcome.assert_complete(|account| account.from == 1 && account.to == 2);
    println!("{} late ones were dropped", super::seen::late(&network, 0, 1));
}

/// Clients of one relay go on with each other, and the relay says what it lacks.
#[test]
fn all_servers_are_away() {
    let Some((network, _)) = under("all servers killed", &[0, 1, 2], |network| {
        (0..3).for_each(|at| network.nats_mut().kill(at));
        network.relays().iter().for_each(|relay| drop(wait_disconnected(relay)));
        for relay in network.relays() {
            let (mut source, mut listener) = (relay.client(), relay.client());
            for number in 0..20 {
                let channel = format!("local.{number}");
                listener.subscribe(&channel);
                source.publish(&channel, json!(number));
                listener.expect_publish(&channel, json!(number));
            }
        }
        (0..3).for_each(|peer| wait_seen(network, (peer + 1) % 3, peer, false));
        (0..3).for_each(|at| network.nats_mut().restart(at));
        network.relays().iter().for_each(|relay| drop(wait_connected(relay)));
    }) else {
        return;
    };
    network.relays().iter().for_each(|relay| relay.expect_nobody_disconnected());
}

/// Relays may be started before any server is: they serve their clients, and are one network when there is one.
#[test]
fn servers_come_after_the_relays() {
    let Some(mut cluster) = crate::harness::NatsCluster::of(2) else { return };
    (0..2).for_each(|at| cluster.kill(at));
    let mut network = Network::unlinked_over(cluster, 2, |_, setup| setup);
    for relay in network.relays() {
        let mut client = relay.client();
        client.subscribe("own");
        client.publish("own", json!(1));
        client.expect_publish("own", json!(1));
    }
    (0..2).for_each(|at| network.nats_mut().restart(at));
    network.wait_linked();
}
