//! Peers that lie or are broken: what they say costs bounded memory and is told as lost in the end, and others go on meanwhile.

use super::peer::{B, C, DEAD, OWN, Relay, numbers, origin};
use crate::history::healing::message::{EntryTold, Message, NumbersTold, RingTold, Ringed};
use crate::history::healing::wire::Malformed;
use crate::history::healing::{Way, fuzzed_messages};
use crate::history::{NUMBER_MAX, Now};

/// As long as anything takes until it is told as lost.
const LOST_MS: i64 = 6000;

#[test]
fn numbers_that_go_back_change_nothing() {
    let mut relay = Relay::serving();
    (1..=5).for_each(|number| relay.publishes(B, "x", number, "1"));
    relay.told(B, "x", vec![numbers(B, 2, 2)]);
    (3..=6).for_each(|number| relay.publishes(B, "x", number, "1"));
    relay.pass(LOST_MS);
    assert_eq!(relay.delivered("x", B), (vec![1, 2, 3, 4, 5, 6], vec![]));
    let log = relay.logs.find("x").expect("it is there");
    assert_eq!(log.numbers_of(origin(B)).map(|numbers| numbers.seen), Some(6));
}

/// Nobody answers. Others publish to the same channel and to another one, and nobody waits.
#[test]
fn claims_that_nobody_can_fill_are_told_as_lost() {
    let mut relay = Relay::serving();
    relay.told(C, "x", vec![numbers(DEAD, 1_000_000, 1000)]);
    for number in 1..=5 {
        relay.publishes(B, "x", number, "1");
        relay.publishes(B, "y", number, "1");
        assert_eq!(relay.delivered("x", B).0.len(), number as usize);
        assert_eq!(relay.delivered("y", B).0.len(), number as usize);
        relay.pass(LOST_MS / 5);
    }
    assert_eq!(relay.delivered("x", DEAD), (vec![], vec![1_000_001]), "one gap");
    assert_eq!(relay.healing.holes(), 0);
    // It claims the same again, and more.
    relay.told(C, "x", vec![numbers(DEAD, 1_000_000, 1000)]);
    relay.told(C, "x", vec![numbers(DEAD, NUMBER_MAX, 0)]);
    relay.pass(LOST_MS);
    assert_eq!(relay.delivered("x", DEAD).1, [1_000_001, NUMBER_MAX + 1]);
}

/// The origin claims more than it has, and takes it back when it is asked.
#[test]
fn an_origin_that_takes_its_claim_back_is_believed() {
    let mut relay = Relay::serving();
    relay.told(B, "x", vec![numbers(B, 100, 100)]);
    assert_eq!(relay.take_questions(B), [("x".into(), 1, 100)]);
    relay.answers(B, "x", numbers(B, 0, 0), &[]);
    relay.publishes(B, "x", 1, "1");
    relay.pass(LOST_MS);
    assert_eq!((relay.delivered("x", B), relay.healing.holes()), ((vec![1], vec![]), 0));
}

/// One entry each time, just before its time is over.
#[test]
fn who_fills_without_end_holds_it_up_for_some_seconds() {
    let mut relay = Relay::serving();
    let begun_ms = relay.ms;
    relay.told(C, "x", vec![numbers(DEAD, 1_000_000, 1_000_000)]);
    let mut given = 0;
    while relay.healing.holes() > 0 {
        if let Some((_, from, _)) = relay.take_questions(C).pop() {
            relay.pass(300);
            relay.answers(C, "x", numbers(DEAD, 1_000_000, 1_000_000), &[from]);
            given += 1;
        }
        relay.publishes(B, "y", given + 1, "1");
        assert!(relay.ms - begun_ms <= LOST_MS, "it goes on and on");
        relay.pass(20);
    }
    let (publications, gaps) = relay.delivered("x", DEAD);
    assert!(given > 10 && publications.len() as u64 >= given - 1, "{given} were given, {publications:?}");
    assert_eq!(gaps, [1_000_001]);
}

/// It was asked for one, and gives others, also of channels and origins that nothing is missing of.
#[test]
fn entries_that_nobody_asked_for_are_none() {
    let mut relay = Relay::serving();
    relay.answers(C, "x", numbers(DEAD, 9, 9), &[1, 2, 3]);
    relay.told(C, "x", vec![numbers(DEAD, 3, 3)]);
    relay.answers(C, "x", numbers(DEAD, 9, 9), &[4, 5, 6]);
    relay.answers(C, "y", numbers(DEAD, 9, 9), &[1]);
    relay.answers(C, "x", numbers(DEAD, 9, 9), &[2, 1, 2, 3, 3]);
    relay.pass(LOST_MS);
    assert_eq!(relay.delivered("x", DEAD), (vec![1, 2, 3], vec![]));
    assert_eq!(relay.delivered("y", DEAD), (vec![], vec![]));
}

/// What others say of the relay itself, or in the name of another one.
#[test]
fn nobody_speaks_for_another_one() {
    let mut relay = Relay::serving();
    relay.told(C, "x", vec![numbers(OWN, 7, 7)]);
    let run = |of| crate::history::healing::message::Publications {
        channel: "x",
        origin: origin(of),
        base: 1,
        first: 1,
        age_ms: 0,
        contents: vec!["1"],
    };
    relay.hears(C, &Message::Publications(run(OWN)));
    relay.hears(C, &Message::Publications(run(B)));
    relay.pass(LOST_MS);
    assert!(relay.sent.delivered.is_empty(), "{:?}", relay.sent.delivered);
}

/// Every other number, and large contents, so that nothing can be delivered.
#[test]
fn what_waits_behind_holes_is_bounded() {
    let mut relay = Relay::serving();
    let content = format!("\"{}\"", "x".repeat(60_000));
    for number in 1..=500 {
        relay.publishes(B, "x", 2 * number, &content);
        assert!(relay.healing.holes.bytes() <= 16 << 20, "{}", relay.healing.holes.bytes());
    }
    relay.publishes(C, "y", 1, "1");
    assert_eq!(relay.delivered("y", C), (vec![1], vec![]));
    relay.pass(5 * 60_000);
    assert_eq!((relay.healing.holes(), relay.healing.holes.bytes()), (0, 0));
    assert_eq!(relay.delivered("x", B).0.last(), Some(&1000));
}

/// A hole in each of ever more channels.
#[test]
fn holes_are_bounded() {
    let mut relay = Relay::serving();
    for channel in 0..17_000 {
        relay.told(C, &format!("x{channel}"), vec![numbers(DEAD, 1, 1)]);
    }
    assert_eq!(relay.healing.holes(), 16_384);
    let gaps = relay.sent.delivered.iter().filter(|(.., is_gap)| *is_gap).count();
    assert_eq!(gaps, 17_000 - 16_384, "told as lost at once");
}

#[test]
fn origins_are_bounded() {
    let mut relay = Relay::serving();
    for first in [100, 1100, 2100] {
        let all = || first..first + 1000;
        relay.told_boots(C, all());
        relay.told(C, "x", all().map(|of| numbers(of, 1, 0)).collect());
    }
    assert!(relay.logs.boots().all().len() < 1100, "{}", relay.logs.boots().all().len());
    relay.pass(LOST_MS);
    let log = relay.logs.find("x").expect("it is there");
    assert_eq!(log.numbers().len(), 512);
    // The channel goes on.
    relay.publishes(B, "z", 1, "1");
    let known = log.numbers()[1].origin;
    relay.told(C, "x", vec![crate::history::log::Numbers { origin: known, base: 1, seen: 5, floor: 6 }]);
    assert_eq!(relay.delivered("z", B), (vec![1], vec![]));
}

/// Together they have more publications than a number can say.
#[test]
fn claims_that_no_sum_can_hold_are_as_good_as_others() {
    let mut relay = Relay::joining(1 << 30);
    relay.told_boots(C, [DEAD].into_iter());
    relay.told(C, "x", vec![numbers(DEAD, NUMBER_MAX, NUMBER_MAX); 2900]);
    relay.pass(3000);
    assert!(relay.healing.is_ready());
}

/// They are told while the relay joins, and are more than it keeps logs for.
#[test]
fn what_is_offered_is_bounded() {
    let mut relay = Relay::joining(100_000);
    relay.told_boots(C, [DEAD].into_iter());
    for channel in 0..5000 {
        relay.told(C, &format!("x{channel}"), vec![numbers(DEAD, 9, 9)]);
    }
    assert!(relay.healing.joining.offers() < 300, "{}", relay.healing.joining.offers());
}

/// It answers each question for rings with the same, or with nothing that belongs there.
#[test]
fn rings_without_end_hold_nobody_up() {
    let mut relay = Relay::joining(1 << 30);
    relay.told_boots(C, [DEAD].into_iter());
    relay.told(C, "x", vec![numbers(DEAD, 9, 9)]);
    for _ in 0..2000 {
        for number in 0..9 {
            let entry = |number| (origin(DEAD), EntryTold { number, age_ms: 0, content: "1" });
            let entries = vec![entry(9), entry(9), entry(3), entry(NUMBER_MAX)];
            let channels = vec![RingTold { channel: "x", is_whole: false, entries }];
            relay.hears(C, &Message::Ringed(Ringed { number, channels }));
        }
        relay.pass(1);
    }
    relay.pass(1000);
    assert!(relay.healing.is_ready());
    let log = relay.logs.find("x").expect("it is there");
    assert_eq!(log.sum(relay.now()).entries, 1, "what continues downwards");
}

/// A link that such a message comes over ends; nothing of the message is taken.
#[test]
fn what_is_no_json_is_refused() {
    let mut relay = Relay::serving();
    relay.told(C, "x", vec![numbers(DEAD, 1, 1)]);
    for content in ["", "{", "1 2", "nul", "\"a", "[1,]", " 1", "1\n"] {
        let length = content.len() as u8;
        let run = [b"\x01\x01y\0\0\0\0\x02\x01\x01\0", &[length][..], content.as_bytes()].concat();
        assert_eq!(relay.hears_bytes(B, &run), Err(Malformed::Fields(1)), "{content:?}");
        let entries = [b"\x04\x01x\0\0\0\0\x08\x01\x01\x01\x01\0", &[length][..], content.as_bytes()].concat();
        assert_eq!(relay.hears_bytes(C, &entries), Err(Malformed::Fields(4)), "{content:?}");
        let ring = [b"\x07\0\0\0\0\x01x\0\x01\0\0\0\0\x08\x01\0", &[length][..], content.as_bytes()].concat();
        assert_eq!(relay.hears_bytes(C, &ring), Err(Malformed::Fields(7)), "{content:?}");
    }
    assert!(relay.sent.delivered.is_empty());
    let good = b"\x01\x01y\0\0\0\0\x02\x01\x01\0\x011";
    assert_eq!(relay.hears_bytes(B, good), Ok(()));
    assert_eq!(relay.delivered("y", B), (vec![1], vec![]));
}

/// Pieces of a list that never ends, and acknowledgements of what was never told.
#[test]
fn pieces_without_end_are_no_list() {
    let mut relay = Relay::serving();
    for piece in 0..70_000 {
        let told = NumbersTold { number: 7, piece, is_whole: true, ..NumbersTold::default() };
        relay.hears(C, &Message::Numbers(told));
        relay.hears(C, &Message::Acknowledge(piece));
    }
    let last = NumbersTold { number: 8, piece: 0, is_last: true, is_whole: true, ..NumbersTold::default() };
    relay.hears(C, &Message::Numbers(last));
    let now = Now { ms: relay.ms, minute: 1000 };
    relay.healing.drain(now, &mut relay.sent);
    [B, C].into_iter().for_each(|peer| relay.hears(peer, &Message::Acknowledge(77)));
    assert!(!relay.healing.is_drained(now), "nobody has taken in its last numbers");
    relay.pass(2000);
    assert!(relay.healing.is_drained(relay.now()));
}

/// What the fuzz targets do, once with each way.
#[test]
fn ages_and_numbers_at_their_bounds_harm_nobody() {
    for way in [Way::Links, Way::Lossy] {
        fuzzed_messages(&[0; 64], way);
    }
    let mut relay = Relay::serving();
    let oldest = EntryTold { number: 1, age_ms: NUMBER_MAX + 1, content: "1" };
    relay.told(C, "x", vec![numbers(DEAD, 1, 1)]);
    let entries =
        crate::history::healing::message::Entries { channel: "x", numbers: numbers(DEAD, 1, 1), entries: vec![oldest] };
    relay.hears(C, &Message::Entries(entries));
    assert_eq!(relay.delivered("x", DEAD), (vec![1], vec![]));
}

#[test]
fn names_of_which_nothing_is_told_make_no_logs() {
    let mut relay = Relay::serving();
    for number in 0..1000 {
        relay.told(C, &format!("m{number}"), vec![]);
        relay.told(C, &format!("n{number}"), vec![numbers(77, 4, 4)]);
    }
    assert_eq!((relay.logs.len(), relay.logs.bytes()), (0, 0));
}
