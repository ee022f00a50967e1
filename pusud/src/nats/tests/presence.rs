//! Presence of others: their silence, that of the server, and what is known of those that are heard late.

use super::bench::{ALL, ALONE, Bench, about, heartbeat, payload, publications, sender, welcome};
use crate::nats::wire::{self, About, Message, Piece};
use crate::routing::PeerState::{Down, Linked, Stopped};
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
fn a_relay_that_has_said_goodbye_is_stopped_and_not_down() {
    let mut bench = linked();
    bench.receive(ALL, &payload(|out| wire::goodbye(out, sender(2, 1))));
    assert_eq!(bench.peer("other").unwrap().state, Stopped);
    bench.pass(Duration::from_secs(50));
    assert_eq!(bench.peer("other").unwrap().state, Stopped);
    bench.pass(Duration::from_secs(11));
    assert!(bench.peer("other").is_none());
    // Its next start dies without a word.
    bench.receive(ALL, &heartbeat(3, 1, &about("other", 1)));
    assert_eq!(bench.peer("other").unwrap().state, Linked);
    bench.pass(Duration::from_secs(4));
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

/// Clients have subscribed before a relay is heard that has long published.
#[test]
fn a_relay_that_is_heard_says_how_far_all_its_channels_are() {
    let mut bench = Bench::joined("own", 1);
    bench.subscribe("a", 1);
    bench.subscribe("b", 2);
    let asked = |bench: &mut Bench| {
        let is_asked = |message: &Message<'_>| matches!(message, Message::Resume { since: 0, .. });
        bench.written().iter().filter(|one| is_asked(&one.message())).count()
    };
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 7)));
    assert_eq!(asked(&mut bench), 1);
    let numbers = |question, place, channels: &[(&'static str, u64, u64)]| {
        let piece = Piece { question, floor: 3, place, is_last: place == 1 };
        payload(|out| wire::numbers(out, sender(2, 1), piece, channels.iter().copied()))
    };
    // The first piece is lost, and so it is asked again.
    bench.receive(ALONE, &numbers(1, 1, &[]));
    bench.pass(Duration::from_millis(1100));
    assert_eq!(asked(&mut bench), 1);
    bench.receive(ALONE, &numbers(2, 0, &[("b", 0, 10)]));
    // The last one of the first answer was on its way for long, and does not complete the second one.
    bench.receive(ALONE, &numbers(1, 1, &[]));
    bench.pass(Duration::from_millis(900));
    assert_eq!(asked(&mut bench), 0, "while pieces come it is not asked again");
    bench.receive(ALONE, &numbers(2, 1, &[]));
    bench.pass(Duration::from_millis(1100));
    assert_eq!(asked(&mut bench), 0);
    for (sid, first) in [(16, 6), (17 + (1 << 24), 12)] {
        bench.receive(sid, &publications(2, first, &["1"]));
    }
    let traffic = bench.peer("other").unwrap().traffic;
    assert_eq!((traffic.received, traffic.missed), (2, 2 + 1), "4 and 5 of one, 11 of the other");
}

/// It was fast, and now it stands still.
#[test]
fn the_round_trip_grows_while_a_server_does_not_answer() {
    let mut bench = Bench::joined("own", 1);
    let ms = Duration::from_millis;
    bench.backplane.ping(bench.now);
    assert_eq!(bench.nats().round_trip, None, "nothing was answered yet");
    bench.backplane.answered(ms(2));
    bench.backplane.ping(bench.now);
    bench.pass(ms(1));
    assert_eq!(bench.nats().round_trip, Some(ms(2)), "the answer may be under way");
    bench.pass(ms(2499));
    assert_eq!(bench.nats().round_trip, Some(ms(2500)));
    bench.backplane.answered(ms(2500));
    bench.backplane.ping(bench.now);
    bench.backplane.answered(ms(1));
    assert_eq!(bench.nats().round_trip, Some(ms(1)));
}

/// One of an hour ago is another thing than one of now.
#[test]
fn the_last_error_has_its_age() {
    let mut bench = Bench::joined("own", 1);
    assert_eq!(bench.nats().last_error_ago, None);
    bench.backplane.disconnected("gone".to_owned(), bench.now);
    bench.pass(Duration::from_secs(50));
    assert_eq!(bench.nats().last_error_ago, Some(Duration::from_secs(50)));
    bench.connect("S1");
    for beat in 1..4 {
        bench.pass(Duration::from_secs(2));
        bench.receive(ALL, &heartbeat(9, 1, &about("own", beat)));
    }
    bench.pass(Duration::from_secs(1));
    assert!(bench.nats().last_error.unwrap().contains("this relay's name"));
    assert_eq!(bench.nats().last_error_ago, Some(Duration::from_secs(1)), "it was heard again and again");
}

/// Servers learn one after the other that their cluster is called otherwise.
#[test]
fn a_relay_that_is_at_another_cluster_for_a_moment_counts_on() {
    let mut bench = linked();
    bench.subscribe("a", 1);
    bench.passed(2, 1, &[]);
    bench.receive(16, &publications(2, 3, &["1"]));
    bench.receive(ALL, &heartbeat(2, 1, &About { cluster: "d".into(), ..about("other", 2) }));
    assert_eq!(bench.peer("other").unwrap().state, Down);
    bench.receive(16, &publications(2, 4, &["1"]));
    assert_eq!(bench.home().delivered.len(), 1, "nothing is taken of it");
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 3)));
    bench.receive(16, &publications(2, 6, &["1"]));
    let peer = bench.peer("other").unwrap();
    assert_eq!((peer.state, peer.traffic.received, peer.traffic.missed), (Linked, 2, 2 + 2));
}

/// What is known of a relay goes with it.
#[test]
fn a_relay_that_is_forgotten_begins_anew() {
    let mut bench = linked();
    bench.subscribe("a", 1);
    bench.passed(2, 1, &[(0, 100)]);
    bench.pass(Duration::from_secs(3700));
    assert!(bench.peer("other").is_none());
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 9000)));
    bench.receive(16, &publications(2, 5, &["1"]));
    let traffic = bench.peer("other").unwrap().traffic;
    assert_eq!((traffic.received, traffic.late), (1, 0));
}

/// Between servers of two clusters, over gateways or leaf nodes, no barrier holds.
#[test]
fn a_relay_at_another_cluster_is_not_linked() {
    for (cluster, server) in [("d", "S2"), ("", "S2"), ("", "S1")] {
        let mut bench = Bench::joined("r0", 1);
        bench.receive(
            ALL,
            &heartbeat(2, 1, &About { cluster: cluster.into(), server: server.into(), ..about("r1", 1) }),
        );
        assert!(bench.peer("r1").is_none(), "{cluster} {server}");
        let error = bench.nats().last_error.unwrap_or_default();
        assert!(error.contains("relay r1 is at a NATS server of another cluster"), "{error}");
    }
}

/// One heartbeat with a connection that there is not, as of a stranger's, keeps a relay away as long as that seems to live.
#[test]
fn a_relay_is_heard_again_whose_connection_somebody_else_has_named() {
    let mut bench = linked();
    bench.receive(ALL, &heartbeat(2, u32::MAX, &about("other", 2)));
    for number in 3..=8 {
        bench.pass(Duration::from_secs(1));
        bench.receive(ALL, &heartbeat(2, 1, &about("other", number)));
    }
    assert_eq!(bench.peer("other").unwrap().state, Linked);
}

/// What a server has held comes at once, and does not bring back a relay that has died.
#[test]
fn heartbeats_that_come_late_together_bring_nobody_back() {
    let mut bench = linked();
    bench.receive(ALL, &heartbeat(2, 2, &about("other", 2)));
    bench.pass(Duration::from_secs(4));
    (3..30).for_each(|number| bench.receive(ALL, &heartbeat(2, 1, &about("other", number))));
    assert_eq!(bench.peer("other").unwrap().state, Down);
}
