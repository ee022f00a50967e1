//! Overload and ill will: whoever comes in thousands, says nothing, or says too much, costs the clients beside it little.
//!
//! What is seen is printed. What is asserted leaves room for a machine that has other things to do, and does not count
//! the time in which it did nothing at all.

use crate::harness::{
    DEADLINE, Daemon, Pair, Raw, Setup, Spans, many_open_files, text_message, time_without_stalls, upgrade_request,
    watch_stalls,
};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Connecting and authorizing takes a client that means well less than this: the median, nine of ten, and all.
const CONNECT_MAX: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(200), Duration::from_secs(2)];
/// A message to one takes less than this, in the same way.
const PING_MAX: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2)];
/// The same where others send as fast as they can, and the relay shares two cores with them.
const PING_IN_A_FLOOD_MAX: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(4)];
/// How long after its time a connection may be closed.
const LATE_MAX: Duration = Duration::from_secs(2);

/// Waits until `holds`.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

fn open_files(daemon: &Daemon) -> usize {
    fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count()
}

/// Tells those who go on until it is over that it is, also where a test ends early.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits for the end of connections that are closed in this order; when each began and ended.
fn ends_of(connections: Vec<(Instant, Raw)>) -> Vec<(Instant, Instant)> {
    let end_of = |(since, mut raw): (Instant, Raw)| {
        raw.expect_end();
        (since, Instant::now())
    };
    connections.into_iter().map(end_of).collect()
}

/// Connects many clients that send their requests byte by byte, each in its turn, until the first has had its time.
fn trickle(daemon: &Daemon, pair: &mut Pair, timeout: Duration) -> Vec<(Instant, Raw)> {
    let mut trickling: Vec<_> = (0..2000).map(|_| (Instant::now(), daemon.raw())).collect();
    let request = upgrade_request("");
    // Never the last one.
    for byte in request[..request.len() - 1].bytes() {
        trickling.iter_mut().for_each(|(_, raw)| raw.send_perhaps([byte]));
        pair.ping();
        if trickling[0].0.elapsed() > timeout {
            break;
        }
    }
    trickling
}

#[test]
fn half_handshakes_and_silent_sockets_are_closed_at_their_timeout() {
    many_open_files();
    let timeout = Duration::from_secs(7);
    let limits = "limits: {handshake_timeout: 7s, max_unauthorized: 4000}";
    let daemon = Setup::on_shards(2).settings(limits).start();
    let mut pair = Pair::of(&daemon);
    let baseline = open_files(&daemon);
    let silent: Vec<_> = (0..500).map(|_| (Instant::now(), daemon.raw())).collect();
    let is_over = AtomicBool::new(false);
    let connect = || {
        let mut connects = Spans::default();
        while !is_over.load(Ordering::Relaxed) {
            connects.time(|| drop(daemon.client()));
        }
        connects
    };
    let ((connects, ends), stalls) = watch_stalls(|| {
        std::thread::scope(|scope| {
            let over = Over(&is_over);
            let connecting = scope.spawn(connect);
            let silent = scope.spawn(|| ends_of(silent));
            let mut ends = ends_of(trickle(&daemon, &mut pair, timeout));
            ends.extend(silent.join().unwrap());
            drop(over);
            (connecting.join().unwrap(), ends)
        })
    });
    assert!(ends.iter().all(|(since, end)| *end - *since >= timeout), "one was closed before its time");
    let late = ends.iter().map(|(since, end)| stalls.time_between(*since + timeout, *end)).max().unwrap();
    println!("all closed, the last one {late:?} after its time at the most");
    assert!(late < LATE_MAX, "one was closed {late:?} after its time");
    connects.assert_within("connecting", &stalls, CONNECT_MAX);
    pair.pings().assert_within("a message", &stalls, PING_MAX);
    wait_until("every file to be closed", || open_files(&daemon) <= baseline);
    pair.ping();
    drop(pair);
    let refused = daemon.refused();
    assert_eq!(refused, "handshake_timeout 2500");
}

#[test]
fn two_thousand_strangers_that_wait_leave_room_for_the_clients() {
    many_open_files();
    let daemon = Setup::on_shards(2).settings("limits: {authorize_timeout: 8s, handshake_timeout: 8s}").start();
    let mut pair = Pair::of(&daemon);
    let baseline = open_files(&daemon);
    let mut let_in = Vec::new();
    let mut refused = 0;
    let ((), stalls) = watch_stalls(|| {
        for _ in 0..2000 {
            let mut raw = daemon.raw();
            raw.send(upgrade_request(""));
            let head = raw.read_head();
            match &head[..12] {
                "HTTP/1.1 101" => let_in.push(raw),
                "HTTP/1.1 503" => refused += 1,
                _ => panic!("{head}"),
            }
        }
        (0..100).for_each(|_| pair.ping());
    });
    println!("{} were let in, {refused} refused", let_in.len());
    assert!(let_in.len() >= 512 && refused > 0);
    pair.pings().assert_within("a message", &stalls, PING_MAX);
    for mut raw in let_in {
        raw.expect_hello();
        raw.expect_closed(4003);
    }
    let (_, connected) = time_without_stalls(|| daemon.client());
    println!("a connection afterwards took {connected:?}");
    assert!(connected < CONNECT_MAX[2], "{connected:?}");
    wait_until("every file to be closed", || open_files(&daemon) <= baseline);
}

/// Has so many messages of a pair go through while `floods` others do what `flood` does until it is over; returns the sum
/// of what they count.
fn ping_beside(
    pair: &mut Pair,
    messages: usize,
    floods: usize,
    flood: impl Fn(usize, &AtomicBool) -> u32 + Sync,
) -> u32 {
    let is_over = AtomicBool::new(false);
    let (sum, stalls) = watch_stalls(|| {
        std::thread::scope(|scope| {
            let over = Over(&is_over);
            let (flood, is_over) = (&flood, &is_over);
            let floods: Vec<_> = (0..floods).map(|at| scope.spawn(move || flood(at, is_over))).collect();
            (0..messages).for_each(|_| pair.ping());
            drop(over);
            floods.into_iter().map(|flood| flood.join().unwrap()).sum()
        })
    });
    pair.pings().assert_within("a message", &stalls, PING_IN_A_FLOOD_MAX);
    sum
}

#[test]
fn connection_floods_lose_no_message() {
    let daemon = Setup::on_shards(2).start();
    let mut pair = Pair::of(&daemon);
    let baseline = open_files(&daemon);
    let says = [&b""[..], b"GET / HT", b"nonsense\r\n\r\n"];
    let connections = ping_beside(&mut pair, 500, says.len(), |at, is_over| {
        let mut connections = 0;
        while !is_over.load(Ordering::Relaxed) {
            Raw::connect(daemon.address()).send_perhaps(says[at]);
            connections += 1;
        }
        connections
    });
    println!("beside {connections} connections");
    wait_until("every file to be closed", || open_files(&daemon) <= baseline);
    drop(daemon.client());
}

#[test]
fn publish_floods_lose_no_message_of_others() {
    let daemon = Setup::on_shards(2).start();
    let mut pair = Pair::of(&daemon);
    let sent = ping_beside(&mut pair, 200, 4, |_, is_over| {
        let mut source = daemon.upgraded();
        source.send(text_message(r#"{"type":"authorize","authorization":"both=*"}"#));
        let publication = text_message(r#"{"type":"publish","channel":"flood","content":"water"}"#).repeat(100);
        let mut sent = 0;
        while !is_over.load(Ordering::Relaxed) {
            source.send(&publication);
            sent += 100;
        }
        sent
    });
    println!("beside {sent} messages of others");
}
