//! Mistakes that others have made who do the same, and that are not made here.

use crate::harness::{Daemon, Setup, pusud, run};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

crate::on_1_and_3_shards!(with_history:
    the_position_is_known_on_an_empty_channel,
    the_flag_is_true_where_nothing_was_missed,
    a_position_is_of_one_message,
    nothing_is_evicted_between_the_check_and_the_replay,
);

/// A client that came before the first message could not say what it had seen, and was sent nothing.
fn the_position_is_known_on_an_empty_channel(daemon: Daemon) {
    let channel = "h.empty";
    let position = daemon.position_of(channel);
    daemon.client().publish_all(channel, [1, 2]);
    let mut client = daemon.client();
    assert_eq!(client.recover(channel, &position), 2);
    client.expect_at(channel, json!(1));
    client.expect_at(channel, json!(2));
}

/// The flag said whether something had been sent, and not whether something was lost.
fn the_flag_is_true_where_nothing_was_missed(daemon: Daemon) {
    for (channel, messages) in [("h.none", 0), ("h.some", 3)] {
        daemon.client().publish_all(channel, 0..messages);
        let position = daemon.position_of(channel);
        for _ in 0..3 {
            let mut client = daemon.client();
            assert_eq!(client.recover(channel, &position), 0);
            client.expect_no_answer();
        }
    }
}

/// The epoch came from one message, and the offset from another: it is one text here, and each message has one of its own that
/// alone is enough, also in the middle of a run and of a replay.
fn a_position_is_of_one_message(daemon: Daemon) {
    let channel = "h.one";
    let (mut listener, mut source) = (daemon.client(), daemon.client());
    listener.subscribe_at(channel);
    // In one piece, so that they are one run.
    source.publish_all(channel, 0..50);
    let live: Vec<String> = (0..50).map(|number| listener.expect_at(channel, json!(number))).collect();
    for (number, position) in live.iter().enumerate().step_by(7) {
        let mut client = daemon.client();
        assert_eq!(client.recover(channel, position), 49 - number as u64);
        for (behind, position) in live.iter().enumerate().skip(number + 1) {
            assert_eq!(client.expect_at(channel, json!(behind)), *position);
        }
    }
}

/// What was judged to be there had left when it was sent. The ring is one message here, and it changes all the time.
fn nothing_is_evicted_between_the_check_and_the_replay(daemon: Daemon) {
    drop(daemon);
    for shards in [1, 3] {
        let daemon = Setup::on_shards(shards).history(1, "10min").start();
        let channel = "h.short";
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut source = daemon.client();
                for number in 0.. {
                    source.publish_all(channel, [number]);
                    if is_done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            let (mut recovered, mut lost) = (0, 0);
            let (mut last, mut position): (Option<u64>, String) = (None, daemon.position_of(channel));
            while recovered < 50 || lost < 50 {
                let mut client = daemon.client();
                let joined = client.subscribe_since(channel, &position);
                let (behind, content) = client.next_at(channel);
                let number = content.as_u64().unwrap();
                match joined.recovered {
                    Some(true) => assert!(last.is_none_or(|last| last + 1 == number), "{number} after {last:?}"),
                    _ => assert!(last.is_none_or(|last| last + 1 < number), "{number} after {last:?} was not lost"),
                }
                if joined.recovered == Some(true) {
                    recovered += 1
                } else {
                    lost += 1
                }
                (last, position) = (Some(number), behind);
            }
            is_done.store(true, Ordering::Relaxed);
        });
    }
}

/// Nobody had said how much to keep, and it was everything: here a size and a time have to be said, and what all of it may take has
/// a bound that nobody has to say.
#[test]
fn nothing_is_unlimited_by_default() {
    let check = |fields: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.yaml");
        let history = format!("history: [{{channels: ['h.*'], {fields}}}]");
        std::fs::write(&file, format!("authenticator: None\nclient_port: 0\n{history}\n")).unwrap();
        run(pusud(&["check", "--config"]).arg(file))
    };
    check("ttl: 1min").fails_saying(&["`history[0].size` is missing"]);
    check("size: 1").fails_saying(&["`history[0].ttl` is missing"]);
    let shown = check("size: 1, ttl: 1min").succeeds();
    assert!(shown.contains("64 MiB     (history_bytes)"), "{shown}");
}
