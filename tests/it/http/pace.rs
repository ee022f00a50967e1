//! The pace of requests: a rate that is a limit, listeners that are slower, and clients that do not read their answers.

use crate::harness::{Daemon, Http, Memory, Raw, Request, Setup, is_disconnect, text_message};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;

fn with(shards: usize, limits: &str) -> Daemon {
    Setup::on_shards(shards).settings(&format!("limits: {{{limits}}}")).start()
}

#[test]
fn who_publishes_too_fast_is_told_when_to_try_again() {
    let daemon = with(1, "publish_rate: 1, publish_burst: 3");
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut http = daemon.http();
    let began = Instant::now();
    // In one go, so that no time passes between them.
    http.raw()
        .send((0..10).flat_map(|number| Request::post("/publish/a", number.to_string()).bytes()).collect::<Vec<_>>());
    let answers: Vec<_> = (0..10).map(|_| http.answer()).collect();
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    assert!((3..=4 + began.elapsed().as_secs() as usize).contains(&accepted), "{accepted} were accepted");
    assert!(answers[..3].iter().all(|answer| answer.status == 202), "{answers:?}");
    let mut refused = 0;
    for answer in answers.into_iter().filter(|answer| answer.status != 202) {
        assert!(answer.header("Retry-After").is_some() && !answer.closes(), "{answer:?}");
        answer.expect_problem(429);
        refused += 1;
    }
    (0..accepted).for_each(|_| drop(listener.next_json()));
    listener.expect_no_answer();
    // A list has what is left for its first ones. Another connection has its own.
    let items: Vec<Value> = (0..5).map(|number| json!({"channel": "a", "content": number})).collect();
    let answer = daemon.http().post("/publish", Value::from(items).to_string()).expect(202).json();
    let statuses: Vec<_> = answer["results"].as_array().unwrap().iter().map(|one| one["status"].as_u64()).collect();
    assert_eq!(statuses[..3], [Some(202); 3]);
    assert_eq!(statuses[4], Some(429), "{answer}");
    refused += statuses.iter().filter(|status| **status == Some(429)).count();
    // There is room again after a while, without another connection.
    while http.post("/publish/a", "1").status != 202 {
        refused += 1;
    }
    assert_eq!(daemon.refused(), format!("publish_rate {refused}"));
}

/// Far more in one piece than may wait for a listener: whoever reads is not cut, so the source waits.
#[test]
fn a_source_waits_for_listeners_that_read() {
    const MESSAGES: usize = 3000;
    for shards in [1, 3] {
        let small = "max_message_bytes: 64 KiB, max_unauthorized_message_bytes: 8 KiB";
        let daemon = with(shards, &format!("outbox_bytes: 64 KiB, {small}"));
        let mut listeners: Vec<_> = (0..6).map(|_| daemon.client()).collect();
        listeners.iter_mut().for_each(|listener| ["a", "b"].iter().for_each(|channel| listener.subscribe(channel)));
        let content = |number: usize| json!([number, "x".repeat(100)]).to_string();
        let channel = |number: usize| if number.is_multiple_of(3) { "a" } else { "b" };
        let post = |number: usize| Request::post(&format!("/publish/{}", channel(number)), content(number)).bytes();
        let mut http = daemon.http();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                http.raw().send((0..MESSAGES).flat_map(post).collect::<Vec<u8>>());
                (0..MESSAGES).for_each(|_| drop(http.answer().expect_accepted()));
                // The same once more, as lists.
                for first in (0..MESSAGES).step_by(300) {
                    let items =
                        (first..first + 300).map(|number| json!({"channel": channel(number), "content": number}));
                    http.post("/publish", Value::from_iter(items).to_string()).expect(202);
                }
            });
            for listener in &mut listeners {
                scope.spawn(|| {
                    (0..MESSAGES).for_each(|number| listener.expect_content(channel(number), &content(number)));
                    (0..MESSAGES).for_each(|number| listener.expect_content(channel(number), &number.to_string()));
                });
            }
        });
        assert_eq!(daemon.refused(), "nothing");
    }
}

/// Requests that each have a longer answer, from clients that read none of them.
#[test]
fn answers_that_nobody_reads_cost_a_bound() {
    const CLIENTS: usize = 4;
    let daemon = with(1, "write_deadline: 1day, outbox_soft_time: 1day, keep_alive_timeout: 1day");
    daemon.http().get("/").expect(200);
    let memory = Memory::of(&daemon);
    let requests = Request::get("/nothing").bytes().repeat(1000);
    let mut clients: Vec<Raw> = (0..CLIENTS).map(|_| Raw::connect_with_small_buffer(daemon.address())).collect();
    for client in &mut clients {
        let mut sent = 0;
        while client.send_within(&requests, Duration::from_millis(500)) {
            sent += requests.len();
            assert!(sent < 200 * MIB, "it takes whatever comes");
        }
        println!("stuck after {} KiB", sent / 1024);
    }
    // Each what one read gives, and as much of answers.
    memory.assert_grown_at_most(CLIENTS * MIB / 2);
    daemon.http().post("/publish/a", "1").expect_accepted();
    // One that reads at last has its answers.
    let mut late = Http::over(clients.swap_remove(0));
    (0..1000).for_each(|_| drop(late.answer().expect(404)));
}

/// One that takes nothing at all is let go like any other client.
#[test]
fn who_takes_no_answer_is_let_go_at_the_write_deadline() {
    let daemon = with(1, "write_deadline: 1s, outbox_soft_time: 1day");
    let requests = Request::get("/nothing").bytes().repeat(1000);
    let mut client = Raw::connect_with_small_buffer(daemon.address());
    while client.send_within(&requests, Duration::from_millis(500)) {}
    daemon.log().wait_for("it to be let go", |line| is_disconnect(line).then_some(()));
    // It is gone though it never reads.
    daemon.wait_for_connections(0);
    assert_eq!(daemon.refused(), "write_deadline 1");
}

/// What clients have the relay hold of bodies counts as messages that they have not finished.
#[test]
fn bodies_that_nobody_finishes_are_bounded_in_all() {
    let patient = "message_timeout: 1day, ping_interval: 0";
    let daemon = with(1, &format!("max_queued_bytes: 16 MiB, {patient}"));
    let mut witness = daemon.client();
    witness.subscribe("a");
    let memory = Memory::of(&daemon);
    let request = Request::post("/publish/a", " ".repeat(MIB)).bytes();
    let mut unfinished: Vec<Http> = (0..40).map(|_| daemon.http()).collect();
    unfinished.iter_mut().for_each(|http| http.raw().send_perhaps(&request[..request.len() - 1]));
    let mut source = daemon.upgraded();
    source.authorize();
    source.send(text_message(r#"{"type":"publish","channel":"a","content":1}"#));
    witness.expect_content("a", "1");
    daemon.log().wait_for("some to be let go", |line| line.contains("max_queued_bytes").then_some(()));
    memory.assert_grown_at_most(24 * MIB);
    daemon.http().post("/publish/a", "2").expect_accepted();
    witness.expect_content("a", "2");
}
