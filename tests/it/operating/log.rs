//! The log: whoever reads it, or does not, and whatever strangers do, the relay serves on and the disk does not fill.

use crate::harness::{DEADLINE, Daemon, Setup};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

/// A client is refused, which is a line of the log, and another gets a message.
fn serves(daemon: &Daemon) {
    refuse(daemon);
    let (mut listener, mut source) = (daemon.client(), daemon.client());
    listener.subscribe("a");
    source.publish("a", json!(1));
    listener.expect_publish("a", json!(1));
}

fn refuse(daemon: &Daemon) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "refuse=no"}));
    client.expect_error("authorization_failed");
    client.expect_closed(4501);
}

fn wait_for_lost_lines(daemon: &Daemon) {
    let began = Instant::now();
    while daemon.asked()["lost_log_lines"] == 0 {
        assert!(began.elapsed() < DEADLINE, "nothing is lost");
        serves(daemon);
    }
}

#[test]
fn a_full_disk_stops_nobody_and_the_lost_lines_are_counted() {
    let mut daemon = Setup::on_shards(2).log_to("/dev/full").spawn().serving_unheard();
    wait_for_lost_lines(&daemon);
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_reader_that_has_gone_stops_nobody() {
    let mut daemon = Setup::on_shards(2).start();
    daemon.log().leave();
    wait_for_lost_lines(&daemon);
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
}

/// With every detail logged, so that there is more than the pipe and the queue take.
#[test]
fn a_reader_that_stands_still_stops_nobody_and_hears_later_how_much_was_lost() {
    let mut daemon = Setup::on_shards(2).log_level("trace").start();
    daemon.log().stand_still();
    let (mut listener, mut source) = (daemon.client(), daemon.client());
    listener.subscribe("a");
    let began = Instant::now();
    while daemon.asked()["lost_log_lines"] == 0 {
        assert!(began.elapsed() < 3 * DEADLINE, "nothing is lost");
        (0..20).for_each(|_| refuse(&daemon));
        source.publish("a", json!(1));
        listener.expect_publish("a", json!(1));
    }
    let lost = daemon.asked()["lost_log_lines"].as_u64().unwrap();
    daemon.log().go_on();
    let told = |lines: &[String]| {
        let told: u64 =
            lines.iter().filter(|line| line.contains("log lines were lost")).map(|line| lines_in(line)).sum();
        (told >= lost).then_some(())
    };
    daemon.log().wait("the count of lost lines", told);
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(daemon.log().text().contains(r#""stopped""#), "the last line is missing");
}

fn lines_in(line: &str) -> u64 {
    let line: Value = serde_json::from_str(line).unwrap();
    line["lines"].as_u64().unwrap()
}

#[test]
fn strangers_cannot_fill_it_and_it_says_what_was_left_out() {
    const CLIENTS: usize = 8;
    const ATTEMPTS: usize = 100;
    let mut daemon = Setup::on_shards(2).start();
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| (0..ATTEMPTS).for_each(|_| refuse(&daemon)));
        }
    });
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
    let seconds = began.elapsed().as_secs() as usize + 1;
    let lines = daemon.log().lines();
    let refusals = lines.iter().filter(|line| line.contains("authorization refused")).count();
    let left_out: Vec<usize> = (0..lines.len()).filter(|&at| lines[at].contains("were left out")).collect();
    assert!(refusals <= 50 + seconds + left_out.len(), "{refusals} lines in {seconds} s");
    // The last example of what was left out is written, and is one of those that the count says were not.
    let counted: u64 = left_out.iter().map(|&at| lines_in(&lines[at])).sum();
    assert_eq!(refusals - left_out.len() + counted as usize, CLIENTS * ATTEMPTS);
    for at in left_out {
        let last: Value = serde_json::from_str(&lines[at + 1]).unwrap();
        assert_eq!(last["message"], "authorization refused", "{last}");
    }
}

#[test]
fn a_log_for_people_has_the_same_limit() {
    let mut daemon = Setup::on_shards(1).log_as_text().start();
    let began = Instant::now();
    (0..200).for_each(|_| refuse(&daemon));
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0));
    let seconds = began.elapsed().as_secs() as usize + 1;
    let lines = daemon.log().lines();
    let refusals = lines.iter().filter(|line| line.contains("authorization refused")).count();
    assert!((50..=50 + seconds + 3).contains(&refusals), "{refusals} lines in {seconds} s");
    assert!(lines.iter().any(|line| line.contains("were left out, of which the last follows lines=")), "{lines:#?}");
    assert!(began.elapsed() < Duration::from_secs(100));
}
