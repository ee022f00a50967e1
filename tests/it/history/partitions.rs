//! Partitions of a network with history, on real TCP: relays in network namespaces of their own, of which one is cut off from
//! the others and not from its clients, who go from one side to the other.

use super::gathering::{LARGE_RING, RELAYS, VISITORS, keeping, told, visited};
use crate::harness::{Hook, Network, Router};
use crate::network::place::can_drop_packets;
use std::thread;
use std::time::Duration;

/// The relay that is cut off.
const ALONE: usize = 2;
const OTHERS: [usize; 2] = [0, 1];

/// `None`: packets cannot be dropped here, and that has been said.
fn network(row: &str) -> Option<(Router, Network)> {
    if !can_drop_packets(row) {
        return None;
    }
    let router = Router::between(RELAYS).expect("it could be made before");
    let network = router.network(|_, setup| keeping(LARGE_RING, setup));
    network.wait_linked();
    Some((router, network))
}

fn cut_off(router: &Router) {
    for other in OTHERS {
        router.cut(ALONE, other, Hook::Forward);
        router.cut(other, ALONE, Hook::Forward);
    }
}

/// Sources publish on both sides, and visitors change sides.
#[test]
fn a_partition_of_10_s_is_healed() {
    let Some((router, mut network)) = network("a partition of 10 s with history") else { return };
    let accounts = visited(&mut network, &[0, 1, 2], &[], |_, _| {
        cut_off(&router);
        // The fault lasts as long as it lasts.
        thread::sleep(Duration::from_secs(10));
        assert!(router.heal() > 0, "there was no fault");
    });
    assert_eq!(told(&accounts), 0, "nobody has to be told of anything");
}

/// The one loss that nobody is told of: a relay that was cut off goes on accepting, and is killed before anybody else has got
/// that. Those that heard it there keep it, and recover elsewhere.
#[test]
fn what_only_a_killed_relay_had_is_all_that_is_lost() {
    let Some((router, mut network)) = network("a relay with history that is cut off and killed") else { return };
    let accounts = visited(&mut network, &[0, 1, 2], &OTHERS, |network, gathering| {
        cut_off(&router);
        gathering.wait_for_messages(ALONE, 50);
        gathering.wait_for_visits(VISITORS / 2);
        // The kernel would go on to send it behind the end of the process.
        router.lose_what_is_on_its_way(ALONE);
        network.relay_mut(ALONE).kill();
        gathering.places.set(ALONE, None);
        assert!(router.heal() > 0, "there was no fault");
        network.relay_mut(ALONE).restart();
        gathering.places.set(ALONE, Some(network.relay(ALONE).client_address()));
        network.wait_linked();
        gathering.wait_for_visits(VISITORS);
    });
    assert!(accounts.iter().any(|account| account.has_more_than_is_due()), "nobody has what only the killed relay had");
    assert_eq!(told(&accounts), 0, "nobody has to be told of anything");
}
