//! Two relays with one name: the one that was started later takes the place of the other, and the log of both says so.

use crate::harness::Network;
use serde_json::json;

#[test]
fn of_two_relays_with_one_name_one_is_refused() {
    let network = Network::unlinked(3, |at, setup| setup.name(if at == 0 { "single" } else { "double" }));
    for relay in &network.relays()[1..] {
        relay.log().wait_for("a line that names the name", |line| {
            (line.contains("refused") && line.contains("double")).then_some(())
        });
    }
    // The relay with a name of its own is linked with one of them, and its clients are served.
    let mut client = network.relay(0).client();
    client.subscribe("a");
    client.publish("a", json!(1));
    client.expect_publish("a", json!(1));
}
