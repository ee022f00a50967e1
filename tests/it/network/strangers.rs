//! Whatever is not a relay gets nothing done on the relays' port, and leaves nothing behind.

#[cfg(target_os = "linux")]
use super::crowds::dial_from;
use super::status::wait_until;
#[cfg(target_os = "linux")]
use crate::harness::Memory;
use crate::harness::{
    DEADLINE, Daemon, Network, ReservedPort, Setup, text_message, time_without_stalls, upgrade_request,
};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// For a machine that is busy.
const ROOM: Duration = Duration::from_secs(2);
/// How many may be shaking hands at a time.
const STRANGERS_MAX: usize = 64;
/// How much more a relay may have in use after 100 000 connections than before them, in bytes: ten for each.
#[cfg(target_os = "linux")]
const MEMORY_LEFT_MAX: usize = 1024 * 1024;

fn dial(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Sends bytes and waits until the relay has ended the connection; what it says meanwhile is returned.
fn is_cut_off(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    // The relay may have ended it before all is written, with a reset where something was left unread.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it was not cut off");
    }
    answer
}

#[test]
fn the_client_protocol_is_not_spoken_there() {
    let network = Network::of(2);
    let mut listener = network.relay(0).client();
    listener.subscribe("a");
    let publish = json!({"type": "publish", "channel": "a", "content": "from a stranger"}).to_string();
    let mut upgrade = upgrade_request("").into_bytes();
    upgrade.extend(text_message(&json!({"type": "authorize", "authorization": "both=*"}).to_string()));
    upgrade.extend(text_message(&publish));
    for bytes in [upgrade, publish.into_bytes(), b"GET / HTTP/1.1\r\n\r\n".to_vec(), b"\x16\x03\x01\x02\x00".to_vec()] {
        let answer = is_cut_off(dial(network.port(0)), &bytes);
        assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    }
    listener.expect_no_answer();
}

/// What no relay would begin with: random bytes, random types behind a good length, and lengths that nobody has the memory
/// for. Each comes first on a connection of its own.
#[test]
fn random_first_frames_do_nothing() {
    const CONNECTIONS: u64 = 100_000;
    let mut network = Network::of(2);
    let mut listener = network.relay(0).client();
    listener.subscribe("a");
    // What the first ones take is taken once.
    begin_with_random_frames(network.port(0), CONNECTIONS / 100);
    let footprint = Footprint::of(network.relay(0));
    begin_with_random_frames(network.port(0), CONNECTIONS);
    network.relay_mut(0).assert_alive();
    listener.expect_no_answer();
    let mut source = network.relay(1).client();
    source.publish("a", json!("still linked"));
    listener.expect_publish("a", json!("still linked"));
    footprint.assert_nothing_left(network.relay(0));
}

fn begin_with_random_frames(port: u16, connections: u64) {
    const THREADS: u64 = 8;
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let mut random = Random(1 + thread);
                for _ in 0..connections / THREADS {
                    is_cut_off(dial(port), &frame(&mut random));
                }
            });
        }
    });
}

fn frame(random: &mut Random) -> Vec<u8> {
    let body: Vec<u8> = (0..1 + random.next() % 40).map(|_| random.next() as u8).collect();
    let length = match random.next() % 4 {
        0 => random.next() as u32,
        1 => u32::MAX - body.len() as u32,
        _ => body.len() as u32,
    };
    [&length.to_be_bytes()[..], &body].concat()
}

/// xorshift64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Who says nothing is let go in time, and a relay is linked meanwhile. What happens where there are more is in `crowds`.
#[cfg(target_os = "linux")]
#[test]
fn silent_connections_are_ended() {
    const ATTEMPTS: usize = 4;
    let ports = [ReservedPort::new(), ReservedPort::new()];
    let start = |at: usize| Setup::on_shards(1).name(&format!("relay-{at}")).in_network(&ports[..=at], at).start();
    let relay = start(0);
    for attempt in 1.. {
        // It knows nobody but itself, has found that out, and dials nobody.
        wait_until(&relay, |status| json!(states(status)) == json!(["itself"]));
        let dialled = Instant::now();
        // Four for each address, and all but one that there is place for.
        let silent: Vec<_> = (1..STRANGERS_MAX).map(|at| dial_from(2 + at as u8 / 4, ports[0].port())).collect();
        let _other = start(1);
        wait_until(&relay, |status| json!(states(status)) == json!(["itself", "linked"]));
        let are_open = silent.iter().all(is_open);
        let before = dialled.elapsed();
        if before >= HANDSHAKE_MAX && attempt < ATTEMPTS {
            // So long has the machine stood still that the first of them may have gone.
            continue;
        }
        assert!(are_open, "some had no time for their handshake");
        let ((), waited) = time_without_stalls(|| {
            for stream in silent {
                is_cut_off(stream, b"");
            }
        });
        assert!(dialled.elapsed() >= HANDSHAKE_MAX, "they had {:?} for their handshake", dialled.elapsed());
        println!("the other was served within {before:?}, the silent ones gone after {:?}", before + waited);
        assert!(before + waited < HANDSHAKE_MAX + ROOM, "the last of them went after {:?}", before + waited);
        break;
    }
    assert!(!relay.log().text().contains("have not said who they are"), "{}", relay.log().text());
}

/// Whether the relay has neither said anything nor ended the connection.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let open = stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    open
}

fn states(status: &Value) -> Vec<&Value> {
    status["relays"].as_array().unwrap().iter().map(|relay| &relay["state"]).collect()
}

/// What strangers could leave behind.
#[cfg(target_os = "linux")]
struct Footprint {
    files: usize,
    memory: Memory,
}

#[cfg(target_os = "linux")]
impl Footprint {
    fn of(relay: &Daemon) -> Self {
        Self { files: open_files(relay), memory: Memory::of(relay) }
    }

    fn assert_nothing_left(&self, relay: &Daemon) {
        let (files, left) = (open_files(relay), self.memory.left());
        println!("{} files before, {files} after, {} KiB of memory more", self.files, left / 1024);
        assert!(files <= self.files + 5, "{} files were open before, {files} are now", self.files);
        assert!(left <= MEMORY_LEFT_MAX, "{left} bytes were not given back");
    }
}

#[cfg(target_os = "linux")]
fn open_files(relay: &Daemon) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", relay.pid())).unwrap().count()
}

/// Only Linux shows it without further tools.
#[cfg(not(target_os = "linux"))]
struct Footprint;

#[cfg(not(target_os = "linux"))]
impl Footprint {
    fn of(_: &Daemon) -> Self {
        Self
    }

    fn assert_nothing_left(&self, _: &Daemon) {}
}
