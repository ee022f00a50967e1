//! Messages over NATS, within the network's own thread: from the bytes of a server to the door of the relay, and from the relay's
//! own publications to the bytes for a server.

use divan::Bencher;
use divan::counter::ItemsCount;
use pusud::frames;
use pusud::nats::{Publishing, Receiving};
use pusud::routing::{Batch, Publications, Share};

/// Messages that are taken in at a time: about as many as a read gives.
const MESSAGES: usize = 300;
/// Publications in one message.
const JOINED: [u64; 2] = [1, 16];

/// 128 bytes, the usual.
fn content() -> String {
    format!("\"{}\"", "x".repeat(126))
}

/// A publication, from the bytes that a socket gives through parser, payload and numbers to the door.
#[divan::bench(args = JOINED)]
fn receive(bencher: Bencher<'_, '_>, joined: u64) {
    receive_from(bencher, 1, joined);
}

/// The same, each message on another one of a thousand channels.
#[divan::bench]
fn receive_of_1000_channels(bencher: Bencher<'_, '_>) {
    receive_from(bencher, 1000, 1);
}

fn receive_from(bencher: Bencher<'_, '_>, channels: usize, joined: u64) {
    let relay = Receiving::new(channels);
    let content = content();
    bencher
        .counter(ItemsCount::new(MESSAGES as u64 * joined))
        .with_inputs(|| relay.messages(MESSAGES, joined, &content))
        .bench_local_refs(|bytes| relay.take_in(bytes));
    assert!(relay.delivered() > 0 && relay.faults() == 0, "something else was measured");
}

/// A publication of the relay's own, to the bytes that a connection writes.
#[divan::bench(args = JOINED)]
fn publish(bencher: Bencher<'_, '_>, joined: u64) {
    let mut relay = Publishing::default();
    let content = content();
    let mut batch = Batch::default();
    for _ in 0..MESSAGES as u64 / joined {
        let mut frames = Vec::new();
        (0..joined).for_each(|_| frames::push_publish(&mut frames, "auction.1", &content));
        batch.push(&Publications {
            channel: "auction.1",
            frames: &frames,
            messages: joined,
            share: Share::LINKS,
            history: None,
        });
    }
    let count = MESSAGES as u64 / joined * joined;
    bencher.counter(ItemsCount::new(count)).bench_local(|| relay.publish(divan::black_box(&batch)));
}
