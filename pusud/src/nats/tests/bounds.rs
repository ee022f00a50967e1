//! Bounds of what others can have this relay keep.

use super::bench::{ALL, ALONE, Bench, about, heartbeat, payload, sender};
use crate::nats::wire::{self, Message, Presence};
use std::time::Duration;

/// What may wait that others have asked for.
const ANSWERS_BYTES_MAX: u64 = 16 << 20;

/// The server does not take what is written, and another relay asks without end.
#[test]
fn answers_to_questions_are_bounded_and_publications_are_not_crowded_out() {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    bench.publish("a", "1");
    let names = vec!["a"; 3000];
    let question = |number| payload(|out| wire::barrier(out, sender(2, 1), number, names.iter().copied()));
    let mut grown = 0;
    for number in 1..500 {
        let before = bench.nats().queue_bytes;
        bench.receive(ALONE, &question(number));
        grown += u64::from(bench.nats().queue_bytes > before);
    }
    let waiting = bench.nats().queue_bytes;
    assert!((ANSWERS_BYTES_MAX..ANSWERS_BYTES_MAX + 100_000).contains(&waiting), "{waiting}");
    assert!((200..400).contains(&grown), "{grown} answers of 60 KB each");
    bench.publish("a", "1");
    assert!(bench.nats().queue_bytes > waiting && bench.nats().dropped == 0);
    // What it has to say of itself is said all the same, and of others nobody is told.
    bench.subscribe("b", 1);
    bench.receive(ALONE, &payload(|out| wire::presence(out, sender(2, 1), Presence::Join, &about("other", 1))));
    bench.pass(Duration::from_secs(1));
    let written = bench.written();
    let is = |is: fn(&Message<'_>) -> bool| written.iter().any(|one| is(&one.message()));
    assert!(is(|message| matches!(message, Message::Barrier { .. })), "others are asked");
    assert!(is(|message| matches!(message, Message::Presence(Presence::Heartbeat, _))), "it is there");
    assert!(!is(|message| matches!(message, Message::Presence(Presence::Welcome, _))), "that is an answer");
    // Once there is room, questions are answered again.
    bench.receive(ALONE, &question(500));
    assert!(bench.written().iter().any(|one| matches!(one.message(), Message::Passed { number: 500, .. })));
}

/// Whatever others can repeat without end is said at most once a second, all kinds together.
#[test]
fn warnings_that_others_bring_about_are_at_least_a_second_apart() {
    let mut bench = Bench::joined("own", 1);
    let began = bench.now;
    let mut said = Vec::new();
    for _ in 0..500 {
        if bench.backplane.may_warn(bench.now) {
            said.push((bench.now - began).as_millis());
        }
        bench.pass(Duration::from_millis(10));
    }
    assert_eq!(said, [0, 1000, 2000, 3000, 4000]);
}
