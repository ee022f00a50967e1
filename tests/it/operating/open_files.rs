//! A relay that may not open another file: it says so, does not spin, serves those whom it has, and goes on by itself.

use crate::harness::{DEADLINE, Daemon, Pair, Raw, Setup, run, time_without_stalls, upgrade_request};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Once there is room again, a client is served within this.
const ACCEPT_AGAIN_MAX: Duration = Duration::from_secs(1);
/// The part of a core that a relay may take which can do nothing but wait.
const CPU_SHARE_MAX: f64 = 0.05;
/// While this passes, processor time is counted.
const CPU_WINDOW: Duration = Duration::from_secs(2);
/// What Linux counts processor time in, for programs.
const TICKS_PER_SECOND: f64 = 100.0;

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

#[test]
fn four_hundred_clients_at_a_limit_of_256() {
    let daemon = Setup::on_shards(1).open_files(256).settings("limits: {authorize_timeout: 1h}").start();
    let warning = daemon.log().wait_for("a warning", |line| line.contains("max_connections").then(|| line.to_owned()));
    assert!(warning.contains("256") && warning.contains("124 connections"), "{warning}");
    let mut raws: Vec<Raw> = (0..400).map(|_| daemon.raw()).collect();
    raws.iter_mut().for_each(|raw| raw.send_perhaps(upgrade_request("")));
    let answers = raws.iter_mut().map(|raw| raw.read_head()).collect::<Vec<_>>();
    let served = answers.iter().filter(|head| head.starts_with("HTTP/1.1 101 ")).count();
    assert_eq!(served, 124);
    assert!(answers.iter().filter(|head| head.starts_with("HTTP/1.1 503 ")).count() == 276);
    let share = cpu_share(&daemon);
    assert!(share < CPU_SHARE_MAX, "{share} of a core while full");
    drop(raws);
    let ((), took) = time_without_stalls(|| {
        let is_served = || {
            let mut raw = daemon.raw();
            raw.send(upgrade_request(""));
            raw.read_head().starts_with("HTTP/1.1 101 ")
        };
        let began = Instant::now();
        while !is_served() {
            assert!(began.elapsed() < DEADLINE, "no client is served any more");
        }
    });
    println!("{:.1} % of a core while full, accepting again after {took:?}", share * 100.0);
    assert!(took < ACCEPT_AGAIN_MAX, "{took:?}");
}

fn open_files(daemon: &Daemon) -> usize {
    fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count()
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
    assert!(daemon.reload().contains("has taken over"));
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
    assert!(share < CPU_SHARE_MAX, "{share} of a core without files");
    pair.ping();
    drop(waiting);
    let (_, connected) = time_without_stalls(|| daemon.client());
    daemon.log().wait_for("the acceptor to accept", |line| line.contains("accepting clients again").then_some(()));
    println!("{:.1} % of a core without files, accepting again after {connected:?}", share * 100.0);
    assert!(connected < ACCEPT_AGAIN_MAX, "{connected:?}");
}
