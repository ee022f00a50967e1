//! One slow client, or one slow decision, delays nobody else.

use crate::harness::{Client, Daemon, Frame, Raw, Setup, text_message};
use serde_json::json;
use std::time::Instant;

crate::on_1_and_3_shards!(a_slow_decision_delays_nobody_else, a_slow_reader_is_cut);

/// Three decisions take two seconds each; meanwhile everybody else is served, the slow ones' own next messages wait.
fn a_slow_decision_delays_nobody_else(daemon: Daemon) {
    let mut slow: Vec<Client> = (0..3).map(|_| daemon.connect()).collect();
    let started = Instant::now();
    for client in &mut slow {
        client.send(json!({"type": "authorize", "authorization": "sleep=2000 both=*"}));
        client.send(json!({"type": "subscribe", "channel": "own"}));
        client.send(json!({"type": "publish", "channel": "other", "content": "after the verdict"}));
    }
    let mut slowest = 0;
    for round in 0..30 {
        let begun = Instant::now();
        let mut other = daemon.client();
        other.subscribe("own");
        other.publish("own", json!(round));
        other.expect_publish("own", json!(round));
        slowest = slowest.max(begun.elapsed().as_millis());
    }
    assert!(slow.iter().all(Client::has_nothing_to_read), "it took {:?}, too long to show anything", started.elapsed());
    assert!(slowest < 1000, "connecting, authorizing, subscribing and publishing once took {slowest} ms");
    let mut listener = daemon.client();
    listener.subscribe("other");
    for client in &mut slow {
        client.expect_text(r#"{"type":"authorization_ok"}"#);
        client.expect_text(r#"{"type":"subscribe_ok","channel":"own"}"#);
        client.expect_no_answer();
    }
    assert!(started.elapsed().as_millis() >= 2000);
    for _ in &slow {
        listener.expect_publish("other", json!("after the verdict"));
    }
}

/// A listener that does not read is cut with 4001 when its outbox is full; what it did get is in order and without a
/// gap, and a listener beside it gets everything.
fn a_slow_reader_is_cut(daemon: Daemon) {
    let content = "x".repeat(32 * 1024);
    let mut slow = Raw::connect_with_small_buffer(daemon.address());
    slow.upgrade();
    slow.send(text_message(r#"{"type":"authorize","authorization":"both=*"}"#));
    slow.read_text();
    slow.send(text_message(r#"{"type":"subscribe","channel":"flood"}"#));
    slow.read_text();
    let mut listener = daemon.client();
    listener.subscribe("flood");
    let mut source = daemon.client();
    let messages = 256;
    for number in 0..messages {
        source.publish("flood", json!([number, content]));
        listener.expect_publish("flood", json!([number, content]));
    }
    let mut next = 0;
    let close = loop {
        let frame = slow.read_frame();
        if frame.first_byte != 0x81 {
            break frame;
        }
        let message: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
        assert_eq!(message["content"][0], next);
        next += 1;
    };
    assert_eq!((close.first_byte, &close.payload[..2]), (0x88, &4001_u16.to_be_bytes()[..]));
    assert!(next < messages, "it got everything");
    slow.send_perhaps(Frame::close(4001, "").masked());
    slow.expect_end();
    listener.expect_no_answer();
}

#[test]
fn a_decision_that_takes_too_long_is_none() {
    let daemon = Setup::on_shards(1).settings("limits:\n  authorize_call_timeout: 500ms").start();
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "sleep=3000 both=*"}));
    client.expect_text(r#"{"type":"authorization_failed","reason":"unavailable"}"#);
    client.expect_closed(1013);
    daemon.client().subscribe("still here");
}
