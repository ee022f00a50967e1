//! A minute of everything at once, or as many minutes as `PUSU_SOAK_MINUTES` says (`make soak MINUTES=30`): listeners
//! and sources that stay, clients that come and go in every way, slow readers, wrong authorizations, a plugin that takes
//! its time. Those who stay miss nothing, and afterwards the relay is as it was before.

mod clients;
mod world;

use crate::harness::{DEADLINE, Daemon, Footprint, Setup, many_open_files};
use clients::{CHANNELS, SOURCES};
use std::env;
use std::time::{Duration, Instant};
use world::{Figures, World};

const STAYING: usize = 8;
const COMING_AND_GOING: usize = 6;
const NOT_READING: usize = 3;
const NOT_ALLOWED: usize = 2;
/// Everything has happened often enough by then for buffers and tables to have the size that they keep.
const WARMING_UP: Duration = Duration::from_secs(8);
/// What the allocator may hold more of afterwards than before, in bytes. A leak of one kilobyte for each connection
/// would be more than that within two minutes.
const RESIDENT_MORE_MAX: u64 = 6 * 1024 * 1024;

#[test]
fn the_relay_is_afterwards_as_it_was_before() {
    many_open_files();
    let minutes: f64 = env::var("PUSU_SOAK_MINUTES").map_or(1.0, |minutes| minutes.parse().expect("minutes"));
    let mut daemon = Setup::on_shards(2).settings("limits: {outbox_bytes: 64 KiB, max_message_bytes: 16 KiB}").start();
    let empty = at_rest(&daemon);

    let warming_up = live(World::new(daemon.address(), WARMING_UP.min(Duration::from_secs_f64(minutes * 30.0))));
    let before = empty_again(&daemon, &empty);
    let world = World::new(daemon.address(), Duration::from_secs_f64(minutes * 60.0).saturating_sub(WARMING_UP));
    let figures = live(world);
    let after = empty_again(&daemon, &empty);

    println!("warming up: {warming_up}\nthen: {figures}\nempty: {empty}\nbefore: {before}\nafter: {after}");
    figures.assert_everything_happened();
    assert!(
        after.resident <= before.resident + RESIDENT_MORE_MAX,
        "the relay needs more memory than before: {before}, then {after}"
    );
    daemon.assert_alive();
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
    let unexpected: Vec<_> = daemon.log().lines().into_iter().filter(|line| line.contains(r#""ERROR""#)).collect();
    assert!(unexpected.is_empty(), "the log has errors: {unexpected:#?}");
}

/// Everybody does what they do until the world ends.
fn live(world: World) -> Figures {
    std::thread::scope(|scope| {
        let staying: Vec<_> = (0..STAYING).map(|_| clients::staying(&world)).collect();
        for listener in staying {
            scope.spawn(|| clients::stay(&world, listener));
        }
        for source in 0..SOURCES {
            let world = &world;
            scope.spawn(move || clients::publish(world, source));
        }
        for _ in 0..COMING_AND_GOING {
            scope.spawn(|| clients::come_and_go(&world));
        }
        for _ in 0..NOT_READING {
            scope.spawn(|| clients::do_not_read(&world));
        }
        for _ in 0..NOT_ALLOWED {
            scope.spawn(|| clients::are_not_allowed(&world));
        }
    });
    let figures = world.figures;
    assert_eq!(figures.delivered_to_staying(), figures.published() * (STAYING * CHANNELS.len()) as u64);
    figures
}

/// What the daemon takes once it is whole: it says that it serves before it has opened everything that it keeps open. It
/// has when it answers at its control socket; what that needs is gone when nothing has changed for a while.
fn at_rest(daemon: &Daemon) -> Footprint {
    daemon.status();
    let mut same = 0;
    let mut last = Footprint::of(daemon);
    while same < 10 {
        std::thread::park_timeout(Duration::from_millis(20));
        let now = Footprint::of(daemon);
        same = if (now.files, now.threads) == (last.files, last.threads) { same + 1 } else { 0 };
        last = now;
    }
    last
}

/// Waits until nothing is left of the clients: files and threads are as many as when there were none, and there is no
/// client, channel or subscription.
fn empty_again(daemon: &Daemon, empty: &Footprint) -> Footprint {
    let started = Instant::now();
    loop {
        let now = Footprint::of(daemon);
        if now.files == empty.files && now.threads == empty.threads && now.kept == [0; 3] {
            return now;
        }
        assert!(started.elapsed() < DEADLINE, "something is left of the clients: {empty}, then {now}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
