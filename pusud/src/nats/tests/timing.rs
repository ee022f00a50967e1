//! Timers: whatever has its time: nothing is due that cannot be done.

use super::bench::{ALL, Bench, about, heartbeat};
use std::time::Duration;

#[test]
fn a_relay_without_a_connection_waits_for_nothing() {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    // It is asked how far its channels are, and the connection ends before it has answered.
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 3)));
    bench.pass(Duration::from_millis(500));
    bench.backplane.disconnected("gone".to_owned(), bench.now);
    bench.pass(Duration::from_secs(10));
}

#[test]
fn a_subscription_while_the_relay_joins_waits_without_work() {
    let mut bench = Bench::new("own", 1);
    bench.connect("S1");
    bench.subscribe("a", 1);
    bench.pass(Duration::from_millis(200));
    assert_eq!(bench.home().settled, [0; 0]);
    bench.pass(Duration::from_millis(100));
    assert_eq!(bench.home().settled, [1], "there is nobody");
}
