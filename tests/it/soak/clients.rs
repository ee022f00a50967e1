//! Who uses the relay, and how.

use super::world::{World, count};
use crate::harness::{DEADLINE, Ended, Frame, Listener, Raw, stamped, text_message};
use socket2::SockRef;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What is published to, by each of the sources in turn.
pub(super) const CHANNELS: [&str; 8] = ["a.1", "a.2", "a.3", "a.4", "b.1", "b.2", "b.3", "b.4"];
/// Published to faster than anybody needs; those who do not read listen to it.
const FLOOD: &str = "flood";
/// How many publish.
pub(super) const SOURCES: usize = 2;

/// What a client may say that no relay accepts, and the codes that it may be closed with.
const MISTAKES: [(&str, &[u16]); 9] = [
    (r#"{"type":"authorize","authorization":"refuse=no"}"#, &[4501]),
    (r#"{"type":"authorize","authorization":"unavailable"}"#, &[1013]),
    (r#"{"type":"authorize","authorization":"nonsense"}"#, &[1013]),
    (r#"{"type":"authorize","authorization":"error sleep=20"}"#, &[1013]),
    (r#"{"type":"subscribe","channel":"a.1"}"#, &[4502]),
    (r#"{"type":"publish","channel":"a.1","content":1}"#, &[4502]),
    (r#"{"type":"pub"#, &[4500]),
    (r#"{"type":"conquer"}"#, &[4500]),
    (r#"{"type":"authorize","authorization":[]}"#, &[4500]),
];

/// A listener of all channels.
pub(super) fn staying(world: &World) -> Listener {
    let mut listener = Listener::connect(world.address);
    CHANNELS.iter().for_each(|channel| listener.subscribe(channel));
    listener
}

/// Listens from the beginning to the end; the checker misses nothing.
pub(super) fn stay(world: &World, mut listener: Listener) {
    listener.listen_until(world.end).expect("who reads is not cut");
    world.wait_for_silence(SOURCES);
    listener.listen(world.figures.published() * CHANNELS.len() as u64);
    count(&world.figures.to_staying, listener.checker.received);
    let slowest = u64::try_from(listener.checker.slowest.as_micros()).unwrap();
    world.figures.slowest_micros.fetch_max(slowest, Ordering::Relaxed);
}

/// Publishes to each channel in turn, in bursts and with breaks, mostly short messages.
pub(super) fn publish(world: &World, source: usize) {
    let mut client = Listener::connect(world.address);
    let mut random = fastrand::Rng::new();
    let (mut number, mut flood) = (0, 0);
    while !world.is_over() {
        for _ in 0..random.u8(1..=4) {
            number += 1;
            for channel in CHANNELS {
                let padding = if random.u8(..) == 0 { 4096 } else { random.usize(..200) };
                client.publish(channel, &stamped(source, number, padding));
            }
        }
        for _ in 0..2 {
            flood += 1;
            client.publish(FLOOD, &stamped(source, flood, 12 * 1024));
        }
        // Reads too, as every client has to.
        client.listen_until(world.end.min(Instant::now() + Duration::from_millis(random.u64(10..60)))).unwrap();
    }
    count(&world.figures.published, number);
    world.fall_silent();
}

/// Connects, listens to this and that, and leaves in one of the ways in which clients leave.
pub(super) fn come_and_go(world: &World) {
    let mut random = fastrand::Rng::new();
    while !world.is_over() {
        let mut listener = Listener::over(Raw::upgraded(world.address));
        listener.authorize(&format!("sleep={} both=*", random.u8(..20)));
        for _ in 0..random.u8(1..6) {
            let channel = CHANNELS[random.usize(..CHANNELS.len())];
            listener.subscribe(channel);
            count(&world.figures.subscriptions, 1);
            listener.listen_until(Instant::now() + Duration::from_millis(random.u64(1..100))).unwrap();
            if random.bool() {
                listener.unsubscribe(channel);
            }
        }
        count(&world.figures.connections, 1);
        count(&world.figures.to_others, listener.checker.received);
        leave(listener, &mut random);
    }
}

fn leave(mut listener: Listener, random: &mut fastrand::Rng) {
    match random.u8(..5) {
        0 => {
            listener.raw().send(Frame::close(1000, "").masked());
            let end = listener.listen_until(Instant::now() + DEADLINE);
            assert_eq!(end, Err(Ended::Closed(1000)));
        }
        // In the middle of a message.
        1 => listener.raw().send(&text_message(r#"{"type":"publish","channel":"a.1","content":1}"#)[..20]),
        // With a reset, as when its machine or its process is gone.
        2 => SockRef::from(&**listener.raw().stream()).set_linger(Some(Duration::ZERO)).unwrap(),
        // Just before it would have been told.
        3 => listener.send(r#"{"type":"subscribe","channel":"a.4"}"#),
        _ => {}
    }
}

/// Listens to everything without reading, until the relay has had enough.
pub(super) fn do_not_read(world: &World) {
    let mut random = fastrand::Rng::new();
    while !world.is_over() {
        let mut raw = Raw::connect_with_small_buffer(world.address);
        raw.upgrade();
        let mut listener = Listener::over(raw);
        listener.authorize("both=*");
        CHANNELS.iter().for_each(|channel| listener.subscribe(channel));
        listener.subscribe(FLOOD);
        world.pass(Duration::from_millis(random.u64(1000..7000)));
        // What arrives is whole and in order up to the end, whether the relay was fed up by then or not.
        match listener.listen_until(Instant::now() + Duration::from_millis(500)) {
            Ok(()) => {}
            Err(Ended::Closed(code)) => {
                assert_eq!(code, 4001);
                count(&world.figures.told, 1);
            }
            Err(Ended::Cut) => count(&world.figures.cut, 1),
        }
        count(&world.figures.to_others, listener.checker.received);
    }
}

/// Says what no relay accepts.
pub(super) fn are_not_allowed(world: &World) {
    let mut random = fastrand::Rng::new();
    while !world.is_over() {
        let (message, codes) = MISTAKES[random.usize(..MISTAKES.len())];
        let mut listener = Listener::over(Raw::upgraded(world.address));
        listener.send(message);
        loop {
            match listener.next(DEADLINE) {
                Ok(_) => {}
                Err(Ended::Closed(code)) if codes.contains(&code) => break,
                other => panic!("{message} led to {other:?}"),
            }
        }
        count(&world.figures.turned_away, 1);
        world.pass(Duration::from_millis(random.u64(5..50)));
    }
}
