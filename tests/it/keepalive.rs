//! Pings: who is silent is asked, and who does not answer is let go.

use crate::harness::{Client, Daemon, Frame, Setup};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

fn pinging(shards: usize, timeout: &str) -> Daemon {
    Setup::on_shards(shards).settings(&format!("limits: {{ping_interval: 1s, pong_timeout: {timeout}}}")).start()
}

#[test]
fn who_does_not_answer_is_let_go() {
    for shards in [1, 3] {
        let daemon = pinging(shards, "1s");
        let mut silent: Vec<_> = (0..5).map(|_| daemon.upgraded()).collect();
        for raw in &mut silent {
            assert_eq!(raw.read_frame(), Frame::new(PING, ""));
            let pinged = Instant::now();
            raw.expect_closed(4002);
            println!("closed {:?} after the ping was read", pinged.elapsed());
        }
    }
}

#[test]
fn who_answers_stays() {
    let daemon = pinging(3, "1s");
    let mut answering: Vec<_> = (0..5).map(|_| daemon.upgraded()).collect();
    for _ in 0..3 {
        for raw in &mut answering {
            assert_eq!(raw.read_frame(), Frame::new(PING, ""));
            raw.send(Frame::new(PONG, "").masked());
        }
    }
    answering.iter_mut().for_each(|raw| raw.authorize());
}

/// Any byte is a sign of life, the pong of an earlier ping and half a frame too.
#[test]
fn any_byte_counts() {
    let daemon = pinging(1, "2s, message_timeout: 1day, authorize_timeout: 1day");
    let mut raw = daemon.upgraded();
    let message = Frame::text(r#"{"type":"authorize","authorization":"both=*"}"#).masked();
    for byte in &message[..4] {
        assert_eq!(raw.read_frame(), Frame::new(PING, ""));
        raw.send([*byte]);
    }
    raw.send(&message[4..]);
    loop {
        let frame = raw.read_frame();
        if frame != Frame::new(PING, "") {
            assert_eq!(frame, Frame::text(r#"{"type":"authorization_ok"}"#));
            break;
        }
    }
}

/// Its answers are not read while it waits for a verdict, and count all the same.
#[test]
fn who_waits_for_a_verdict_is_not_to_blame() {
    let daemon = pinging(1, "1s");
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "sleep=4000 both=*"}));
    // Two pings come meanwhile, and are answered while this waits.
    client.expect_text(r#"{"type":"authorization_ok"}"#);
    client.subscribe("still here");
}

#[test]
fn who_speaks_is_not_pinged() {
    let daemon = pinging(1, "1s");
    let mut client: Client = daemon.client();
    client.subscribe("a");
    let started = Instant::now();
    let mut number = 0;
    while started.elapsed() < Duration::from_secs(3) {
        client.publish("a", json!(number));
        match client.next_message_of_any_kind() {
            Message::Text(_) => number += 1,
            other => panic!("{other:?} came after {number} messages"),
        }
    }
}
