//! The ceiling on what waits in all: memory under pressure from many clients together.

use crate::harness::{
    Client, Daemon, Frame, Memory, Raw, Setup, close_code, is_disconnect, many_open_files, memory_ceiling,
};
use serde_json::json;

const MIB: usize = 1024 * 1024;
const QUEUED_BYTES_MAX: usize = 16 * MIB;

fn with(shards: usize, limits: &str) -> Daemon {
    let patient = "ping_interval: 0, outbox_soft_time: 1day, write_deadline: 1day, message_timeout: 1day";
    Setup::on_shards(shards).settings(&format!("limits: {{max_queued_bytes: 16 MiB, {patient}, {limits}}}")).start()
}

fn cuts(daemon: &Daemon) -> usize {
    daemon.log().lines().iter().filter(|line| is_disconnect(line)).count()
}

#[test]
fn many_slow_readers_of_channels_of_their_own() {
    for shards in [1, 3] {
        let daemon = with(shards, "outbox_bytes: 8 MiB");
        let mut witness = daemon.client();
        witness.subscribe("witness");
        let mut source = daemon.client();
        let content = "x".repeat(64 * 1024);
        for number in 0..64 {
            source.publish("witness", json!([number, content]));
            witness.expect_publish("witness", json!([number, content]));
        }
        let slow: Vec<Raw> =
            (0..8).map(|at| Raw::listening_with_small_buffer(daemon.address(), &at.to_string())).collect();
        let memory = Memory::of(&daemon);
        // 9 MiB to each: some go into the kernel, and without a ceiling 40 MiB would wait.
        for number in 0..144 {
            (0..slow.len()).for_each(|at| source.publish(&at.to_string(), json!([number, content])));
            source.publish("witness", json!(number));
            witness.expect_publish("witness", json!(number));
        }
        source.expect_no_answer();
        println!("{} of {} were cut", cuts(&daemon), slow.len());
        assert!(daemon.log().text().contains(r#""limit":"max_queued_bytes""#), "nobody was cut for it");
        assert!(cuts(&daemon) < slow.len(), "everybody was cut");
        memory.assert_grown_at_most(QUEUED_BYTES_MAX + (2 + 2 * shards) * MIB);
    }
}

/// One is sent four times as much as seven others, and is neither the first nor the last that came.
#[test]
fn the_largest_outbox_goes_first() {
    const LARGEST: usize = 3;
    for shards in [1, 3] {
        let daemon = with(shards, "outbox_bytes: 16 MiB");
        let mut source = daemon.client();
        let mut slow: Vec<Raw> =
            (0..8).map(|at| Raw::listening_with_small_buffer(daemon.address(), &at.to_string())).collect();
        let content = "x".repeat(64 * 1024);
        let (mut rounds, mut rounds_left) = (0_usize, 200);
        while rounds_left > 0 {
            for at in 0..slow.len() {
                let messages = if at == LARGEST { 4 } else { 1 };
                (0..messages)
                    .for_each(|more| source.publish(&at.to_string(), json!([rounds * messages + more, content])));
            }
            source.expect_no_answer();
            rounds += 1;
            // Some more when it has happened: the others are not cut a little later either.
            rounds_left = if cuts(&daemon) > 0 { (rounds_left - 1).min(5) } else { rounds_left - 1 };
        }
        let largest = slow.remove(LARGEST).stream().local_addr().unwrap().to_string();
        let log = daemon.log().lines();
        let cut: Vec<_> = log.iter().filter(|line| is_disconnect(line)).collect();
        println!("after {rounds} rounds: {cut:?}");
        assert!(matches!(cut[..], [line] if line.contains(&largest) && line.contains(r#""limit":"max_queued_bytes""#)));
        for raw in &mut slow {
            for number in 0..rounds {
                let message: serde_json::Value = serde_json::from_str(&raw.read_text()).unwrap();
                assert_eq!(message["content"][0], number);
            }
        }
        drop(slow);
        assert_eq!(daemon.refused(), "max_queued_bytes 1");
    }
}

/// What 50 listeners wait for is 300 MiB, and exists once.
#[test]
fn what_is_shared_counts_once() {
    let daemon = with(1, "outbox_bytes: 16 MiB");
    let mut slow: Vec<Raw> = (0..50).map(|_| Raw::listening_with_small_buffer(daemon.address(), "a")).collect();
    let mut source = daemon.client();
    let memory = Memory::of(&daemon);
    let content = "x".repeat(64 * 1024);
    for number in 0..160 {
        source.publish("a", json!([number, content]));
    }
    source.expect_no_answer();
    memory.assert_grown_at_most(QUEUED_BYTES_MAX);
    assert_eq!(cuts(&daemon), 0);
    for raw in &mut slow {
        for number in 0..160 {
            let message: serde_json::Value = serde_json::from_str(&raw.read_text()).unwrap();
            assert_eq!(message["content"][0], number);
        }
    }
}

/// Each of ten has the second half of a large frame to take, which cannot be dropped: everybody else was cut in vain.
#[test]
fn those_who_read_are_not_cut_for_those_who_do_not() {
    for shards in [1, 3] {
        let daemon = with(shards, "outbox_bytes: 8 MiB, max_message_bytes: 4 MiB");
        let mut slow: Vec<Raw> =
            (0..10).map(|at| Raw::listening_with_small_buffer(daemon.address(), &at.to_string())).collect();
        let mut readers: Vec<Client> = (0..52).map(|_| daemon.client()).collect();
        readers.iter_mut().for_each(|reader| reader.subscribe("read"));
        let mut source = daemon.client();
        let (large, small) = ("x".repeat(3 * MIB), "x".repeat(1000));
        let memory = Memory::of(&daemon);
        for number in 0..20 {
            source.publish(&(number % slow.len()).to_string(), json!(large));
            source.publish("read", json!([number, small]));
            for reader in &mut readers {
                reader.expect_publish("read", json!([number, small]));
            }
        }
        println!("{} were cut", cuts(&daemon));
        assert!((1..=slow.len()).contains(&cuts(&daemon)), "{} were cut", cuts(&daemon));
        let ceiling = memory_ceiling(&daemon);
        println!("{} KiB of {} KiB", memory.peak() / 1024, ceiling / 1024);
        assert!(memory.peak() <= ceiling);
        // What they lose is counted, the second half of a frame too.
        let log = daemon.log().lines();
        let cut = log.iter().filter(|line| is_disconnect(line));
        assert!(cut.into_iter().all(|line| !line.contains(r#""dropped_bytes":0"#)), "{log:#?}");
        slow.clear();
        readers.iter_mut().for_each(Client::expect_no_answer);
    }
}

/// Messages of which nearly all has come, and the end never does.
#[test]
fn messages_that_nobody_finishes() {
    for shards in [1, 3] {
        let daemon = with(shards, "max_message_bytes: 1 MiB");
        let mut witness = daemon.client();
        witness.subscribe("a");
        let memory = Memory::of(&daemon);
        let message = Frame::text("x".repeat(MIB)).masked();
        let mut halves: Vec<Raw> = Vec::new();
        for _ in 0..48 {
            let mut raw = daemon.upgraded();
            raw.authorize();
            raw.send_perhaps(&message[..900 * 1024]);
            halves.push(raw);
            witness.publish("a", json!(halves.len()));
            witness.expect_publish("a", json!(halves.len()));
        }
        daemon.log().wait("clients to be cut", |lines| {
            (lines.iter().filter(|line| is_disconnect(line)).count() >= 48 - 18).then_some(())
        });
        memory.assert_grown_at_most(QUEUED_BYTES_MAX + 6 * MIB);
        let mut closed = 0;
        for raw in &mut halves {
            raw.finish_sending();
            let frames = raw.read_frames_to_end();
            let told = frames.last().map(close_code);
            assert!(matches!(told, None | Some(Some(1013))), "{told:?}");
            closed += usize::from(told.is_some());
        }
        assert!(closed >= 48 - 18, "{closed} were told");
        // Counted at the end: what was still on its way may have had one more cut.
        let cut = cuts(&daemon);
        println!("{cut} of {} were cut", halves.len());
        assert_eq!(daemon.refused(), format!("max_queued_bytes {cut}"));
    }
}

/// A frame that declares much, and of which nothing comes, costs nothing yet.
#[test]
fn what_is_declared_is_not_taken() {
    let daemon = with(1, "max_message_bytes: 1 MiB");
    let _warm = daemon.client();
    let memory = Memory::of(&daemon);
    let mut declaring = Vec::new();
    for _ in 0..100 {
        let mut raw = daemon.upgraded();
        raw.authorize();
        raw.send(&Frame::text("x".repeat(MIB)).masked()[..20]);
        declaring.push(raw);
    }
    daemon.client().subscribe("a");
    memory.assert_grown_at_most(2 * MIB);
    assert_eq!(cuts(&daemon), 0);
}

/// Empty fragments, in floods, with as many allowed as there can be.
#[test]
fn a_flood_of_empty_fragments() {
    let daemon = with(1, "max_fragments: 1000000");
    let mut witness = daemon.client();
    witness.subscribe("a");
    let mut raw = daemon.upgraded();
    raw.authorize();
    raw.send(Frame::new(0x01, "").masked());
    let memory = Memory::of(&daemon);
    let flood = Frame::new(0x00, "").masked().repeat(10_000);
    for number in 0..99 {
        raw.send(&flood);
        witness.publish("a", json!(number));
        witness.expect_publish("a", json!(number));
    }
    memory.assert_grown_at_most(MIB);
    raw.send_perhaps(flood.repeat(2));
    raw.expect_closed(1008);
}

/// The buffer for a large message goes with the message.
#[test]
fn large_messages_leave_nothing_behind() {
    many_open_files();
    let daemon = with(1, "max_message_bytes: 1 MiB");
    let mut first = daemon.client();
    let large = json!("x".repeat(1_000_000));
    first.publish("nobody", large.clone());
    first.expect_no_answer();
    let memory = Memory::of(&daemon);
    let clients: Vec<Client> = (0..50)
        .map(|_| {
            let mut client = daemon.client();
            client.publish("nobody", large.clone());
            client.expect_no_answer();
            client
        })
        .collect();
    println!("{} KiB are left behind by {} clients", memory.left() / 1024, clients.len());
    memory.assert_grown_at_most(6 * MIB);
}
