//! Strangers that publish to the subjects of a network: whatever it is, it does no harm, nothing that is no JSON is
//! delivered, and it is counted.

use super::bench::{ALL, ALONE, Bench, about, heartbeat, payload, publications, sender, stranger};
use crate::nats::wire::{self, Piece};
use proptest::prelude::*;
use std::time::Duration;

/// The subscription to the one channel.
const CHANNEL: u64 = 16;

const PIECE: Piece = Piece { question: 0, floor: 0, place: 0, is_last: true };

fn listening() -> Bench {
    let mut bench = Bench::joined("own", 1);
    bench.subscribe("a", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    bench.written();
    bench
}

#[test]
fn each_kind_of_garbage_is_counted_and_nothing_of_it_delivered() {
    let mut bench = listening();
    let of_another_network = super::bench::About { network: "m".into(), ..about("third", 1) };
    let garbage = [
        (CHANNEL, b"text".to_vec()),
        (ALL, Vec::new()),
        (CHANNEL, publications(2, 0, &["1"])),
        (CHANNEL, publications(2, 1, &[])),
        (CHANNEL, publications(2, 1, &["{"])),
        (CHANNEL, publications(2, 2, &[" 1"])),
        (CHANNEL, publications(1, 1, &["1"])),
        (CHANNEL, publications(2, 3, &["1"])[..40].to_vec()),
        (CHANNEL, heartbeat(3, 1, &about("third", 1))),
        (ALL, heartbeat(3, 1, &of_another_network)),
        (ALL, payload(|out| wire::passed(out, sender(3, 1), (1, 0), std::iter::empty()))),
        (ALONE, payload(|out| wire::goodbye(out, sender(2, 1)))),
        (CHANNEL, publications(2, 1 << 50, &["1"])),
        (CHANNEL, payload(|out| wire::note(out, sender(2, 1), 0, 1 << 50))),
    ];
    for (count, (sid, payload)) in (1..).zip(&garbage) {
        bench.receive(*sid, payload);
        assert_eq!((bench.nats().garbage, bench.home().delivered.len()), (count, 0), "{payload:?}");
    }
    bench.receive(CHANNEL, &publications(2, 4, &["1", "\"a\""]));
    assert_eq!(bench.home().delivered.len(), 2, "a relay goes on");
}

/// More of them than there can be relays.
#[test]
fn ever_new_strangers_push_nobody_out_and_are_counted() {
    let mut bench = listening();
    bench.receive(ALL, &payload(|out| wire::goodbye(out, sender(3, 1))));
    assert_eq!(bench.nats().garbage, 0, "it may have been there before");
    bench.pass(Duration::from_secs(60));
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 4)));
    bench.receive(CHANNEL, &publications(2, 1, &["0"]));
    bench.receive(CHANNEL, &publications(2, 4, &["0"]));
    // It is down for a while.
    bench.pass(Duration::from_millis(3300));
    bench.written();
    for number in 0..1000 {
        let payload = payload(|out| {
            wire::publications_head(out, stranger(number), 1, 0);
            wire::content(out, b"1");
        });
        bench.receive(CHANNEL, &payload);
        bench.receive(ALL, &self::payload(|out| wire::goodbye(out, stranger(number))));
    }
    assert_eq!(bench.nats().garbage, 1000 + 1000 - 255, "all goodbyes, and what was there is no room for");
    assert_eq!(bench.written().iter().filter(|one| one.subject.contains(".r.")).count(), 255, "those are asked");
    bench.pass(Duration::from_secs(1));
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 5)));
    bench.receive(CHANNEL, &publications(2, 6, &["0"]));
    let traffic = bench.peer("other").unwrap().traffic;
    assert_eq!((traffic.received, traffic.missed), (3, 2 + 1), "it counts on");
}

/// It looks like a relay's.
#[test]
fn a_publication_of_somebody_who_does_not_say_who_that_is_goes_to_nobody() {
    let mut bench = listening();
    bench.receive(CHANNEL, &publications(3, 1, &["1"]));
    assert_eq!((bench.nats().garbage, bench.home().delivered.len()), (0, 0), "it may say so now");
    assert_eq!(bench.written().len(), 1, "it is asked");
    bench.pass(Duration::from_secs(4));
    bench.receive(CHANNEL, &publications(3, 2, &["1"]));
    assert_eq!((bench.nats().garbage, bench.home().delivered.len()), (1, 0));
    // Nothing is learned of its answers either.
    bench.receive(ALONE, &payload(|out| wire::passed(out, sender(3, 1), (1, 0), std::iter::once((0, 0, 50)))));
    bench.receive(ALONE, &payload(|out| wire::numbers(out, sender(3, 1), PIECE, std::iter::once(("a", 0, 50)))));
    assert_eq!((bench.nats().garbage, bench.home().delivered.len()), (3, 0));
    bench.receive(ALL, &heartbeat(3, 1, &about("third", 1)));
    bench.receive(CHANNEL, &publications(3, 3, &["1"]));
    assert_eq!((bench.nats().garbage, bench.home().delivered.len()), (3, 1));
}

#[test]
fn a_peer_that_tells_what_it_must_not_is_heard_no_more_and_makes_no_noise() {
    let mut bench = listening();
    for number in 1..100 {
        let piece = payload(|out| {
            wire::peer_head(out, sender(2, 1), 1, 1, number);
            out.extend_from_slice(b"no frames");
        });
        bench.receive(ALONE, &piece);
        bench.written();
    }
    assert_eq!(bench.nats().garbage, 1);
    bench.receive(ALL, &heartbeat(2, 2, &about("other", 2)));
    bench.pass(Duration::from_secs(2));
    assert!(bench.written().iter().any(|one| matches!(one.message(), wire::Message::Peer { .. })), "it may begin anew");
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let header = (0u8..14, 1u8..5, 0u32..3);
    let rest = prop_oneof![
        any::<Vec<u8>>(),
        (any::<[u64; 2]>(), any::<Vec<u8>>()).prop_map(|(numbers, content)| {
            let mut rest: Vec<u8> = numbers.iter().flat_map(|number| (number % 50).to_be_bytes()).collect();
            rest.extend_from_slice(&(content.len() as u32).to_be_bytes());
            rest.extend_from_slice(&content);
            rest
        }),
        (0u64..9, "[a-c]{1,2}").prop_map(|(number, name)| payload(|out| {
            wire::presence(out, sender(9, 1), wire::Presence::Join, &about(&name, number));
            out.drain(..wire::HEADER_BYTES);
        })),
    ];
    prop_oneof![
        any::<Vec<u8>>(),
        (header, rest).prop_map(|((kind, boot, connection), rest)| {
            let mut out = payload(|out| wire::goodbye(out, sender(boot, connection)));
            out[1] = kind;
            out.extend_from_slice(&rest);
            out
        }),
    ]
}

proptest! {
    #[test]
    fn nothing_that_comes_does_harm(all in proptest::collection::vec((prop_oneof![Just(ALL), Just(ALONE), 15u64..19], any_payload()), 1..60)) {
        let mut bench = listening();
        for (sid, payload) in &all {
            bench.receive(*sid, payload);
            bench.pass(Duration::from_millis(100));
        }
        let delivered = std::mem::take(&mut bench.home().delivered);
        for (channel, content) in &delivered {
            prop_assert_eq!(channel, "a");
            prop_assert!(serde_json::from_str::<serde_json::Value>(content).is_ok(), "{}", content);
        }
        let written = bench.written().len();
        prop_assert!(written <= 60 * all.len(), "{written}");
        prop_assert!(bench.nats().garbage <= all.len() as u64);
    }
}
