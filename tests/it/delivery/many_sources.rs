//! Many sources at once, and sources that never pause: nobody who reads is disconnected, and nobody is starved.
// Longer than 300 lines: the situations share their sources and what they ask of the relay.

use crate::harness::{
    Client, DEADLINE, Daemon, Frame, Listener, Memory, Raw, Setup, many_open_files, memory_ceiling, stamped,
    text_message,
};
use serde_json::json;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(
    a_hundred_messages_of_16_kb_in_one_moment,
    twenty_messages_of_100_kb_in_one_moment,
    a_thousand_answers_in_one_moment,
    sources_of_large_messages_on_channels_of_every_size_take_turns,
);

/// A relay that takes nothing for so long stands still.
const STUCK: Duration = Duration::from_millis(500);
/// Far above what it takes in an unloaded run, which is under 50 ms.
const QUIET_MAX: Duration = Duration::from_secs(10);

/// Has so many sources send a message of so many bytes each while the relay stands still, so that it finds all of them at
/// once; five listeners get all of them.
fn in_one_moment(daemon: &Daemon, sources: usize, bytes: usize) {
    many_open_files();
    let mut listeners: Vec<Listener> = (0..5).map(|_| daemon.listener()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("answers"));
    let mut sources: Vec<Listener> = (0..sources).map(|_| daemon.listener()).collect();
    let messages = sources.len() as u64;
    thread::scope(|scope| {
        daemon.freeze();
        for listener in &mut listeners {
            scope.spawn(move || listener.listen(messages));
        }
        for (number, source) in sources.iter_mut().enumerate() {
            source.publish("answers", &stamped(number, 1, bytes - 40));
        }
        daemon.thaw();
    });
    daemon.expect_nobody_disconnected();
}

fn a_hundred_messages_of_16_kb_in_one_moment(daemon: Daemon) {
    in_one_moment(&daemon, 100, 16_000);
}

fn twenty_messages_of_100_kb_in_one_moment(daemon: Daemon) {
    in_one_moment(&daemon, 20, 100_000);
}

fn a_thousand_answers_in_one_moment(daemon: Daemon) {
    in_one_moment(&daemon, 1000, 2500);
}

/// Sources that publish as fast as the relay takes it, and listeners that read, until it is over.
struct Flood {
    is_over: AtomicBool,
    /// What each source has published.
    published: Vec<AtomicU64>,
}

impl Flood {
    /// Has each source publish messages of so many bytes to a channel of its own with so many listeners, while `work` is
    /// done; on 1 and on 3 shards.
    fn beside(sources: usize, listeners: usize, bytes: usize, work: impl Fn(&Daemon, &Self)) {
        for shards in [1, 3] {
            // The machine that the readers run on may stand still for a while; they are no slow consumers for that.
            let limits = "outbox_bytes: 64 MiB, outbox_soft_time: 1day, write_deadline: 1day";
            let daemon = Setup::on_shards(shards).settings(&format!("limits: {{{limits}}}")).start();
            Self::on(&daemon, sources, listeners, bytes, |flood| work(&daemon, flood));
        }
    }

    fn on(daemon: &Daemon, sources: usize, listeners: usize, bytes: usize, work: impl FnOnce(&Self)) {
        let flood =
            Self { is_over: AtomicBool::new(false), published: (0..sources).map(|_| AtomicU64::new(0)).collect() };
        let readers: Vec<Listener> = (0..sources * listeners)
            .map(|at| {
                let mut reader = daemon.listener();
                reader.subscribe(&format!("flood.{}", at % sources));
                reader
            })
            .collect();
        thread::scope(|scope| {
            let flood = &flood;
            for mut reader in readers {
                scope.spawn(move || flood.read(reader.raw().stream()));
            }
            for at in 0..sources {
                let mut source = daemon.listener();
                scope.spawn(move || flood.publish(at, &mut source, bytes));
            }
            let _over = IsOver(flood);
            let began = Instant::now();
            while flood.published.iter().any(|published| published.load(Ordering::Relaxed) == 0) {
                assert!(began.elapsed() < DEADLINE, "some have published nothing");
                thread::yield_now();
            }
            work(flood);
        });
        daemon.expect_nobody_disconnected();
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn publish(&self, at: usize, source: &mut Listener, bytes: usize) {
        let channel = format!("flood.{at}");
        for number in 1.. {
            if self.is_over() {
                return;
            }
            source.publish(&channel, &stamped(at, number, bytes - 40));
            self.published[at].store(number, Ordering::Relaxed);
        }
    }

    /// Reads as fast as can be, and looks at nothing.
    fn read(&self, stream: &mut TcpStream) {
        let mut sink = vec![0; 256 * 1024];
        while !self.is_over() {
            assert!(stream.read(&mut sink).unwrap() > 0, "it reads, and is cut");
        }
    }
}

/// Ends the flood, also where the work beside it has failed: else its threads would go on for ever.
struct IsOver<'a>(&'a Flood);

impl Drop for IsOver<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// How long a message of the quiet pair takes at the most, of a hundred.
fn slowest_of_a_hundred(source: &mut Client, listener: &mut Client) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..100 {
        let began = Instant::now();
        source.publish("quiet", json!(number));
        listener.expect_publish("quiet", json!(number));
        slowest = slowest.max(began.elapsed());
    }
    slowest
}

#[test]
fn a_quiet_source_beside_one_that_never_pauses() {
    for (sources, listeners, bytes) in [(1, 50, 8000), (3, 5, 8000), (3, 0, 900_000)] {
        Flood::beside(sources, listeners, bytes, |daemon, _| {
            let (mut source, mut listener) = (daemon.client(), daemon.client());
            listener.subscribe("quiet");
            let slowest = slowest_of_a_hundred(&mut source, &mut listener);
            println!("{sources} floods of {bytes} bytes to {listeners} listeners each: {slowest:?}");
            assert!(slowest < QUIET_MAX, "{slowest:?}");
        });
    }
}

#[test]
fn two_that_never_pause_get_equal_parts() {
    Flood::beside(2, 3, 8000, |_, flood| {
        let published = || [0, 1].map(|at| flood.published[at].load(Ordering::Relaxed));
        let before = published();
        let began = Instant::now();
        // Enough for what is in the kernel's buffers already to be a small part.
        while published().iter().sum::<u64>() < before.iter().sum::<u64>() + 20_000 {
            assert!(began.elapsed() < 3 * DEADLINE, "{before:?}, then {:?}", published());
            thread::park_timeout(Duration::from_millis(1));
        }
        let after = published();
        let parts = [0, 1].map(|at| after[at] - before[at]);
        println!("{parts:?} in {:?}", began.elapsed());
        assert!(parts[0] * 5 > parts[1] && parts[1] * 5 > parts[0], "{parts:?}");
    });
}

#[test]
fn everything_else_goes_on_beside_a_source_that_never_pauses() {
    Flood::beside(2, 30, 8000, |daemon, _| {
        let mut slowest = Duration::ZERO;
        for number in 0..20 {
            let began = Instant::now();
            let mut client = daemon.client();
            client.subscribe(&number.to_string());
            client.expect_no_answer();
            slowest = slowest.max(began.elapsed());
        }
        let began = Instant::now();
        assert_eq!(daemon.asked()["hanging_shards"], json!([]), "{}", daemon.asked());
        println!("{slowest:?} to connect, subscribe and have a ping answered; {:?} for the status", began.elapsed());
        assert!(slowest < QUIET_MAX && began.elapsed() < QUIET_MAX);
    });
}

/// A client that sends pings again as soon as it has the answers.
struct Pinger {
    stream: TcpStream,
    /// Bytes of answers that have not come.
    owed: usize,
}

impl Pinger {
    fn of(daemon: &Daemon) -> Self {
        let mut raw = daemon.upgraded();
        raw.authorize();
        raw.stream().set_nonblocking(true).unwrap();
        Self { stream: raw.stream().try_clone().unwrap(), owed: 0 }
    }

    fn go_on(&mut self, pings: &[u8], answers: usize, sink: &mut [u8]) {
        if self.owed == 0 {
            self.stream.write_all(pings).unwrap();
            self.owed = answers;
        }
        match self.stream.read(sink) {
            Ok(bytes) => self.owed -= bytes,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

/// Replies take no room, and there are so many of them that something always waits to be flushed.
#[test]
fn replies_without_pause_starve_no_source() {
    many_open_files();
    for shards in [1, 3] {
        let daemon = Setup::on_shards(shards).start();
        let mut pingers: Vec<Pinger> = (0..600 * shards).map(|_| Pinger::of(&daemon)).collect();
        let (mut source, mut listener) = (daemon.client(), daemon.client());
        listener.subscribe("quiet");
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for part in pingers.chunks_mut(200 * shards) {
                scope.spawn(|| {
                    let (ping, answer) = (Frame::new(0x89, b"ping").masked(), Frame::new(0x8a, b"ping").unmasked());
                    let mut sink = vec![0; 4096];
                    while !is_over.load(Ordering::Relaxed) {
                        part.iter_mut().for_each(|pinger| pinger.go_on(&ping.repeat(8), 8 * answer.len(), &mut sink));
                    }
                });
            }
            // More than a lane's room.
            let content = "x".repeat(20_000);
            let began = Instant::now();
            for number in 0..10 {
                source.publish("quiet", json!([number, content]));
                listener.expect_publish("quiet", json!([number, content]));
            }
            println!("{:?} for 10 messages", began.elapsed());
            is_over.store(true, Ordering::Relaxed);
        });
    }
}

/// There is one place in a shard for a message that is larger than its lane's room.
fn sources_of_large_messages_on_channels_of_every_size_take_turns(daemon: Daemon) {
    const MESSAGES: u64 = 8;
    let sizes = [1, 20, 260];
    let mut listeners: Vec<Vec<Listener>> = Vec::new();
    for size in sizes {
        let mut group: Vec<_> = (0..size).map(|_| daemon.listener()).collect();
        group.iter_mut().for_each(|listener| listener.subscribe(&format!("of {size}")));
        listeners.push(group);
    }
    thread::scope(|scope| {
        for (at, size) in sizes.into_iter().enumerate() {
            let mut source = daemon.listener();
            scope.spawn(move || {
                (1..=MESSAGES).for_each(|number| source.publish(&format!("of {size}"), &stamped(at, number, 100_000)));
            });
        }
        for group in listeners {
            // A few threads, each for some of the listeners.
            let mut group = group.into_iter();
            let quarter = group.len().div_ceil(4);
            for _ in 0..4 {
                let part: Vec<_> = group.by_ref().take(quarter).collect();
                scope.spawn(move || read_side_by_side(part, MESSAGES));
            }
        }
    });
    daemon.expect_nobody_disconnected();
}

/// Reads until each listener has so many publications.
fn read_side_by_side(mut listeners: Vec<Listener>, publications: u64) {
    let began = Instant::now();
    while listeners.iter().any(|listener| listener.checker.received < publications) {
        assert!(began.elapsed() < 3 * DEADLINE, "not everything has come");
        for listener in &mut listeners {
            listener.listen_until(Instant::now() + Duration::from_micros(200)).expect("it reads, and is cut");
        }
    }
}

/// One message of each source went past a full inbox: their number bounded nothing.
#[test]
fn the_relay_keeps_within_its_ceiling_however_many_sources_publish_at_once() {
    const MIB: usize = 1024 * 1024;
    for shards in [1, 3] {
        let daemon = Setup::on_shards(shards)
            .settings("limits: {max_queued_bytes: 16 MiB, max_connections: 200, write_deadline: 1day}")
            .start();
        let ceiling = memory_ceiling(&daemon);
        let memory = Memory::of(&daemon);
        let mut listeners: Vec<Listener> = (0..6).map(|_| daemon.listener()).collect();
        listeners.iter_mut().for_each(|listener| listener.subscribe("a"));
        let message =
            text_message(&format!(r#"{{"type":"publish","channel":"a","content":{}}}"#, stamped(0, 1, 970_000)));
        let mut sources: Vec<_> = (0..140).map(|_| daemon.upgraded()).collect();
        sources.iter_mut().for_each(Raw::authorize);
        // All of it is there when the relay looks. Some are disconnected: that much is more than may wait in all.
        daemon.freeze();
        thread::scope(|scope| {
            let message = &message;
            sources.iter_mut().for_each(|source| drop(scope.spawn(|| source.send_within(message, STUCK))));
        });
        daemon.thaw();
        daemon.client().expect_no_answer();

        println!("{} KiB of {} KiB", memory.peak() / 1024, ceiling / 1024);
        assert!(memory.peak() <= ceiling, "{} MiB, more than {}", memory.peak() / MIB, ceiling / MIB);
        daemon.client().subscribe("still here");
    }
}
