//! Listeners that read too little: cut in time, told why, at a bounded cost, and unnoticed by the others.

use crate::harness::{
    Client, DEADLINE, Daemon, Frame, Memory, Raw, Setup, Stalls, is_disconnect, text_message, time_without_stalls,
    watch_stalls,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;
/// What a publication of [`flood`] carries.
const CONTENT_BYTES: usize = 32 * 1024;
/// A client is cut this long after it has reached its limit, at the most.
const LATE_MAX: Duration = Duration::from_secs(2);

fn with(shards: usize, limits: &str) -> Daemon {
    Setup::on_shards(shards).settings(&format!("limits: {{ping_interval: 0, {limits}}}")).start()
}

/// Waits until so many clients have been cut, and returns the limits they were cut for.
fn wait_for_cuts(daemon: &Daemon, count: usize) -> Vec<String> {
    daemon.log().wait("clients to be cut", |lines| {
        let cuts = lines.iter().filter(|line| is_disconnect(line));
        let cuts: Vec<Value> = cuts.map(|line| serde_json::from_str(line).unwrap()).collect();
        (cuts.len() >= count).then(|| cuts.iter().map(limit_of).collect())
    })
}

fn limit_of(line: &Value) -> String {
    let fields = line.get("fields").unwrap_or(line);
    fields["limit"].as_str().unwrap().to_owned()
}

/// Publishes numbered messages that a listener beside the slow one gets without a gap; when it had each of them.
fn flood(source: &mut Client, witness: &mut Client, channel: &str, messages: u64) -> Vec<Instant> {
    let content = "x".repeat(CONTENT_BYTES);
    let publish = |number| {
        source.publish(channel, json!([number, content]));
        witness.expect_publish(channel, json!([number, content]));
        Instant::now()
    };
    (0..messages).map(publish).collect()
}

/// How a client that read nothing was cut.
struct Cut {
    /// When each message had arrived at a listener beside it.
    published: Vec<Instant>,
    at: Instant,
    limit: String,
    /// How many messages the kernel had taken for it.
    read: usize,
    code: Option<u16>,
    stalls: Stalls,
}

impl Cut {
    /// Floods a client that begins to read when it has been cut.
    fn by_flood(daemon: &Daemon, mut slow: Raw, source: &mut Client, witness: &mut Client, messages: u64) -> Self {
        let (mut cut, stalls) = watch_stalls(|| {
            std::thread::scope(|scope| {
                let reading = scope.spawn(move || {
                    let limit = wait_for_cuts(daemon, 1).swap_remove(0);
                    let at = Instant::now();
                    let (read, code) = slow.read_numbered_to_close();
                    Self { published: Vec::new(), at, limit, read: read as usize, code, stalls: Stalls::default() }
                });
                let published = flood(source, witness, "a", messages);
                Self { published, ..reading.join().unwrap() }
            })
        });
        cut.stalls = stalls;
        cut
    }

    /// Asserts that it came in time and was told, where the limit was reached with message `number`, or so long later.
    fn assert_in_time(&self, number: usize, later: Duration) {
        assert!(number < self.published.len(), "message {number} would have reached the limit");
        let reached = self.published[number] + later;
        let late = self.stalls.time_between(reached, self.at);
        println!("message {number} reached the limit, {} arrived; cut {late:?} later at the most", self.read);
        assert!(late < LATE_MAX, "cut {late:?} after it had reached its limit");
        assert_eq!(self.code, Some(4001));
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
        let slow = Raw::listening_with_small_buffer(daemon.address(), "a");
        let (mut source, mut witness) = source_and_witness(&daemon, "a");
        let cut = Cut::by_flood(&daemon, slow, &mut source, &mut witness, 256);
        assert_eq!(cut.limit, "write_deadline");
        // The kernel took nothing more when the first message came that has not arrived.
        cut.assert_in_time(cut.read, Duration::from_secs(1));
        witness.expect_no_answer();
        assert_eq!(daemon.refused(), "write_deadline 1");
    }
}

/// It takes a little all the time, so that the write deadline has nothing to say.
#[test]
fn who_reads_a_trickle_is_cut_at_the_soft_limit() {
    let soft_time = Duration::from_secs(2);
    let daemon =
        with(1, "outbox_bytes: 64 MiB, outbox_soft_bytes: 256 KiB, outbox_soft_time: 2s, write_deadline: 1day");
    let mut slow = Raw::listening_with_small_buffer(daemon.address(), "a");
    let (mut source, mut witness) = source_and_witness(&daemon, "a");
    flood(&mut source, &mut witness, "a", 256);
    let ((), took) = time_without_stalls(|| {
        let flooded = Instant::now();
        while !daemon.log().lines().iter().any(|line| is_disconnect(line)) {
            assert!(flooded.elapsed() < DEADLINE, "it is never cut");
            // A read of a small piece, and a pause that the log can end.
            slow.read_some(1024);
            daemon.log().grows_past(daemon.log().lines().len(), Duration::from_millis(200));
        }
    });
    println!("cut {took:?} after the last message");
    assert!(took < soft_time + LATE_MAX, "cut {took:?} after the last message");
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
    daemon.expect_nobody_disconnected();
}

#[test]
fn a_slow_reader_costs_its_limit() {
    for shards in [1, 3] {
        let daemon = with(shards, "outbox_bytes: 4 MiB, outbox_soft_time: 1day, write_deadline: 1day");
        let (mut source, mut witness) = source_and_witness(&daemon, "a");
        flood(&mut source, &mut witness, "a", 256);
        let slow = Raw::listening_with_small_buffer(daemon.address(), "a");
        let memory = Memory::of(&daemon);
        let cut = Cut::by_flood(&daemon, slow, &mut source, &mut witness, 512);
        memory.assert_grown_at_most(4 * MIB + MIB);
        assert_eq!(cut.limit, "outbox_bytes");
        let reached = cut.read + 4 * MIB / CONTENT_BYTES;
        cut.assert_in_time(reached, Duration::ZERO);
        // What frames cost besides their content makes it a little less.
        assert!(cut.published[reached - 4] < cut.at, "it was cut before it had reached its limit");
        assert_eq!(daemon.refused(), "outbox_bytes 1");
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
        while !daemon.log().lines().iter().any(|line| is_disconnect(line)) {
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
