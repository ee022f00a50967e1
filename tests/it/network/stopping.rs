//! What was accepted before SIGTERM leaves to the other relays as well.

use crate::harness::Network;
use serde_json::json;

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

/// One relay after the other is stopped and started again, while listeners on the others go on.
#[test]
fn a_rolling_restart_costs_only_the_clients_of_the_relay_that_restarts() {
    let mut network = Network::of(3);
    for restarted in 0..3 {
        let [here, there] = [(restarted + 1) % 3, (restarted + 2) % 3];
        let mut listener = network.relay(here).client();
        listener.subscribe("steady");
        let mut source = network.relay(there).client();
        source.publish("steady", json!("before"));
        network.relay(restarted).terminate();
        assert_eq!(network.relay_mut(restarted).wait().code(), Some(0));
        (0..100).for_each(|number| source.publish("steady", json!(number)));
        network.relay_mut(restarted).restart();
        network.wait_linked();
        source.publish("steady", json!("after"));
        listener.expect_publish("steady", json!("before"));
        (0..100).for_each(|number| listener.expect_publish("steady", json!(number)));
        listener.expect_publish("steady", json!("after"));
        listener.expect_no_answer();
    }
}
