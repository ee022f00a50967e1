//! Stopping while requests are on their way: each is answered whole, or was not accepted.

use crate::harness::{DEADLINE, Daemon, Http, Raw, Request, Setup, close_code, text_message};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

fn draining(shards: usize, grace: &str) -> Daemon {
    Setup::on_shards(shards).settings(&format!("limits: {{drain_grace: {grace}, drain_spread: 0}}")).start()
}

fn wait_until_it_stops(daemon: &Daemon) {
    daemon.log().wait_for("`stopping`", |line| line.contains("graceful shutdown: no new connections").then_some(()));
}

#[test]
fn a_request_that_has_begun_is_answered_during_the_grace() {
    let mut daemon = draining(1, "1h");
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut http = daemon.http();
    let bytes = Request::post("/publish/a", "[1, 2]").bytes();
    http.raw().send(&bytes[..bytes.len() - 3]);
    let mut asking = daemon.http();
    asking.send(&Request::post("/publish/a", "3").bearer("sleep=300 both=*"));
    // The relay has accepted them when it serves one that came after them.
    daemon.http().get("/").expect(200);
    daemon.terminate();
    wait_until_it_stops(&daemon);
    http.raw().send(&bytes[bytes.len() - 3..]);
    http.answer().expect_accepted();
    listener.expect_content("a", "[1, 2]");
    asking.answer().expect_accepted();
    listener.expect_content("a", "3");
    drop((http, asking));
    listener.close();
    assert!(daemon.wait().success());
}

/// Idle connections are closed, and one in the middle of a request is told why.
#[test]
fn without_a_grace_each_has_a_last_word_or_none() {
    let mut daemon = draining(1, "0");
    let (mut idle, mut half_head, mut half_body) = (daemon.http(), daemon.http(), daemon.http());
    idle.post("/publish/a", "1").expect_accepted();
    let bytes = Request::post("/publish/a", "[1, 2]").bytes();
    half_head.raw().send(&bytes[..30]);
    half_body.post("/publish/a", "1").expect_accepted();
    half_body.raw().send(&bytes[..bytes.len() - 3]);
    let mut asking = daemon.http();
    asking.send(&Request::post("/publish/a", "3").bearer("sleep=10000 both=*"));
    daemon.http().get("/").expect(200);
    daemon.terminate();
    for http in [&mut half_head, &mut half_body, &mut asking] {
        let answer = http.answer().expect(503);
        assert!(answer.closes() && answer.header("Retry-After").is_some(), "{answer:?}");
        http.expect_end();
    }
    idle.expect_end();
    assert!(daemon.wait().success());
}

/// Publishes 0, 1, 2 and so on in bursts until the relay stops, and says what was accepted.
fn publish_until_it_stops(mut http: Http, channel: &str, accepted: &AtomicUsize) {
    let burst = |first: usize| {
        let post = |number: usize| Request::post(&format!("/publish/{channel}"), number.to_string()).bytes();
        (first..first + 20).flat_map(post).collect::<Vec<u8>>()
    };
    loop {
        http.raw().send_perhaps(burst(accepted.load(Ordering::SeqCst)));
        for _ in 0..20 {
            match http.next_answer() {
                Some(answer) if answer.status == 202 => accepted.fetch_add(1, Ordering::SeqCst),
                Some(answer) => return drop(answer.expect(503)),
                None => return,
            };
        }
    }
}

/// How many publications of 0, 1, 2 and so on come until the relay says goodbye.
fn heard(raw: &mut Raw) -> usize {
    let mut count = 0;
    loop {
        let frame = raw.read_frame();
        if close_code(&frame).is_some() {
            return count;
        }
        let message: Value = serde_json::from_slice(&frame.payload).unwrap();
        assert_eq!(message["content"], count);
        count += 1;
    }
}

/// Who listens is let go like everybody else: what is accepted behind that reaches nobody.
#[test]
fn what_was_accepted_before_the_signal_is_delivered() {
    const SOURCES: usize = 4;
    let mut daemon = draining(3, "300ms");
    let accepted: [AtomicUsize; SOURCES] = Default::default();
    let listeners = [0, 1, 2, 3].map(|at| {
        let mut raw = daemon.upgraded();
        raw.authorize();
        raw.send(text_message(&format!(r#"{{"type":"subscribe","channel":"{at}"}}"#)));
        assert!(raw.read_text().contains("subscribe_ok"));
        raw
    });
    let (before, received) = thread::scope(|scope| {
        let received = listeners.map(|mut raw| scope.spawn(move || heard(&mut raw)));
        for (at, accepted) in accepted.iter().enumerate() {
            let http = daemon.http();
            scope.spawn(move || publish_until_it_stops(http, &at.to_string(), accepted));
        }
        let began = Instant::now();
        while accepted.iter().any(|count| count.load(Ordering::SeqCst) < 20) {
            assert!(began.elapsed() < DEADLINE, "{accepted:?}");
            thread::yield_now();
        }
        let before = [0, 1, 2, 3].map(|at: usize| accepted[at].load(Ordering::SeqCst));
        daemon.terminate();
        (before, received.map(|thread| thread.join().unwrap()))
    });
    println!("{before:?} were accepted before the signal, {received:?} came");
    assert!(before.iter().zip(&received).all(|(accepted, received)| received >= accepted));
    assert!(daemon.wait().success());
}
