//! Streams that are read too slowly: what fits waits for them, and who stays away is told why and costs what it may.

use super::source::Source;
use crate::harness::{DEADLINE, Daemon, EventListener, Gone, Memory, Raw, Setup, is_disconnect};
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;
const QUEUED_BYTES_MAX: usize = 16 * MIB;

fn with(shards: usize, limits: &str) -> Daemon {
    Setup::on_shards(shards).settings(&format!("limits: {{ping_interval: 0, {limits}}}")).start()
}

/// A stream with a small receive buffer, so that the relay soon has to keep what is not read.
fn with_small_buffer(daemon: &Daemon, channel: &str) -> EventListener {
    EventListener::begin(Raw::connect_with_small_buffer(daemon.address()), "both=*", &[channel])
}

fn cuts(daemon: &Daemon) -> usize {
    daemon.log().lines().iter().filter(|line| is_disconnect(line)).count()
}

/// Reads messages of `[number, …]`, which have to come in order and without a gap, up to the last event; how many came, and
/// its code.
fn read_numbered_to_end(listener: &mut EventListener) -> (u64, Value) {
    let mut next = 0;
    loop {
        match listener.try_next(DEADLINE) {
            Ok(Some(event)) if event.name.is_empty() => {
                assert_eq!(event.json()["content"][0], next);
                next += 1;
            }
            Ok(Some(event)) => {
                assert_eq!(event.name, "end", "{event:?}");
                let code = event.json()["code"].take();
                listener.expect_gone();
                return (next, code);
            }
            Ok(None) => panic!("neither an event nor the end came after {next} messages"),
            Err(gone) => panic!("{gone:?} without a word after {next} messages"),
        }
    }
}

#[test]
fn who_comes_back_in_time_has_missed_nothing() {
    const MESSAGES: u64 = 10_000;
    for shards in [1, 3] {
        let daemon = with(shards, "outbox_bytes: 16 MiB, outbox_soft_time: 1day, write_deadline: 1day");
        let mut slow = with_small_buffer(&daemon, "a");
        let mut witness = daemon.events(&["a"]);
        let content = "x".repeat(1000);
        std::thread::scope(|scope| {
            let daemon = &daemon;
            let content = &content;
            scope.spawn(move || {
                let mut source = daemon.client();
                (0..MESSAGES / 2).for_each(|number| source.publish("a", json!([number, content])));
                source.expect_no_answer();
                let contents: Vec<String> =
                    (MESSAGES / 2..MESSAGES).map(|number| json!([number, content]).to_string()).collect();
                Source::of(daemon).publish_all("a", &contents);
            });
            for number in 0..MESSAGES {
                witness.expect_publish("a", json!([number, content]));
            }
        });
        // Everything has been published, and it has read nothing.
        for number in 0..MESSAGES {
            slow.expect_publish("a", json!([number, content]));
        }
        Source::of(&daemon).publish("a", "1");
        slow.expect_publish("a", json!(1));
        daemon.expect_nobody_disconnected();
    }
}

#[test]
fn who_stays_away_is_told_why() {
    for shards in [1, 3] {
        for (limits, limit) in [
            ("outbox_bytes: 1 MiB, outbox_soft_time: 1day, write_deadline: 1day", "outbox_bytes"),
            ("outbox_bytes: 64 MiB, outbox_soft_time: 1day, write_deadline: 1s", "write_deadline"),
            (
                "outbox_bytes: 64 MiB, outbox_soft_bytes: 256 KiB, outbox_soft_time: 1s, write_deadline: 1day",
                "outbox_soft_bytes",
            ),
        ] {
            let daemon = with(shards, limits);
            let mut slow = with_small_buffer(&daemon, "a");
            let mut witness = daemon.events(&["a"]);
            let mut source = Source::of(&daemon);
            let content = "x".repeat(32 * 1024);
            let (read, code) = std::thread::scope(|scope| {
                // It begins to read when it has been cut.
                let reading = scope.spawn(|| {
                    let cut = |line: &str| is_disconnect(line).then(|| line.to_owned());
                    let said = daemon.log().wait_for("it to be cut", cut);
                    assert!(said.contains(&format!(r#""limit":"{limit}""#)), "{said}");
                    read_numbered_to_end(&mut slow)
                });
                for number in 0..300 {
                    source.publish("a", &json!([number, content]).to_string());
                    witness.expect_publish("a", json!([number, content]));
                }
                reading.join().unwrap()
            });
            println!("{read} of 300 had left, {limit}");
            assert_eq!(code, 4001);
            assert!(read < 300);
            source.publish("a", "1");
            witness.expect_publish("a", json!(1));
            assert_eq!(daemon.asked()["disconnects"], json!([{"code": 4001, "reason": "slow consumer", "count": 1}]));
            drop((slow, witness, source));
            assert_eq!(daemon.refused(), format!("{limit} 1"));
        }
    }
}

/// Eight of them would take 40 MiB. Who has most of it is let go.
#[test]
fn together_they_take_no_more_than_is_set() {
    for shards in [1, 3] {
        let patient = "outbox_soft_time: 1day, write_deadline: 1day, outbox_bytes: 8 MiB";
        let daemon = with(shards, &format!("max_queued_bytes: 16 MiB, {patient}"));
        let mut witness = daemon.events(&["witness"]);
        let mut source = daemon.client();
        let content = "x".repeat(64 * 1024);
        for number in 0..64 {
            source.publish("witness", json!([number, content]));
            witness.expect_publish("witness", json!([number, content]));
        }
        let mut slow: Vec<_> = (0..8).map(|at| with_small_buffer(&daemon, &at.to_string())).collect();
        let memory = Memory::of(&daemon);
        for number in 0..144 {
            (0..slow.len()).for_each(|at| source.publish(&at.to_string(), json!([number, content])));
            source.publish("witness", json!(number));
            witness.expect_publish("witness", json!(number));
        }
        source.expect_no_answer();
        let cut = cuts(&daemon);
        println!("{cut} of {} were cut", slow.len());
        assert!(daemon.log().text().contains(r#""limit":"max_queued_bytes""#), "nobody was cut for it");
        assert!(cut < slow.len(), "everybody was cut");
        memory.assert_grown_at_most(QUEUED_BYTES_MAX + (2 + 2 * shards) * MIB);
        let mut told = 0;
        source.publish("witness", json!("the last"));
        for (at, listener) in slow.iter_mut().enumerate() {
            source.publish(&at.to_string(), json!([144]));
            let mut next = 0;
            let ended = loop {
                match listener.try_next(DEADLINE) {
                    Ok(Some(event)) if event.name.is_empty() => {
                        assert_eq!(event.json()["content"][0], next);
                        next += 1;
                        if next == 145 {
                            break false;
                        }
                    }
                    Ok(Some(event)) => {
                        assert_eq!((&*event.name, &event.json()["code"]), ("end", &json!(4001)));
                        break true;
                    }
                    // Nothing can follow half an event; and it has not read for long.
                    Err(Gone::Reset | Gone::WithinEvent) => break true,
                    other => panic!("{other:?} after {next} messages"),
                }
            };
            told += usize::from(ended);
        }
        assert_eq!(told, cuts(&daemon));
        witness.expect_publish("witness", json!("the last"));
    }
}

/// Events of a channel exist once, however many wait for them.
#[test]
fn what_is_shared_counts_once() {
    let daemon =
        with(1, "max_queued_bytes: 32 MiB, outbox_bytes: 16 MiB, outbox_soft_time: 1day, write_deadline: 1day");
    let mut slow: Vec<_> = (0..20).map(|_| with_small_buffer(&daemon, "a")).collect();
    let mut source = daemon.client();
    let memory = Memory::of(&daemon);
    let content = "x".repeat(64 * 1024);
    for number in 0..160 {
        source.publish("a", json!([number, content]));
    }
    source.expect_no_answer();
    memory.assert_grown_at_most(QUEUED_BYTES_MAX);
    assert_eq!(cuts(&daemon), 0);
    // Some of them: there is much to read.
    for listener in &mut slow[..4] {
        for number in 0..160 {
            let event = listener.next_event();
            let begin = format!(r#"{{"channel":"a","content":[{number},""#);
            assert!(event.data.starts_with(&begin) && event.data.len() > content.len(), "{number}");
        }
    }
}
