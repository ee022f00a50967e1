//! Barriers while something else happens: who is certain of what, and which losses are counted.

use super::bench::{ALL, Bench, about, heartbeat, publications};
use crate::nats::wire::Message;
use crate::routing::PeerStatus;
use std::time::Duration;

/// The subscription to the first channel.
const CHANNEL: u64 = 16;
/// Until the next barrier may begin.
const PAUSE: Duration = Duration::from_millis(5);

/// One that knows another relay.
fn linked() -> Bench {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("second", 1)));
    bench
}

fn settled(bench: &mut Bench) -> Vec<u64> {
    std::mem::take(&mut bench.home().settled)
}

fn peer(bench: &Bench, name: &str) -> PeerStatus {
    bench.peer(name).unwrap()
}

#[test]
fn an_answer_to_an_earlier_subscription_settles_no_later_one() {
    let mut bench = linked();
    bench.subscribe("a", 1);
    bench.unsubscribe("a");
    bench.subscribe("a", 2);
    bench.passed(2, 1, &[(0, 10)]);
    assert_eq!(settled(&mut bench), [1]);
    bench.subscribe("a", 3);
    assert_eq!(settled(&mut bench), [0; 0], "the other relay's server may not know of the subscription");
    bench.pass(PAUSE);
    // What it has published between the two need not have come, and is not missing.
    bench.passed(2, 2, &[(0, 12)]);
    assert_eq!((settled(&mut bench), peer(&bench, "second").traffic.missed), (vec![2, 3], 0));
    bench.subscribe("a", 4);
    assert_eq!(settled(&mut bench), [4]);
}

#[test]
fn a_relay_that_comes_during_a_barrier_is_asked_too() {
    let mut bench = linked();
    bench.subscribe("a", 1);
    bench.receive(ALL, &heartbeat(3, 1, &about("third", 1)));
    bench.passed(2, 1, &[]);
    bench.subscribe("a", 2);
    assert_eq!(settled(&mut bench), [0; 0]);
    bench.pass(PAUSE);
    bench.passed(2, 2, &[]);
    assert_eq!(settled(&mut bench), [0; 0], "its server may not know of the subscription");
    bench.passed(3, 2, &[(0, 3)]);
    assert_eq!(settled(&mut bench), [1, 2]);
    bench.receive(CHANNEL, &publications(3, 5, &["1"]));
    assert_eq!(peer(&bench, "third").traffic.missed, 1, "it has told how far it is");
}

#[test]
fn a_relay_that_moves_during_a_barrier_is_asked_again() {
    let mut bench = linked();
    bench.receive(ALL, &heartbeat(3, 1, &about("third", 1)));
    bench.subscribe("a", 1);
    bench.passed(3, 1, &[]);
    bench.receive(ALL, &heartbeat(3, 2, &about("third", 2)));
    bench.passed(2, 1, &[]);
    bench.subscribe("a", 2);
    bench.pass(PAUSE);
    bench.passed(2, 2, &[]);
    assert_eq!(settled(&mut bench), [0; 0]);
    bench.pass(Duration::from_secs(1));
    assert_eq!(settled(&mut bench), [1, 2]);
    assert!(peer(&bench, "third").lagging && !peer(&bench, "second").lagging);
}

/// Of a hundred subscriptions the first has the barrier, and the others wait for it as long as it lasts.
#[test]
fn whoever_waits_behind_a_barrier_in_vain_has_one_too() {
    let mut bench = linked();
    bench.receive(ALL, &heartbeat(3, 1, &about("third", 1)));
    (0..100).for_each(|channel| bench.subscribe(&format!("c{channel}"), channel));
    bench.passed(2, 1, &[(0, 7)]);
    bench.pass(Duration::from_millis(1100));
    assert_eq!(settled(&mut bench), (0..100).collect::<Vec<_>>());
    assert!(peer(&bench, "third").lagging && !peer(&bench, "second").lagging);
    let lasts: Vec<(u32, u64)> = (0..100).map(|place| (place, 7)).collect();
    bench.passed(2, 2, &lasts);
    bench.subscribe("c99", 100);
    assert_eq!(settled(&mut bench), [100], "it is certain of all that do not lag");
    // Nothing of it has come before, and the loss is counted.
    bench.receive(CHANNEL + 99 * ((1 << 24) + 1), &publications(2, 9, &["1"]));
    assert_eq!(peer(&bench, "second").traffic.missed, 1);
}

#[test]
fn an_answer_that_comes_too_late_does_not_end_lagging() {
    let mut bench = linked();
    bench.subscribe("a", 1);
    bench.pass(Duration::from_millis(1050));
    assert!(peer(&bench, "second").lagging && settled(&mut bench) == [1]);
    bench.passed(2, 1, &[]);
    assert!(peer(&bench, "second").lagging);
    // A barrier passes without it, and then it answers in time.
    bench.subscribe("b", 2);
    assert_eq!(settled(&mut bench), [2]);
    bench.pass(Duration::from_millis(1300));
    let written = bench.written();
    let mut asked = written.iter().filter_map(|one| match one.message() {
        Message::Barrier { number, .. } => Some(number),
        _ => None,
    });
    let last = asked.next_back().unwrap();
    bench.passed(2, last, &[]);
    assert!(!peer(&bench, "second").lagging);
    bench.subscribe("b", 3);
    assert_eq!(settled(&mut bench), [0; 0], "what was certain without it is not certain of it");
    bench.pass(PAUSE);
    let resumed = bench.written().iter().any(|one| matches!(one.message(), Message::Resume { .. }));
    assert!(resumed, "it is asked how far it is");
}
