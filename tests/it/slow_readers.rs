//! Listeners that read too little: cut in time, told why, at a bounded cost, and unnoticed by the others.

use crate::harness::{Client, DEADLINE, Daemon, Frame, Memory, Raw, Setup, text_message};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;

fn with(shards: usize, limits: &str) -> Daemon {
    Setup::on_shards(shards).settings(&format!("limits: {{ping_interval: 0, {limits}}}")).start()
}

/// Waits until so many clients have been cut, and returns the limits they were cut for.
fn wait_for_cuts(daemon: &Daemon, count: usize) -> Vec<String> {
    daemon.log().wait("clients to be cut", |lines| {
        let cuts = lines.iter().filter(|line| line.contains("the client is cut"));
        let cuts: Vec<Value> = cuts.map(|line| serde_json::from_str(line).unwrap()).collect();
        (cuts.len() >= count).then(|| cuts.iter().map(limit_of).collect())
    })
}

fn limit_of(line: &Value) -> String {
    let fields = line.get("fields").unwrap_or(line);
    fields["limit"].as_str().unwrap().to_owned()
}

/// Publishes numbered messages of 32 KiB that a listener beside the slow one gets without a gap.
fn flood(source: &mut Client, witness: &mut Client, channel: &str, messages: u64) {
    let content = "x".repeat(32 * 1024);
    for number in 0..messages {
        source.publish(channel, json!([number, content]));
        witness.expect_publish(channel, json!([number, content]));
    }
}

fn source_and_witness(daemon: &Daemon, channel: &str) -> (Client, Client) {
    let mut witness = daemon.client();
    witness.subscribe(channel);
    (daemon.client(), witness)
}

#[test]
fn who_stops_reading_is_cut_at_the_write_deadline() {
    for shards in [1, 3] {
        let daemon = with(shards, "outbox_bytes: 64 MiB, write_deadline: 1s");
        let mut slow = Raw::listening_with_small_buffer(daemon.address(), "a");
        let (mut source, mut witness) = source_and_witness(&daemon, "a");
        flood(&mut source, &mut witness, "a", 256);
        let flooded = Instant::now();
        assert_eq!(wait_for_cuts(&daemon, 1), ["write_deadline"]);
        println!("cut {:?} after the last message", flooded.elapsed());
        let (read, code) = slow.read_numbered_to_close();
        assert!(read < 256 && code == Some(4001), "{read} {code:?}");
        witness.expect_no_answer();
        assert_eq!(daemon.refused(), "write_deadline 1");
    }
}

/// It takes a little all the time, so that the write deadline has nothing to say.
#[test]
fn who_reads_a_trickle_is_cut_at_the_soft_limit() {
    let daemon =
        with(1, "outbox_bytes: 64 MiB, outbox_soft_bytes: 256 KiB, outbox_soft_time: 2s, write_deadline: 1day");
    let mut slow = Raw::listening_with_small_buffer(daemon.address(), "a");
    let (mut source, mut witness) = source_and_witness(&daemon, "a");
    flood(&mut source, &mut witness, "a", 256);
    let flooded = Instant::now();
    while !daemon.log().text().contains("the client is cut") {
        assert!(flooded.elapsed() < DEADLINE, "it is never cut");
        // A read of a small piece, and a pause that the log can end.
        slow.read_some(1024);
        daemon.log().grows_past(daemon.log().lines().len(), Duration::from_millis(200));
    }
    println!("cut {:?} after the last message", flooded.elapsed());
    assert_eq!(wait_for_cuts(&daemon, 1), ["outbox_soft_bytes"]);
    assert!(slow.read_to_end().ends_with(&Frame::close(4001, "slow consumer").unmasked()));
    witness.expect_no_answer();
    assert_eq!(daemon.refused(), "outbox_soft_bytes 1");
}

/// What waits for it does so for longer than the soft time, but there is never much of it.
#[test]
fn who_keeps_up_is_not_cut() {
    let daemon = with(1, "outbox_soft_bytes: 64 KiB, outbox_soft_time: 500ms, write_deadline: 500ms");
    let mut listeners: Vec<Client> = (0..20).map(|_| daemon.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("a"));
    let mut source = daemon.client();
    let started = Instant::now();
    let mut number = 0;
    while started.elapsed() < Duration::from_secs(3) {
        let content = json!([number, "x".repeat(8 * 1024)]);
        source.publish("a", content.clone());
        listeners.iter_mut().for_each(|listener| listener.expect_publish("a", content.clone()));
        number += 1;
    }
    println!("{number} messages");
    assert!(!daemon.log().text().contains("is cut"));
}

#[test]
fn a_slow_reader_costs_its_limit() {
    for shards in [1, 3] {
        let daemon = with(shards, "outbox_bytes: 4 MiB, outbox_soft_time: 1day, write_deadline: 1day");
        let (mut source, mut witness) = source_and_witness(&daemon, "a");
        flood(&mut source, &mut witness, "a", 256);
        let mut slow = Raw::listening_with_small_buffer(daemon.address(), "a");
        let memory = Memory::of(&daemon);
        flood(&mut source, &mut witness, "a", 512);
        assert_eq!(wait_for_cuts(&daemon, 1), ["outbox_bytes"]);
        memory.assert_grown_at_most(4 * MIB + MIB);
        slow.read_numbered_to_end();
    }
}

/// Answers to pings are two bytes each or a few more, and what holds them is far more.
#[test]
fn pongs_that_are_not_read_cost_the_limit() {
    for (is_stranger, payload) in [(true, &b""[..]), (false, &[b'x'; 125])] {
        let daemon = with(1, "outbox_bytes: 1 MiB, outbox_soft_time: 1day, write_deadline: 1day");
        daemon.client().subscribe("warm");
        let mut slow = Raw::connect_with_small_buffer(daemon.address());
        slow.upgrade();
        if !is_stranger {
            slow.authorize();
        }
        let memory = Memory::of(&daemon);
        let pings = Frame::new(0x89, payload).masked().repeat(16 * 1024);
        let started = Instant::now();
        let mut sent = 0;
        while !daemon.log().text().contains("the client is cut") {
            assert!(started.elapsed() < 3 * DEADLINE, "it is never cut");
            slow.send_perhaps(&pings);
            sent += pings.len();
        }
        println!("cut after {} KiB of pings at most", sent / 1024);
        assert_eq!(wait_for_cuts(&daemon, 1), ["outbox_bytes"]);
        memory.assert_grown_at_most(MIB + MIB);
    }
}

/// A burst that comes in one piece is far more than the limit, and still nobody is slow: what the kernel takes at once
/// has not been offered to it yet.
#[test]
fn who_reads_is_not_cut_for_the_sources_haste() {
    for shards in [1, 3] {
        let daemon =
            with(shards, "outbox_bytes: 16 KiB, max_message_bytes: 8 KiB, max_unauthorized_message_bytes: 8 KiB");
        let mut listeners: Vec<_> = (0..6).map(|_| daemon.client()).collect();
        listeners.iter_mut().for_each(|listener| ["a", "b"].iter().for_each(|channel| listener.subscribe(channel)));
        let mut source = daemon.upgraded();
        source.authorize();
        let message = |number: u64| {
            let channel = if number.is_multiple_of(3) { "a" } else { "b" };
            text_message(&format!(r#"{{"type":"publish","channel":"{channel}","content":{number}}}"#))
        };
        source.send((0..3000).flat_map(message).collect::<Vec<u8>>());
        for listener in &mut listeners {
            for number in 0..3000 {
                assert_eq!(listener.next_json()["content"], number);
            }
        }
    }
}
