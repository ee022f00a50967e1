use super::frames::FRAME_BYTES;
use super::hold::WrongHold;
use super::*;
use crate::mesh::wire::{self, Frame};
use crate::peers::Decoder;
use proptest::prelude::*;

/// Writes some of the queue: channels and contents as they come out, with their numbers checked.
fn written(queue: &mut Queue, next: &mut u64, bytes: usize) -> Vec<(String, String)> {
    let (mut decoder, mut out, mut all) = (Decoder::default(), Vec::new(), Vec::new());
    let count = queue.write(*next, &mut out, bytes);
    decoder.feed(&out);
    while let Some((kind, payload)) = decoder.next(usize::MAX).unwrap() {
        let Frame::Publications { first, publications } = wire::parse(kind, payload).unwrap() else { unreachable!() };
        assert_eq!(first, *next);
        let before = all.len();
        all.extend(publications.map(|publication| {
            let (channel, content) = publication.unwrap();
            (channel.to_owned(), content.to_owned())
        }));
        *next += (all.len() - before) as u64;
        assert!(payload.len() <= FRAME_BYTES || all.len() - before == 1, "{}", payload.len());
    }
    assert_eq!(count, all.len() as u64);
    all
}

fn fill(queue: &mut Queue, channel: &Rc<str>, len: usize) -> u64 {
    let (place, content) = (queue.place(channel), vec![b'1'; len]);
    (0..).take_while(|_| queue.push(place, &content).is_taken).count() as u64
}

/// What waits is bounded by its memory.
fn memory(queue: &Queue) -> usize {
    queue.fifos.iter().map(|(_, fifo)| fifo.cost()).sum()
}

#[derive(Debug, Clone)]
enum Step {
    Push(usize, usize),
    Write(usize),
    Hold(usize),
    Go(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![4 => 1usize..300, 2 => 300usize..40_000, 1 => 500_000usize..3_000_000];
    prop_oneof![
        12 => (0usize..5, len).prop_map(|(channel, len)| Step::Push(channel, len)),
        2 => (1usize..200_000).prop_map(Step::Write),
        1 => (0usize..5).prop_map(Step::Hold),
        1 => (0usize..5).prop_map(Step::Go),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against the plainest queue that there is: a list for each channel.
    #[test]
    fn each_channel_keeps_its_order_and_what_is_held_stays(steps in proptest::collection::vec(step(), 1..120)) {
        let names: [Rc<str>; 5] = ["a", "b", "c", "d", "e"].map(Into::into);
        let (mut queue, mut next, mut held) = (Queue::default(), 1, [false; 5]);
        let (mut taken, mut dropped, mut come) = (0, 0, 0);
        let (mut pushed, mut last) = ([0u64; 5], [0u64; 5]);
        for step in steps {
            match step {
                Step::Push(channel, len) => {
                    pushed[channel] += 1;
                    let content = format!("{}{}", "0".repeat(len), pushed[channel]);
                    let place = queue.place(&names[channel]);
                    let result = queue.push(place, content.as_bytes());
                    taken += u64::from(result.is_taken);
                    dropped += result.dropped;
                }
                Step::Write(bytes) => {
                    for (channel, content) in written(&mut queue, &mut next, bytes) {
                        let at = names.iter().position(|name| **name == *channel).unwrap();
                        let number: u64 = content.parse().unwrap();
                        prop_assert!(number > last[at] && number <= pushed[at]);
                        prop_assert!(!held[at], "{channel} is held");
                        last[at] = number;
                        come += 1;
                    }
                }
                Step::Hold(channel) => prop_assert_eq!(queue.hold(&names[channel]).is_ok(), !std::mem::replace(&mut held[channel], true)),
                Step::Go(channel) => prop_assert_eq!(queue.go_on(&names[channel]).is_ok(), std::mem::replace(&mut held[channel], false)),
            }
            prop_assert_eq!(queue.messages(), taken - dropped - come);
            prop_assert_eq!(queue.bytes(), memory(&queue));
            prop_assert!(queue.bytes() <= QUEUE_BYTES_MAX);
        }
        for (name, _) in names.iter().zip(held).filter(|(_, held)| *held) {
            queue.go_on(name).unwrap();
        }
        come += written(&mut queue, &mut next, usize::MAX).len() as u64;
        prop_assert_eq!(come, taken - dropped);
        prop_assert!(queue.is_empty() && queue.is_idle() && queue.bytes() == 0);
    }
}

#[test]
fn a_quiet_channel_loses_nothing_to_a_flood_and_goes_out_in_the_next_round() {
    let (mut queue, mut next) = (Queue::default(), 1);
    let (flood, quiet): (Rc<str>, Rc<str>) = ("flood".into(), "quiet".into());
    for len in [20, 300, 20_000, 2_000_000] {
        fill(&mut queue, &flood, len);
        let place = queue.place(&quiet);
        let pushed = queue.push(place, b"\"quiet\"");
        assert!(pushed.is_taken, "{len}");
        // Two turns of the flood at the most go before it, or one message.
        let out = written(&mut queue, &mut next, 2 * TURN_BYTES + len);
        let before: usize = out.iter().take_while(|(channel, _)| channel == "flood").map(|(_, text)| text.len()).sum();
        assert!(
            before <= 2 * TURN_BYTES + len && before < out.iter().map(|(_, text)| text.len()).sum(),
            "{len}: {before}"
        );
    }
}

#[test]
fn two_floods_share_the_room_and_the_turns() {
    let (mut queue, mut next) = (Queue::default(), 1);
    let names: [Rc<str>; 2] = ["first".into(), "second".into()];
    fill(&mut queue, &names[0], 1000);
    let lost: u64 = (0..30_000)
        .map(|number: usize| {
            let place = queue.place(&names[number % 2]);
            queue.push(place, &[b'2'; 1000]).dropped
        })
        .sum();
    assert!(lost > 0, "the first one lost what it had too much");
    let costs = names.map(|name| queue.fifos[queue.places[&name].0].cost());
    assert!(costs[0] < 2 * costs[1] && costs[1] < 2 * costs[0], "{costs:?}");
    let out = written(&mut queue, &mut next, 1_000_000);
    let first = out.iter().filter(|(channel, _)| channel == "first").count();
    assert!((out.len() * 2 / 5..out.len() * 3 / 5).contains(&first), "{first} of {}", out.len());
}

#[test]
fn a_full_queue_takes_hardly_more_memory_than_its_bytes() {
    for len in [20, 100, 1000, 20_000, 33_000, 40_000, 200_000] {
        let mut queue = Queue::default();
        let taken = fill(&mut queue, &"a".into(), len);
        assert!(taken >= (QUEUE_BYTES_MAX / (len + 1000)) as u64, "{len}");
        assert!(queue.bytes() <= QUEUE_BYTES_MAX && queue.bytes() > QUEUE_BYTES_MAX - len - 2 * CHUNK_BYTES, "{len}");
    }
}

#[test]
fn short_publications_of_several_channels_share_frames() {
    let (mut queue, mut out) = (Queue::default(), Vec::new());
    let names: [Rc<str>; 3] = ["a", "b", "c"].map(Into::into);
    for number in 0..5000 {
        let place = queue.place(&names[number % 3]);
        queue.push(place, &[b'1'; 40]);
    }
    assert_eq!(queue.write(1, &mut out, usize::MAX), 5000);
    let (mut decoder, mut frames) = (Decoder::default(), 0);
    decoder.feed(&out);
    while decoder.next(FRAME_BYTES).unwrap().is_some() {
        frames += 1;
    }
    assert!(frames <= out.len() / (FRAME_BYTES - CHUNK_BYTES) + 1, "{frames} frames of {} bytes", out.len());
}

#[test]
fn one_always_fits() {
    let mut queue = Queue::default();
    assert_eq!(fill(&mut queue, &"a".into(), 2 * QUEUE_BYTES_MAX), 1);
}

/// As many channels as there is room for; afterwards only some of them are remembered.
#[test]
fn channels_are_forgotten_that_nothing_waits_of() {
    let (mut queue, mut next, mut lost) = (Queue::default(), 1, 0);
    let mut count = 0;
    while lost == 0 {
        let channel: Rc<str> = count.to_string().into();
        let place = queue.place(&channel);
        let pushed = queue.push(place, b"1");
        lost += pushed.dropped + u64::from(!pushed.is_taken);
        count += 1;
    }
    assert!(count > 18_000, "{count}");
    let out = written(&mut queue, &mut next, usize::MAX);
    assert_eq!(out.len(), count - lost as usize);
    assert!(queue.is_empty() && queue.bytes() == 0);
    queue.place(&"another".into());
    assert!(queue.fifos.len() <= IDLE_MAX + 2 && queue.places.len() == queue.fifos.len(), "{}", queue.fifos.len());
}

#[test]
fn what_a_peer_holds_is_bounded() {
    let mut queue = Queue::default();
    for number in 0..HELD_MAX {
        queue.hold(&number.to_string()).unwrap();
    }
    assert_eq!(queue.hold("one more"), Err(WrongHold::TooMany));
    assert_eq!(queue.go_on("one more"), Err(WrongHold::Twice));
    assert_eq!((queue.go_on("7"), queue.go_on("7")), (Ok(()), Err(WrongHold::Twice)));
    assert_eq!((queue.hold("8"), queue.hold("one more")), (Err(WrongHold::Twice), Ok(())));
}

/// A queue that had many channels once keeps its tables, and those have a bound of their own.
#[test]
fn tables_keep_within_their_bound() {
    let mut queue = Queue::default();
    for number in 0..QUEUE_BYTES_MAX / 256 {
        let place = queue.place(&number.to_string().into());
        queue.push(place, b"1");
    }
    let places = queue.fifos.capacity() * (size_of::<Fifo>() + 8) + queue.places.capacity() * 8 / 7 * 25;
    let lists = (queue.turns.capacity() + queue.idle.capacity()) * 8 + queue.fifos.capacity() * 8;
    assert!(places + lists <= TABLES_BYTES_MAX, "{places} and {lists}");
}
