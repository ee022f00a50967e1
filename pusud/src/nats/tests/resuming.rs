//! Answers how far all channels are, of a relay that has many, or publishes much.

use super::bench::{ALL, ALONE, Bench, about, heartbeat, payload, sender};
use crate::nats::wire::{self, Message};
use std::collections::BTreeSet;

fn linked() -> Bench {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    bench.receive(ALL, &heartbeat(3, 1, &about("third", 1)));
    bench.written();
    bench
}

fn question(boot: u8, number: u64) -> Vec<u8> {
    payload(|out| wire::resume(out, sender(boot, 1), 0, number))
}

/// The pieces that are written: the question, the place, whether it is the last one, and the channels.
fn pieces(bench: &mut Bench) -> Vec<(u64, u32, bool, Vec<String>)> {
    let written = bench.written();
    let pieces = written.iter().filter_map(|one| match one.message() {
        Message::Numbers { piece, channels } => {
            let channels = channels.map(|channel| channel.unwrap().0.to_owned()).collect();
            Some((piece.question, piece.place, piece.is_last, channels))
        }
        _ => None,
    });
    pieces.collect()
}

/// More waits to be written than one list.
#[test]
fn a_busy_source_answers() {
    let mut bench = linked();
    let content = format!("\"{}\"", "x".repeat(900));
    (0..200).for_each(|_| bench.publish("a", &content));
    bench.receive(ALONE, &question(2, 7));
    assert_eq!(pieces(&mut bench), [(7, 0, true, vec!["a".to_owned()])]);
}

/// All their names are longer than what may wait at a time.
#[test]
fn all_channels_are_told_however_many_there_are() {
    let mut bench = linked();
    let all: BTreeSet<String> = (0..4000).map(|number| format!("{number:0>200}")).collect();
    all.iter().for_each(|channel| bench.publish(channel, "1"));
    bench.written();
    bench.receive(ALONE, &question(2, 1));
    bench.receive(ALONE, &question(3, 2));
    let mut out = Vec::new();
    bench.backplane.take(&mut out);
    assert!(out.len() < 200_000 && bench.nats().queue_bytes < 200_000, "not all of it at once");
    // Whoever asks again does so since it has not got all of it.
    bench.receive(ALONE, &question(2, 3));
    let pieces = pieces(&mut bench);
    for question in [2, 3] {
        let own: Vec<_> = pieces.iter().filter(|(of, ..)| *of == question).collect();
        assert!(own.iter().map(|(_, place, ..)| *place).eq(0..own.len() as u32), "in order");
        assert!(own.iter().all(|(_, place, is_last, _)| *is_last == (*place as usize + 1 == own.len())));
        let told: BTreeSet<String> = own.iter().flat_map(|(.., channels)| channels.iter().cloned()).collect();
        assert!(own.len() > 10 && told == all);
    }
}
