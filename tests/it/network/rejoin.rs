//! A relay that dies comes back, as often as it likes, and the others go on meanwhile.

use crate::harness::{Client, Network};
use serde_json::json;

#[test]
fn a_killed_relay_rejoins_and_the_others_do_not_notice() {
    let mut network = Network::of(3);
    let mut source = network.relay(0).client();
    let mut survivors: Vec<Client> = (0..2).map(|at| network.relay(at).client()).collect();
    survivors.iter_mut().for_each(|survivor| survivor.subscribe("steady"));
    let mut number = 0;
    let mut publish_some = |survivors: &mut [Client]| {
        for _ in 0..100 {
            source.publish("steady", json!(number));
            survivors.iter_mut().for_each(|survivor| survivor.expect_publish("steady", json!(number)));
            number += 1;
        }
    };
    for _ in 0..3 {
        publish_some(&mut survivors);
        network.relay_mut(2).kill();
        publish_some(&mut survivors);
        network.relay_mut(2).restart();
        publish_some(&mut survivors);
        network.wait_linked();
        let mut returned = network.relay(2).client();
        returned.subscribe("steady");
        publish_some(&mut survivors);
        for _ in 0..100 {
            assert_eq!(returned.next_json()["channel"], "steady");
        }
        returned.expect_no_answer();
        // What the relay that comes back publishes reaches those that stayed.
        let mut source = network.relay(2).client();
        source.publish("steady", json!("hello again"));
        survivors.iter_mut().for_each(|survivor| survivor.expect_publish("steady", json!("hello again")));
    }
}

/// Relays that are started in the same moment dial each other in the same moment.
#[test]
fn relays_that_start_together_find_each_other() {
    let mut network = Network::of(3);
    for _ in 0..3 {
        (0..3).for_each(|at| network.relay_mut(at).kill());
        (0..3).for_each(|at| network.relay_mut(at).restart());
        network.wait_linked();
    }
}
