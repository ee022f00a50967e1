//! `Idempotency-Key`: what is repeated is accepted once, and what is meant otherwise is told so.

use crate::harness::{Answer, Client, DEADLINE, Daemon, Http, Memory, Request, Setup, grants_setup};
#[cfg(target_os = "linux")]
use crate::harness::{not_run, stop_thread};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(a_repetition_is_accepted_once, messages_of_a_list_are_known_one_by_one);

const MIB: usize = 1024 * 1024;

fn keyed(key: &str, channel: &str, content: &str) -> Request {
    Request::post(&format!("/publish/{channel}"), content).header(&format!("Idempotency-Key: {key}"))
}

#[track_caller]
fn expect_replayed(answer: Answer) {
    let answer = answer.expect(202);
    assert_eq!((answer.json(), answer.header("Idempotency-Replayed")), (json!({"accepted": 1}), Some("true")));
}

fn a_repetition_is_accepted_once(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    listener.subscribe("b");
    let mut connections: Vec<Http> = (0..6).map(|_| daemon.http()).collect();
    let longest = "k~!".repeat(85);
    for key in ["k", "\"quoted\"", &longest] {
        connections[0].ask(&keyed(key, "a", "1")).expect_accepted();
        listener.expect_content("a", "1");
        for http in &mut connections {
            // Also in one go with others, and in chunks.
            http.raw().send(keyed(key, "a", "1").bytes().repeat(3));
            (0..3).for_each(|_| expect_replayed(http.answer()));
            let chunks = Request::post_chunks("/publish/a", "1\r\n1\r\n0\r\n\r\n");
            expect_replayed(http.ask(&chunks.header(&format!("Idempotency-Key: {key}"))));
            http.ask(&keyed(key, "a", "2")).expect_problem(422);
            http.ask(&keyed(key, "a", "1.0")).expect_problem(422);
        }
        // Another channel, another key, and none are others.
        connections[1].ask(&keyed(key, "b", "2")).expect_accepted();
        listener.expect_content("b", "2");
        connections[1].ask(&keyed(&key.to_uppercase().replace('"', "'"), "a", "3")).expect_accepted();
        connections[1].post("/publish/a", "1").expect_accepted();
        listener.expect_content("a", "3");
        listener.expect_content("a", "1");
    }
    listener.expect_no_answer();
}

fn messages_of_a_list_are_known_one_by_one(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    listener.subscribe("b");
    let list = |items: &[(&str, u64)]| {
        let items = items.iter().map(|(channel, content)| json!({"channel": channel, "content": content}));
        Request::post("/publish", Value::from_iter(items).to_string()).header("Idempotency-Key: k")
    };
    let new = json!({"status": 202});
    let again = json!({"status": 202, "replayed": true});
    let mut http = daemon.http();
    let answer = http.ask(&list(&[("a", 1), ("b", 1), ("a", 1)])).expect(202).json();
    assert_eq!(answer, json!({"accepted": 3, "results": [new, new, new]}));
    // The same with more behind it, and the channels in another order.
    let answer = http.ask(&list(&[("b", 1), ("a", 1), ("a", 1), ("a", 2), ("b", 2)])).expect(202).json();
    assert_eq!(answer, json!({"accepted": 5, "results": [again, again, again, new, new]}));
    // The second one of a channel is another one now.
    let answer = daemon.http().ask(&list(&[("a", 1), ("a", 7)])).expect(202).json();
    assert_eq!((&answer["accepted"], &answer["results"][1]["status"]), (&json!(1), &json!(422)));
    // One alone is the first one of its channel.
    expect_replayed(http.ask(&keyed("k", "a", "1")));
    for (channel, content) in [("a", "1"), ("b", "1"), ("a", "1"), ("a", "2"), ("b", "2")] {
        listener.expect_content(channel, content);
    }
    listener.expect_no_answer();
}

/// Subjects are those of the authenticator; where it names none, each authorization is one.
#[test]
fn keys_of_others_are_others() {
    let daemon = grants_setup("thread", 1).start();
    let mut listener = daemon.client_with("read=a");
    listener.subscribe("a");
    let mut http = daemon.http();
    for (authorization, is_new) in [
        ("write=a subject=alice", true),
        ("write=a subject=bob", true),
        ("write=* subject=alice", false),
        ("write=a", true),
        ("write=* write=a", true),
        ("write=a", false),
    ] {
        let answer = http.ask(&keyed("k", "a", "1").bearer(authorization));
        if is_new {
            answer.expect_accepted();
            listener.expect_content("a", "1");
        } else {
            expect_replayed(answer);
        }
    }
    // Whoever may not publish learns nothing of it.
    http.ask(&keyed("k", "a", "1").bearer("write=b subject=alice")).expect_problem(403);
    listener.expect_no_answer();
}

#[test]
fn what_was_refused_may_be_tried_again() {
    let daemon = Setup::on_shards(1).settings("limits: {publish_rate: 1, publish_burst: 1}").start();
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut http = daemon.http();
    http.raw().send([Request::post("/publish/a", "0").bytes(), keyed("k", "a", "1").bytes()].concat());
    http.answer().expect_accepted();
    listener.expect_content("a", "0");
    let mut answer = http.answer();
    while answer.status != 202 {
        answer.expect_problem(429);
        // The last try counts, whatever it says.
        answer = http.ask(&keyed("k", "a", "2"));
    }
    // The machine may have stood still before.
    let content = if listener.next_json()["content"] == 1 { "1" } else { "2" };
    expect_replayed(http.ask(&keyed("k", "a", content)));
    listener.expect_no_answer();
}

/// A connection whose shard does not stand still, of some to which the same request has been sent.
#[cfg(target_os = "linux")]
fn two_that_answer(daemon: &Daemon) -> [Http; 2] {
    let began = Instant::now();
    let mut connections: Vec<Http> = (0..6).map(|_| daemon.http()).collect();
    connections.iter_mut().for_each(|http| http.send(&Request::post("/publish/nobody", "1")));
    let mut found = Vec::new();
    while found.len() < 2 {
        assert!(began.elapsed() < DEADLINE, "no shard answers");
        let mut http = connections.remove(0);
        match http.answer_within(Duration::from_millis(10)) {
            Some(answer) => {
                answer.expect_accepted();
                found.push(http);
            }
            None => connections.push(http),
        }
    }
    [found.remove(0), found.remove(0)]
}

/// Both send the same with the same key, again and again with another one, until one of them has to wait for room. The other
/// one is told so then; it returns which one waits, and what has been sent.
#[cfg(target_os = "linux")]
fn publish_until_one_waits(connections: &mut [Http; 2], content: &str) -> (usize, Vec<Request>) {
    let mut sent = Vec::new();
    loop {
        let request = keyed(&sent.len().to_string(), "hot", &format!("[{}, \"{content}\"]", sent.len()));
        sent.push(request.clone());
        connections.iter_mut().for_each(|http| http.send(&request));
        let began = Instant::now();
        let mut waiting = vec![0, 1];
        while !waiting.is_empty() {
            assert!(began.elapsed() < DEADLINE, "neither is answered");
            let at = waiting.remove(0);
            match connections[at].answer_within(Duration::from_millis(5)) {
                None => waiting.push(at),
                Some(answer) if answer.status == 409 => {
                    assert_eq!(answer.header("Retry-After"), Some("1"));
                    answer.expect_problem(409);
                    return (1 - at, sent);
                }
                Some(answer) => drop(answer.expect(202)),
            }
        }
    }
}

/// Where a shard stands still that has listeners, sources of what they listen to wait.
#[cfg(target_os = "linux")]
#[test]
fn while_the_first_one_is_on_its_way_others_are_told_so() {
    let patient = "outbox_bytes: 64 MiB, outbox_soft_time: 1day, write_deadline: 1day, ping_interval: 0";
    let daemon = Setup::on_shards(2).settings(&format!("limits: {{{patient}}}")).start();
    let mut listeners: Vec<Client> = (0..4).map(|_| daemon.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("hot"));
    let stopped = match stop_thread(daemon.pid(), "pusu-shard-1") {
        Ok(stopped) => stopped,
        Err(reason) => return not_run("a key that is on its way", reason),
    };
    let mut connections = two_that_answer(&daemon);
    let content = "x".repeat(30_000);
    let (waiting, sent) = publish_until_one_waits(&mut connections, &content);
    println!("one waits with message {}", sent.len());
    let last = &sent[sent.len() - 1];
    let other = &mut connections[1 - waiting];
    other.ask(last).expect_problem(409);
    // Other keys and others' channels do not wait for it.
    other.ask(&keyed("other", "quiet", "1")).expect_accepted();
    drop(stopped);
    let answer = connections[waiting].answer().expect(202);
    assert_eq!(answer.header("Idempotency-Replayed"), None);
    expect_replayed(connections[1 - waiting].ask(last));
    for listener in &mut listeners {
        (0..sent.len()).for_each(|number| listener.expect_content("hot", &format!("[{number}, \"{content}\"]")));
        listener.expect_no_answer();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn keys_are_remembered_within_a_bound() {
    const KEYS: usize = 200_000;
    let daemon = Daemon::on_shards(1);
    let mut http = daemon.http();
    http.ask(&keyed("warm", "a", "1")).expect_accepted();
    let memory = Memory::of(&daemon);
    for first in (0..KEYS).step_by(10_000) {
        // As long a key as may be, in few requests.
        let item = |number: usize| json!({"channel": number.to_string(), "content": 1});
        let items = Value::from_iter((first..first + 10_000).map(item));
        let request =
            Request::post("/publish", items.to_string()).header(&format!("Idempotency-Key: {}", "k".repeat(255)));
        assert_eq!(http.ask(&request).expect(202).json()["accepted"], 10_000);
    }
    memory.assert_grown_at_most(24 * MIB);
}
