//! Another relay's interest in very many channels: whoever has to do with this relay does not notice that it is told.

use super::status::wait_until;
use crate::harness::{Daemon, FakeRelay, ReservedPort, Setup, StallWatch, frame, hash, kind, named};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// In a build without optimisation they cost about as much as a million in the one that is used.
const CHANNELS: u32 = 200_000;
/// The longest that a subscription takes meanwhile.
const LONGEST: Duration = Duration::from_millis(400);

fn channel(number: u32) -> String {
    format!("channel.of.another.relay.{number}")
}

/// Frames with that many channels, and the end of the snapshot behind them.
fn snapshot(generation: u32, number: u64, channels: u32) -> Vec<u8> {
    let (mut bytes, mut total) = (Vec::new(), 0u64);
    let names: Vec<u32> = (0..channels).collect();
    for names in names.chunks(1000) {
        let mut fields = generation.to_be_bytes().to_vec();
        for name in names.iter().map(|&number| channel(number)) {
            total = total.wrapping_add(hash(&name));
            fields.extend(named(&name));
        }
        bytes.extend(frame(kind::SNAPSHOT, &fields));
    }
    let end = [
        &generation.to_be_bytes()[..],
        &number.to_be_bytes(),
        &u64::from(channels).to_be_bytes(),
        &total.to_be_bytes(),
    ];
    bytes.extend(frame(kind::SNAPSHOT_END, &end.concat()));
    bytes
}

fn start(shards: usize, settings: &str) -> (Daemon, ReservedPort) {
    let port = ReservedPort::new();
    let setup = Setup::on_shards(shards).name("relay-0").in_network(std::slice::from_ref(&port), 0).without_key();
    (setup.settings(settings).start(), port)
}

/// Subscribes to one channel after the other until it is told that it is over; how long the slowest one took.
fn slowest_subscription(relay: &Daemon, is_over: &AtomicBool) -> Duration {
    let mut client = relay.client();
    let (watch, mut spans) = (StallWatch::begin(), Vec::new());
    for number in 0u64.. {
        let channel = format!("own.{number}");
        let began = Instant::now();
        client.subscribe(&channel);
        spans.push((began, Instant::now()));
        client.unsubscribe(&channel);
        if is_over.load(Ordering::Relaxed) {
            break;
        }
    }
    let stalls = watch.end();
    spans.into_iter().map(|(began, ended)| stalls.time_between(began, ended)).max().unwrap_or_default()
}

/// Waits until the relay has acknowledged that; the next acknowledgement has to be it.
fn wait_for_acknowledgement(fake: &mut FakeRelay, number: u64) {
    while let Some(frame) = fake.next() {
        if frame.kind == kind::ACKNOWLEDGE {
            assert_eq!(frame.number(0), number);
            return;
        }
    }
    panic!("the link has ended before {number} was acknowledged");
}

/// The network's thread stood still for as long as it took, and who subscribed meanwhile waited for it: 1.8 s for a
/// million. So it did when the link ended. A further relay, which answers at once, is waited for by those who
/// subscribe.
#[test]
fn a_large_snapshot_and_its_end_delay_no_subscription() {
    for shards in [1, 3] {
        let (relay, port) = start(shards, "");
        let mut prompt = FakeRelay::linked("z-prompt", port.port());
        let prompt_too = prompt.again();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| prompt.answer_until(|_| false));
            let slowest = scope.spawn(|| slowest_subscription(&relay, &is_over));
            let mut fake = FakeRelay::linked("z-large", port.port());
            let began = Instant::now();
            assert!(fake.try_send(&snapshot(1, 1, CHANNELS)));
            wait_for_acknowledgement(&mut fake, 1);
            let taken_in = began.elapsed();
            // An empty one takes its place: everything is withdrawn, slice by slice as well.
            assert!(fake.try_send(&snapshot(2, 2, 0)));
            wait_for_acknowledgement(&mut fake, 2);
            assert!(fake.try_send(&snapshot(3, 3, CHANNELS)));
            wait_for_acknowledgement(&mut fake, 3);
            fake.end();
            let has_gone = |status: &Value| {
                let mut relays = status["relays"].as_array().unwrap().iter();
                relays.all(|relay| relay["name"] != "z-large")
            };
            wait_until(&relay, has_gone);
            (0..20).for_each(|_| drop(relay.status()));
            is_over.store(true, Ordering::Relaxed);
            let slowest = slowest.join().unwrap();
            prompt_too.end();
            println!("{CHANNELS} channels within {taken_in:?}; the slowest subscription took {slowest:?}");
            assert!(slowest < LONGEST, "{slowest:?}");
        });
    }
}

/// While a snapshot is taken in, what is behind it and is not about interest is not kept waiting.
#[test]
fn a_ping_behind_a_large_snapshot_is_answered_before_the_snapshot_is_acknowledged() {
    let (_relay, port) = start(1, "");
    let mut fake = FakeRelay::linked("z-large", port.port());
    let ping = frame(kind::PING, &[0; 16]);
    assert!(fake.try_send(&[snapshot(1, 1, CHANNELS), ping].concat()));
    let mut order = Vec::new();
    fake.answer_until(|frame| {
        order.extend([kind::PONG, kind::ACKNOWLEDGE].contains(&frame.kind).then_some(frame.kind));
        order.len() == 2
    });
    assert_eq!(order, [kind::PONG, kind::ACKNOWLEDGE]);
}

/// What it listens to is sent to it when it has been acknowledged, and a second link of the same relay that comes while the
/// first one is being cleared up is not harmed by that.
#[test]
fn a_relay_that_comes_back_at_once_gets_what_it_listens_to() {
    let (relay, port) = start(1, "");
    let mut source = relay.client();
    for _ in 0..3 {
        let mut fake = FakeRelay::linked("z-fake", port.port());
        assert!(fake.try_send(&snapshot(1, 1, CHANNELS / 10)));
        let mut reader = fake.again();
        reader.answer_until(|frame| frame.kind == kind::ACKNOWLEDGE);
        let last = channel(CHANNELS / 10 - 1);
        source.publish(&last, json!("for you"));
        let is_ours = |fields: &[u8]| fields.windows(last.len()).any(|window| window == last.as_bytes());
        reader.answer_until(|frame| frame.kind == kind::PUBLICATIONS && is_ours(&frame.fields));
        fake.end();
    }
}

/// A peer that asks for everything again and again, which it may do once for each time that it was told the total.
#[test]
fn asking_for_everything_again_and_again_costs_nothing() {
    const ASKED: usize = 10_000;
    let (relay, port) = start(1, "");
    let mut client = relay.client();
    (0..100).for_each(|number| client.subscribe(&format!("own.{number}")));
    let mut fake = FakeRelay::linked("z-fake", port.port());
    fake.answer_until(|frame| frame.kind == kind::SNAPSHOT_END);
    let ping = frame(kind::PING, &[0; 16]);
    assert!(fake.try_send(&[frame(kind::RESYNC, &[]).repeat(ASKED), ping].concat()));
    let mut told = 0;
    fake.answer_until(|frame| {
        told += usize::from(frame.kind == kind::SNAPSHOT_END);
        frame.kind == kind::PONG
    });
    // What would be told is behind the pong.
    client.subscribe("one more");
    fake.answer_until(|frame| {
        told += usize::from(frame.kind == kind::SNAPSHOT_END);
        frame.kind == kind::CHANGES || told > 0
    });
    assert_eq!(told, 0, "nobody has told it the total");
}
