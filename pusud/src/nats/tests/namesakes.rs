//! Starts of a relay that follow on each other, and two relays of one name.

use super::bench::{ALL, Bench, about, heartbeat, publications, welcome};
use std::time::Duration;

const CHANNEL: u64 = 16;

#[test]
fn of_two_relays_of_one_name_the_later_one_is_heard() {
    let mut bench = Bench::joined("own", 1);
    bench.subscribe("a", 1);
    bench.receive(ALL, &heartbeat(3, 1, &about("twin", 5)));
    bench.receive(CHANNEL, &publications(3, 1, &["1"]));
    // The earlier one publishes before it has said its name, and then says it.
    bench.receive(CHANNEL, &publications(2, 1, &["2"]));
    bench.receive(ALL, &heartbeat(2, 1, &about("twin", 9)));
    bench.receive(CHANNEL, &publications(2, 2, &["3"]));
    bench.receive(CHANNEL, &publications(3, 2, &["4"]));
    let delivered: Vec<&str> = bench.home().delivered.iter().map(|(_, content)| &**content).collect();
    assert_eq!(delivered, ["1", "4"]);
    assert_eq!((bench.nats().garbage, bench.peer("twin").unwrap().traffic.received), (0, 2));
}

#[test]
fn whatever_comes_late_of_an_earlier_start_is_dropped() {
    let mut bench = Bench::joined("own", 1);
    bench.subscribe("a", 1);
    bench.receive(ALL, &heartbeat(2, 2, &about("other", 5)));
    bench.receive(CHANNEL, &publications(2, 1, &["1", "2", "3"]));
    bench.receive(ALL, &heartbeat(3, 1, &about("other", 1)));
    bench.receive(CHANNEL, &publications(2, 2, &["2"]));
    assert_eq!((bench.home().delivered.len(), bench.nats().garbage), (3, 0));
}

#[test]
fn both_say_what_is_wrong() {
    for (other, words) in [(1, "is not heard any more"), (9, "started later")] {
        let mut bench = Bench::joined("twin", 5);
        bench.receive(ALL, &heartbeat(other, 1, &about("twin", 1)));
        assert!(bench.nats().last_error.unwrap().contains(words), "{other}");
        assert!(bench.peer("twin").is_none());
    }
}

#[test]
fn a_late_heartbeat_of_an_earlier_connection_moves_nobody_back() {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 2, &about("other", 5)));
    bench.written();
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 4)));
    bench.receive(ALL, &welcome(2, 1, &super::bench::About { server: "S9".into(), ..about("other", 4) }));
    assert!(bench.written().is_empty(), "nobody listens there any more");
    assert_eq!(bench.peer("other").unwrap().remote.as_deref(), Some("S2"));
}

#[test]
fn what_this_relay_has_said_over_an_earlier_connection_comes_back_without_harm() {
    let mut bench = Bench::joined("own", 1);
    bench.subscribe("a", 1);
    bench.backplane.disconnected("gone".to_owned(), bench.now);
    bench.connect("S3");
    bench.receive(CHANNEL, &publications(1, 1, &["1"]));
    bench.receive(ALL, &heartbeat(1, 1, &about("own", 1)));
    assert_eq!((bench.nats().garbage, bench.nats().last_error.as_deref()), (0, Some("gone")));
    bench.receive(ALL, &heartbeat(1, 2, &about("own", 1)));
    assert_eq!(bench.nats().garbage, 1, "what goes over this one does not come back");
    bench.pass(Duration::from_secs(1));
}
