//! Announcements of interest, in pieces, while it changes: nothing is missing in the end, and there is
//! an end.

use crate::mesh::interest::{Announced, Announcer, Edge, Table};
use crate::mesh::wire::{self, Frame};
use crate::peers::Decoder;
use proptest::prelude::*;
use std::collections::BTreeSet;

const FRAME_BYTES_MAX: usize = 128 * 1024;
/// As long as names can be: so a write holds some 250 of them.
const NAME_BYTES: usize = 250;
const CHANNELS: usize = 1200;

fn name(number: usize) -> String {
    format!("{:x<NAME_BYTES$}", format!("{number:06}."))
}

/// The other side: what it knows, and what its relay has been told.
#[derive(Default)]
struct Peer {
    announced: Announced,
    wanted: BTreeSet<String>,
    acknowledged: u64,
}

impl Peer {
    fn apply(&mut self, edges: Vec<Edge>) {
        for (channel, is_in) in edges {
            let changed = if is_in { self.wanted.insert(channel.to_string()) } else { self.wanted.remove(&*channel) };
            assert!(changed, "told twice of {channel}");
        }
    }

    /// Takes everything in, snapshots in slices.
    fn read(&mut self, bytes: &[u8], slice: usize) {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        while let Some((kind, payload)) = decoder.next(FRAME_BYTES_MAX).unwrap() {
            match wire::parse(kind, payload).unwrap() {
                Frame::Snapshot { generation, channels } => self.announced.snapshot(generation, channels).unwrap(),
                Frame::SnapshotEnd { generation, number, total } => {
                    self.announced.snapshot_end(generation, number, total).unwrap();
                    while self.announced.is_taking_in() {
                        let (edges, number) = self.announced.take_in(slice);
                        self.apply(edges);
                        self.acknowledged = number.unwrap_or(self.acknowledged);
                    }
                }
                Frame::Changes { first, changes } => {
                    let (edges, number) = self.announced.changes(first, changes).unwrap();
                    self.apply(edges);
                    self.acknowledged = number;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn full_table() -> Table {
    let mut table = Table::default();
    for number in (0..CHANNELS).step_by(2) {
        table.set(&name(number), true);
    }
    table
}

fn change(table: &mut Table, announcer: &mut Announcer, number: usize) {
    let channel = name(number);
    let is_in = !table.contains(&channel);
    let changed = table.set(&channel, is_in).expect("it changes");
    announcer.changed(&changed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever changes, whenever some of it is written, and also where more changes than can be remembered: both sides
    /// agree once everything is told, and what is acknowledged is all there is.
    #[test]
    fn a_peer_knows_the_table(
        steps in proptest::collection::vec((0u8..8, 0..CHANNELS), 0..200),
        waiting_max in 1usize..60,
        slice in 1usize..400,
    ) {
        let (mut table, mut peer) = (full_table(), Peer::default());
        let mut announcer = Announcer::remembering(waiting_max);
        for (what, number) in steps {
            match what {
                0..6 => change(&mut table, &mut announcer, number),
                6 => {
                    let mut out = Vec::new();
                    announcer.write(&table, &mut out);
                    peer.read(&out, slice);
                    prop_assert_eq!(announcer.acknowledge(peer.acknowledged), Ok(()));
                }
                _ => {
                    announcer.checked();
                    announcer.asked();
                }
            }
        }
        let mut out = Vec::new();
        while !announcer.is_idle() {
            announcer.write(&table, &mut out);
        }
        peer.read(&out, slice);
        prop_assert_eq!(peer.announced.table().total(), table.total());
        prop_assert!(peer.wanted.iter().map(String::as_str).eq(table.iter().map(|channel| &**channel)));
        prop_assert_eq!(peer.acknowledged, announcer.last());
        prop_assert_eq!(announcer.acknowledge(peer.acknowledged), Ok(()));
        prop_assert!(announcer.acknowledge(peer.acknowledged + 1).is_err());
    }

    /// A link may end between any two slices: what its peer was told to want is all given back, by itself.
    #[test]
    fn what_was_announced_is_withdrawn_wherever_the_link_ends(
        changes in proptest::collection::vec(0..CHANNELS, 0..100),
        slice in 1usize..400,
        slices in 0usize..6,
    ) {
        let (mut table, mut announcer, mut peer) = (full_table(), Announcer::default(), Peer::default());
        let mut out = Vec::new();
        while !announcer.is_idle() {
            announcer.write(&table, &mut out);
        }
        peer.read(&out, CHANNELS);
        changes.into_iter().for_each(|number| change(&mut table, &mut announcer, number));
        // Everything is told anew, and the end of that is taken in up to some slice.
        let (total, generation) = (table.total(), 2);
        for chunk in table.iter().map(|channel| &**channel).collect::<Vec<_>>().chunks(200) {
            let mut frame = Vec::new();
            wire::snapshot(&mut frame, generation, &mut chunk.iter().copied());
            peer.read(&frame, slice);
        }
        peer.announced.snapshot_end(generation, 1000, total).unwrap();
        for _ in 0..slices {
            let (edges, _) = peer.announced.take_in(slice);
            peer.apply(edges);
        }
        let mut wanted = peer.wanted;
        for channel in peer.announced.into_channels() {
            wanted.remove(&*channel);
        }
        prop_assert!(wanted.is_empty(), "{} stay", wanted.len());
    }
}

/// Over a thin line more changes during the snapshot than can wait. It began anew with each time, and never ended.
#[test]
fn a_snapshot_comes_to_its_end_whatever_changes_meanwhile() {
    const WAITING_MAX: usize = 50;
    let (mut table, mut peer) = (full_table(), Peer::default());
    let mut announcer = Announcer::remembering(WAITING_MAX);
    let (mut writes, mut next) = (0, 0);
    while peer.acknowledged == 0 {
        let mut out = Vec::new();
        announcer.write(&table, &mut out);
        peer.read(&out, CHANNELS);
        writes += 1;
        assert!(writes < 20, "the first snapshot has not ended");
        for _ in 0..2 * WAITING_MAX {
            next = (next + 7) % CHANNELS;
            change(&mut table, &mut announcer, next);
        }
    }
    // And when it is quiet again, it is right.
    while !announcer.is_idle() {
        let mut out = Vec::new();
        announcer.write(&table, &mut out);
        peer.read(&out, CHANNELS);
    }
    assert_eq!((peer.announced.table().total(), peer.acknowledged), (table.total(), announcer.last()));
}

/// A peer that asks again and again is told everything once for each time that it has been told the total.
#[test]
fn everything_is_told_once_for_each_check() {
    let table = full_table();
    let mut announcer = Announcer::default();
    let tell = |announcer: &mut Announcer| {
        let mut out = Vec::new();
        while !announcer.is_idle() {
            announcer.write(&table, &mut out);
        }
        out.len()
    };
    let everything = tell(&mut announcer);
    announcer.asked();
    assert_eq!(tell(&mut announcer), 0, "nobody has told it the total");
    announcer.checked();
    (0..1000).for_each(|_| announcer.asked());
    assert_eq!(tell(&mut announcer), everything);
    announcer.asked();
    assert_eq!(tell(&mut announcer), 0);
}
