//! Messages: written and read again.

use crate::history::healing::message::{
    BootTold, Entries, EntryTold, Fetch, Message, NumbersTold, Publications, RingTold, Ringed, Rings,
};
use crate::history::healing::parse::parse;
use crate::history::healing::wire::Malformed;
use crate::history::log::Numbers;
use crate::history::{NUMBER_MAX, Origin};
use proptest::collection::vec;
use proptest::prelude::*;

const NAMES: [&str; 3] = ["a", "käse.1", "x y"];

fn origin() -> impl Strategy<Value = Origin> {
    (0u64..1 << 36).prop_map(|bits| Origin::of_bits(bits).expect("it has 36 bits"))
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![1u64..300, 1..=NUMBER_MAX]
}

fn content() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["1", "\"ä\"", "{\"a\":[1,2]}"][..])
}

fn numbers() -> impl Strategy<Value = Numbers> {
    (origin(), number(), 0u64..1000, 0u64..1000).prop_map(|(origin, base, count, held)| {
        let base = base.min(NUMBER_MAX - 1000);
        Numbers { origin, base, seen: base + count - 1, floor: base + count - held.min(count) }
    })
}

fn entry() -> impl Strategy<Value = EntryTold<'static>> {
    (number(), 0u64..1 << 40, content()).prop_map(|(number, age_ms, content)| EntryTold { number, age_ms, content })
}

fn boot() -> impl Strategy<Value = BootTold<'static>> {
    let ended = prop::option::of(0u64..1 << 40);
    (origin(), name(), ended).prop_map(|(origin, name, ended_ago_ms)| BootTold { origin, name, ended_ago_ms })
}

fn told() -> impl Strategy<Value = NumbersTold<'static>> {
    let ago = prop::option::of(0u64..1 << 40);
    let heads = (any::<u32>(), any::<u32>(), any::<[bool; 4]>(), any::<u64>(), ago);
    let lists = (vec(boot(), 0..3), vec((name(), vec(numbers(), 0..3)), 0..3));
    (heads, lists).prop_map(|((number, piece, flags, digest, forgotten_ago_ms), (boots, channels))| NumbersTold {
        number,
        piece,
        is_last: flags[0],
        is_whole: flags[1],
        is_final: flags[2],
        has_displaced: flags[3],
        digest,
        forgotten_ago_ms,
        boots,
        channels,
    })
}

fn message() -> impl Strategy<Value = Message<'static>> {
    let run = (name(), origin(), (1u64..99, 0u64..99), 0u64..1 << 40, vec(content(), 1..4));
    let run = run.prop_map(|(channel, origin, (base, more), age_ms, contents)| {
        Message::Publications(Publications { channel, origin, base, first: base + more, age_ms, contents })
    });
    let fetch = (name(), origin(), number(), number());
    let ring = (name(), any::<bool>(), vec((origin(), entry()), 0..3));
    let ring = ring.prop_map(|(channel, is_whole, entries)| RingTold { channel, is_whole, entries });
    let rings = (any::<u32>(), vec((name(), vec((origin(), number()), 0..3)), 0..3));
    prop_oneof![
        run,
        told().prop_map(Message::Numbers),
        fetch.prop_map(|(channel, origin, from, to)| Message::Fetch(Fetch { channel, origin, from, to })),
        (name(), numbers(), vec(entry(), 0..3)).prop_map(|(channel, numbers, entries)| Message::Entries(Entries {
            channel,
            numbers,
            entries
        })),
        origin().prop_map(Message::Ask),
        rings.prop_map(|(number, channels)| Message::Rings(Rings { number, channels })),
        (any::<u32>(), vec(ring, 0..3)).prop_map(|(number, channels)| Message::Ringed(Ringed { number, channels })),
        any::<u32>().prop_map(Message::Acknowledge),
    ]
}

proptest! {
    #[test]
    fn messages_are_read_as_they_were_written(message in message()) {
        let mut out = Vec::new();
        message.push(&mut out);
        prop_assert_eq!(parse(&out), Ok(message.clone()));
        // Cut off, it is another message or none, and nothing worse.
        for end in 0..out.len() {
            prop_assert!(parse(&out[..end]).as_ref() != Ok(&message));
        }
    }
}

#[test]
fn malformed_messages_are_none() {
    let fields = |kind| Err(Malformed::Fields(kind));
    assert_eq!(parse(b""), Err(Malformed::Empty));
    assert_eq!(parse(b"\xff"), Err(Malformed::UnknownKind(255)));
    assert_eq!(parse(b"\x05\0\0\0\0"), fields(5));
    assert_eq!(parse(b"\x05\xff\0\0\0\0"), fields(5), "more bits than an origin has");
    assert_eq!(parse(b"\x08\0\0\0\x01\0"), fields(8), "more than its fields");
    assert_eq!(parse(b"\x03\x01a\0\0\0\0\x01\0\x01"), fields(3), "there is no number 0");
    assert_eq!(parse(b"\x03\x01a\0\0\0\0\x01\x81\0\x01"), fields(3), "a number that is longer than it has to be");
    assert_eq!(parse(b"\x03\x01\n\0\0\0\0\x01\x01\x01"), fields(3), "a name that is none");
    assert_eq!(parse(b"\x01\x01a\0\0\0\0\x01\x01\x01\0"), fields(1), "a run of nothing");
    assert_eq!(parse(b"\x01\x01a\0\0\0\0\x01\x02\x01\0\x011"), fields(1), "numbers before the first one");
    assert_eq!(parse(b"\x04\x01a\0\0\0\0\x01\x01\x01\x02"), fields(4), "more is there than was published");
    assert_eq!(parse(b"\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\x7f"), fields(2), "a list longer than the message");
    assert_eq!(parse(b"\x02\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0"), fields(2), "an unknown flag");
}
