//! What clients can make the relay hold by frames alone, before anybody has authorized them: less than 1 MiB for each.

use crate::harness::{Daemon, Frame, Raw, text_message};
use serde_json::json;
use std::time::Duration;

/// Many, so that what the process holds by itself does not count.
const CLIENTS: usize = 4;
const GROWTH_PER_CLIENT_MAX: usize = 1024 * 1024;
const FLOOD_BYTES: usize = 4 * 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;
/// A relay that takes nothing for so long does not read this client any more.
const STUCK: Duration = Duration::from_millis(500);

/// Bytes of physical memory that the daemon has.
fn resident(daemon: &Daemon) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Has clients that read nothing send `first` and then `more` again and again, as much as the relay takes, and looks at
/// its memory meanwhile.
fn flood(first: &[u8], more: &[u8]) {
    let mut daemon = Daemon::on_shards(1);
    let mut witness = daemon.client();
    witness.subscribe("a");
    let mut flooders: Vec<Raw> = (0..CLIENTS).map(|_| Raw::connect_with_small_buffer(daemon.address())).collect();
    flooders.iter_mut().for_each(Raw::upgrade);
    let chunk = more.repeat(CHUNK_BYTES.div_ceil(more.len()));
    let before = resident(&daemon);
    let mut most = before;
    for flooder in &mut flooders {
        flooder.send(first);
        for _ in 0..FLOOD_BYTES / CHUNK_BYTES {
            if !flooder.send_within(&chunk, STUCK) {
                break;
            }
            most = most.max(resident(&daemon));
        }
        witness.publish("a", json!(1));
        witness.expect_publish("a", json!(1));
    }
    let growth = most.saturating_sub(before) / CLIENTS;
    println!("{growth} bytes for each client");
    assert!(growth < GROWTH_PER_CLIENT_MAX, "{growth} bytes for each client");
    daemon.assert_alive();
}

/// Messages that never end: of nothing, and of single bytes.
#[test]
fn fragments() {
    flood(&Frame::new(0x01, "").masked(), &Frame::new(0x00, "").masked());
    flood(&Frame::new(0x02, "").masked(), &Frame::new(0x00, "x").masked());
}

#[test]
fn control_frames() {
    flood(&[], &Frame::new(0x89, "").masked());
    flood(&[], &Frame::new(0x89, [b'x'; 125]).masked());
    flood(&[], &Frame::new(0x8a, "").masked());
}

#[test]
fn messages_that_are_answered() {
    let authorize = text_message(r#"{"type":"authorize","authorization":"both=*"}"#);
    flood(&authorize, &text_message(r#"{"type":"subscribe","channel":"b"}"#));
    flood(&[], &authorize);
}

/// Frames that announce as much as a client may send, and of which nothing else comes.
#[test]
fn announced_lengths() {
    for length in [16 * 1024, 1024 * 1024u64] {
        flood(&[&[0x81, 0xff][..], &length.to_be_bytes(), &[1, 2, 3, 4]].concat(), b"x");
    }
}
