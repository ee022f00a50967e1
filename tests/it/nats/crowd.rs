//! Twenty relays on one machine.

use crate::delivery::deliveries::deliver;
use crate::harness::{Daemon, NatsCluster, Network, many_open_files, time_without_stalls};
use crate::network::traffic::wait_until_interest_is_right;
use std::time::Duration;

const RELAYS: usize = 20;
/// It takes a part of that where the machine has nothing else to do.
const FORMED_MAX: Duration = Duration::from_secs(2);

#[test]
fn twenty_relays_are_one_network_at_once_and_lose_nothing() {
    many_open_files();
    let Some(cluster) = NatsCluster::of(3) else { return };
    let network = Network::unlinked_over(cluster, RELAYS, |_, setup| setup);
    let (_, formed) = time_without_stalls(|| wait_until_interest_is_right(&network));
    println!("a network of {RELAYS} within {formed:?} of the last one's start");
    assert!(formed < FORMED_MAX, "it took {formed:?}");
    network.wait_linked();
    deliver(&network.relays().iter().map(Daemon::address).collect::<Vec<_>>(), 50);
}
