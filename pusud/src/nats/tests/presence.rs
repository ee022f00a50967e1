//! Who is there: silence of others, and silence of the server.

use super::bench::{ALL, ALONE, Bench, about, heartbeat, welcome};
use crate::routing::PeerState::{Down, Linked};
use std::time::Duration;

fn linked() -> Bench {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    bench
}

#[test]
fn a_silent_relay_is_down() {
    let mut bench = linked();
    bench.pass(Duration::from_millis(2900));
    assert_eq!(bench.peer("other").unwrap().state, Linked);
    bench.pass(Duration::from_millis(300));
    assert_eq!(bench.peer("other").unwrap().state, Down);
}

#[test]
fn a_server_that_says_nothing_says_nothing_of_relays() {
    let mut bench = linked();
    bench.is_heard = false;
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.peer("other").unwrap().state, Linked);
    // It is there again, and so is what the relay has said.
    bench.backplane.heard(bench.now);
    bench.is_heard = true;
    bench.pass(Duration::from_millis(500));
    assert_eq!(bench.peer("other").unwrap().state, Linked);
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.peer("other").unwrap().state, Down);
}

/// A server that has just started drops what it is given until others have answered.
#[test]
fn publications_wait_for_the_answers_however_long_the_way_to_another_server_was() {
    let mut bench = linked();
    bench.is_heard = false;
    bench.pass(Duration::from_millis(3100));
    bench.backplane.disconnected("silent".to_owned(), bench.now);
    bench.connect("S3");
    bench.is_heard = true;
    bench.pass(Duration::from_millis(700));
    assert!(!bench.backplane.has_joined(), "the other relay has not answered");
    bench.receive(ALONE, &welcome(2, 1, &about("other", 4)));
    assert!(bench.backplane.has_joined());
}
