//! Stopping while requests are on their way: each is answered whole, or was not accepted.

use crate::harness::{Daemon, Http, Request, Setup, text_message};
use std::thread;

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

/// Publishes 0, 1, 2 and so on in bursts until the relay stops; how many were accepted.
fn publish_until_it_stops(mut http: Http, channel: &str) -> usize {
    let mut accepted = 0;
    loop {
        let burst = |number: usize| Request::post(&format!("/publish/{channel}"), number.to_string()).bytes();
        http.raw().send_perhaps((accepted..accepted + 20).flat_map(burst).collect::<Vec<u8>>());
        for _ in 0..20 {
            if !http.raw().has_more_within(crate::harness::DEADLINE) || http.raw().is_at_end() {
                return accepted;
            }
            let answer = http.answer();
            if answer.status == 503 {
                return accepted;
            }
            answer.expect_accepted();
            accepted += 1;
        }
    }
}

#[test]
fn what_was_accepted_before_the_end_is_delivered() {
    const SOURCES: usize = 4;
    let mut daemon = draining(3, "300ms");
    let mut listeners: Vec<_> = (0..SOURCES).map(|_| daemon.listener()).collect();
    for (at, listener) in listeners.iter_mut().enumerate() {
        listener.raw().send(text_message(&format!(r#"{{"type":"subscribe","channel":"{at}"}}"#)));
        assert!(listener.raw().read_text().contains("subscribe_ok"));
    }
    thread::scope(|scope| {
        let sources: Vec<_> = (0..SOURCES)
            .map(|at| {
                let http = daemon.http();
                scope.spawn(move || publish_until_it_stops(http, &at.to_string()))
            })
            .collect();
        let received: Vec<_> = listeners.iter_mut().map(|listener| scope.spawn(|| heard(listener.raw()))).collect();
        daemon.terminate();
        for (source, received) in sources.into_iter().zip(received) {
            let (accepted, received) = (source.join().unwrap(), received.join().unwrap());
            println!("{accepted} were accepted, {received} came");
            assert!(received >= accepted);
        }
    });
    assert!(daemon.wait().success());
}

/// How many publications of 0, 1, 2 and so on come until the relay says goodbye.
fn heard(raw: &mut crate::harness::Raw) -> usize {
    let mut count = 0;
    loop {
        let frame = raw.read_frame();
        if crate::harness::close_code(&frame).is_some() {
            return count;
        }
        let message: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
        assert_eq!(message["content"], count);
        count += 1;
    }
}
