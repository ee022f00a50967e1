//! Overload and ill will: whoever comes in thousands, says nothing, or says too much, costs the clients beside it little.
//!
//! What is seen is printed. What is asserted is far looser: the machine may have other things to do.

use crate::harness::{
    Client, DEADLINE, Daemon, Raw, Setup, many_open_files, run, text_message, time_without_stalls, upgrade_request,
};
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A client that means well connects within this, nine times of ten. On a quiet machine it takes a hundredth of it.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// While this passes, processor time is counted.
const CPU_WINDOW: Duration = Duration::from_secs(2);
/// What Linux counts processor time in, for programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long it takes to connect and authorize.
fn connect_time(daemon: &Daemon) -> Duration {
    time_without_stalls(|| drop(daemon.client())).1
}

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

/// Which part of one core the daemon takes over the next [`CPU_WINDOW`].
fn cpu_share(daemon: &Daemon) -> f64 {
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
        let after_name: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        after_name[11].parse::<u64>().unwrap() + after_name[12].parse::<u64>().unwrap()
    };
    let (before, started) = (ticks(), Instant::now());
    std::thread::sleep(CPU_WINDOW);
    let seconds = (ticks() - before) as f64 / TICKS_PER_SECOND;
    seconds / started.elapsed().as_secs_f64()
}

/// A pair of clients that mean well: what the one publishes, the other gets.
struct Pair {
    source: Client,
    listener: Client,
    sent: u64,
}

impl Pair {
    fn of(daemon: &Daemon) -> Self {
        let mut listener = daemon.client();
        listener.subscribe("good");
        Self { source: daemon.client(), listener, sent: 0 }
    }

    /// One message goes through, and it is the next one; returns how long it took.
    fn ping(&mut self) -> Duration {
        let started = Instant::now();
        self.source.publish("good", self.sent.into());
        self.listener.expect_publish("good", self.sent.into());
        self.sent += 1;
        started.elapsed()
    }
}

#[test]
fn half_handshakes_and_silent_sockets_are_closed_at_their_timeout() {
    many_open_files();
    let timeout = Duration::from_secs(7);
    let limits = "limits: {handshake_timeout: 7s, max_unauthorized: 4000}";
    let daemon = Setup::on_shards(2).settings(limits).start();
    let mut pair = Pair::of(&daemon);
    let baseline = open_files(&daemon);
    let mut trickling: Vec<(Instant, Raw)> = Vec::new();
    let silent: Vec<(Instant, Raw)> = (0..500).map(|_| (Instant::now(), daemon.raw())).collect();
    let request = upgrade_request("");
    let is_over = AtomicBool::new(false);
    let (mut connects, ping_max) = std::thread::scope(|scope| {
        let until_over = || (!is_over.load(Ordering::Relaxed)).then(|| connect_time(&daemon));
        let connecting = scope.spawn(move || std::iter::from_fn(until_over).collect::<Vec<_>>());
        (0..2000).for_each(|_| trickling.push((Instant::now(), daemon.raw())));
        let mut ping_max = Duration::ZERO;
        // A byte from each in turn, and never the last one.
        for byte in request[..request.len() - 1].bytes() {
            trickling.iter_mut().for_each(|(_, raw)| raw.send_perhaps([byte]));
            ping_max = ping_max.max(pair.ping());
            if trickling[0].0.elapsed() > timeout {
                break;
            }
        }
        let mut late = Duration::ZERO;
        for (since, mut raw) in silent.into_iter().chain(trickling) {
            raw.expect_end();
            late = late.max(since.elapsed().saturating_sub(timeout));
        }
        println!("all closed, the last one {late:?} after its time at the most");
        is_over.store(true, Ordering::Relaxed);
        (connecting.join().unwrap(), ping_max)
    });
    connects.sort_unstable();
    let (median, most) = (connects[connects.len() / 2], connects[connects.len() * 9 / 10]);
    println!(
        "a good client connected {} times: median {median:?}, nine of ten within {most:?}, all within {:?}",
        connects.len(),
        connects[connects.len() - 1]
    );
    println!("a message took {ping_max:?} at the most");
    assert!(most < CONNECT_MAX, "{most:?}");
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
    println!("{} were let in, {refused} refused", let_in.len());
    assert!(let_in.len() >= 512 && refused > 0);
    let ping_max = (0..100).map(|_| pair.ping()).max().unwrap();
    for mut raw in let_in {
        raw.expect_hello();
        raw.expect_closed(4003);
    }
    println!("a message took {ping_max:?} at the most, a connection afterwards {:?}", connect_time(&daemon));
    wait_until("every file to be closed", || open_files(&daemon) <= baseline);
}

#[test]
fn connection_floods_lose_no_message() {
    let daemon = Setup::on_shards(2).start();
    let mut pair = Pair::of(&daemon);
    let baseline = open_files(&daemon);
    let is_over = AtomicBool::new(false);
    let flood = |says: &'static [u8]| {
        let mut connections = 0;
        while !is_over.load(Ordering::Relaxed) {
            Raw::connect(daemon.address()).send_perhaps(says);
            connections += 1;
        }
        connections
    };
    std::thread::scope(|scope| {
        let floods = [&b""[..], b"GET / HT", b"nonsense\r\n\r\n"].map(|says| scope.spawn(move || flood(says)));
        let ping_max = (0..500).map(|_| pair.ping()).max().unwrap();
        is_over.store(true, Ordering::Relaxed);
        let connections: u32 = floods.map(|flood| flood.join().unwrap()).into_iter().sum();
        println!("500 messages beside {connections} connections: {ping_max:?} at the most");
    });
    wait_until("every file to be closed", || open_files(&daemon) <= baseline);
    drop(daemon.client());
}

#[test]
fn publish_floods_lose_no_message_of_others() {
    let daemon = Setup::on_shards(2).start();
    let mut pair = Pair::of(&daemon);
    let is_over = AtomicBool::new(false);
    let flood = || {
        let mut source = daemon.upgraded();
        source.send(text_message(r#"{"type":"authorize","authorization":"both=*"}"#));
        let publication = text_message(r#"{"type":"publish","channel":"flood","content":"water"}"#).repeat(100);
        let mut sent = 0;
        while !is_over.load(Ordering::Relaxed) {
            source.send(&publication);
            sent += 100;
        }
        sent
    };
    std::thread::scope(|scope| {
        let floods = [(); 4].map(|()| scope.spawn(flood));
        let ping_max = (0..200).map(|_| pair.ping()).max().unwrap();
        is_over.store(true, Ordering::Relaxed);
        let sent: u32 = floods.map(|flood| flood.join().unwrap()).into_iter().sum();
        println!("200 messages beside {sent} others: {ping_max:?} at the most");
    });
}

#[test]
fn four_hundred_clients_at_a_limit_of_256_open_files() {
    let daemon = Setup::on_shards(1).open_files(256).settings("limits: {authorize_timeout: 1h}").start();
    let warning = daemon.log().wait_for("a warning", |line| line.contains("max_connections").then(|| line.to_owned()));
    assert!(warning.contains("256") && warning.contains("125 connections"), "{warning}");
    let mut raws: Vec<Raw> = (0..400).map(|_| daemon.raw()).collect();
    raws.iter_mut().for_each(|raw| raw.send_perhaps(upgrade_request("")));
    let answers = raws.iter_mut().map(|raw| raw.read_head()).collect::<Vec<_>>();
    let served = answers.iter().filter(|head| head.starts_with("HTTP/1.1 101 ")).count();
    assert_eq!(served, 125);
    assert!(answers.iter().filter(|head| head.starts_with("HTTP/1.1 503 ")).count() == 275);
    let share = cpu_share(&daemon);
    assert!(share < 0.05, "{share} of a core while full");
    drop(raws);
    let ((), took) = time_without_stalls(|| {
        wait_until("room", || {
            let mut raw = daemon.raw();
            raw.send(upgrade_request(""));
            raw.read_head().starts_with("HTTP/1.1 101 ")
        });
    });
    println!("{:.1} % of a core while full, accepting again after {took:?}", share * 100.0);
    assert!(took < CONNECT_MAX, "{took:?}");
}

/// Lets the daemon open so many more files, and none beyond them.
fn leave_files(daemon: &Daemon, more: usize) {
    let limit = open_files(daemon) + more;
    run(Command::new("prlimit").args(["--pid", &daemon.pid().to_string(), &format!("--nofile={limit}:{limit}")]))
        .succeeds();
}

/// Settings that cannot be read are no settings, and above all not the defaults, with which everybody may do everything.
#[test]
fn without_a_file_left_to_read_the_settings_with_the_old_ones_stay() {
    let daemon = Setup::on_shards(1).start();
    let mut pair = Pair::of(&daemon);
    leave_files(&daemon, 10);
    let waiting: Vec<Raw> = (0..100).map(|_| daemon.raw()).collect();
    daemon.log().wait_for("the acceptor to wait", |line| line.contains("cannot accept clients").then_some(()));
    for _ in 0..3 {
        let outcome = daemon.reload();
        assert!(outcome.contains("nothing was changed") && outcome.contains("Too many open files"), "{outcome}");
    }
    pair.ping();
    drop(waiting);
    let connected = daemon.client();
    drop(connected);
    assert!(daemon.reload().contains("is unchanged"));
    let mut client = daemon.connect();
    client.send(serde_json::json!({"type": "authorize", "authorization": "deny"}));
    client.expect_error("authorization_failed");
}

/// The limit is lowered while the daemon runs, so that it meets it where it cannot expect it: when it accepts.
#[test]
fn without_a_single_file_left_it_waits_and_does_not_spin() {
    let daemon = Setup::on_shards(1).start();
    let mut pair = Pair::of(&daemon);
    leave_files(&daemon, 10);
    let waiting: Vec<Raw> = (0..100).map(|_| daemon.raw()).collect();
    daemon.log().wait_for("the acceptor to wait", |line| line.contains("cannot accept clients").then_some(()));
    let share = cpu_share(&daemon);
    assert!(share < 0.05, "{share} of a core without files");
    pair.ping();
    drop(waiting);
    let connected = connect_time(&daemon);
    daemon.log().wait_for("the acceptor to accept", |line| line.contains("accepting clients again").then_some(()));
    println!("{:.1} % of a core without files, accepting again after {connected:?}", share * 100.0);
    assert!(connected < CONNECT_MAX, "{connected:?}");
}
