//! Very many deliveries over three relays at three servers: nothing lost, nothing twice, nothing out of order. As many as
//! `PUSU_NATS_DELIVERIES` says in millions (`make soak-nats`).

use crate::delivery::deliveries::{EACH, deliver};
use crate::harness::{Daemon, Network};

/// The whole test is five million.
const MILLIONS: u64 = 5;
const DELIVERIES_VARIABLE: &str = "PUSU_NATS_DELIVERIES";

#[test]
fn all_arrive_once_and_in_order() {
    let each = match std::env::var(DELIVERIES_VARIABLE) {
        Ok(millions) => EACH * millions.parse::<u64>().expect("a number of millions") / MILLIONS,
        Err(_) => EACH / 25,
    };
    let Some(network) = Network::over_nats(3) else { return };
    deliver(&network.relays().iter().map(Daemon::address).collect::<Vec<_>>(), each);
}
