//! Whatever is not a relay gets nothing done on the relays' port, and leaves nothing behind.

use crate::harness::{DEADLINE, Daemon, Network, text_message, upgrade_request};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

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
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it was not cut off");
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
    const THREADS: u64 = 8;
    let mut network = Network::of(2);
    let port = network.port(0);
    let mut listener = network.relay(0).client();
    listener.subscribe("a");
    let before = open_files(network.relay(0));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let mut random = Random(1 + thread);
                for _ in 0..CONNECTIONS / THREADS {
                    is_cut_off(dial(port), &frame(&mut random));
                }
            });
        }
    });
    network.relay_mut(0).assert_alive();
    listener.expect_no_answer();
    let mut source = network.relay(1).client();
    source.publish("a", json!("still linked"));
    listener.expect_publish("a", json!("still linked"));
    let after = open_files(network.relay(0));
    assert!(after <= before + 5, "{before} files were open before, {after} are now");
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

/// Who says nothing is let go, and others are let in meanwhile.
#[test]
fn silent_connections_are_ended() {
    let network = Network::of(1);
    let silent: Vec<TcpStream> = (0..200).map(|_| dial(network.port(0))).collect();
    for stream in silent {
        is_cut_off(stream, b"");
    }
}

#[cfg(target_os = "linux")]
fn open_files(relay: &Daemon) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", relay.pid())).unwrap().count()
}

/// Only Linux shows them without further tools.
#[cfg(not(target_os = "linux"))]
fn open_files(_: &Daemon) -> usize {
    0
}
