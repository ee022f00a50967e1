//! Pings: who is silent is asked, and who does not answer is let go.

use crate::harness::{Client, Daemon, Frame, Raw, Setup, time_without_stalls};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// Pings of who answers at once are answered within this, also by a machine that stands still for some seconds.
const PATIENT: Duration = Duration::from_secs(7);
/// Who is not let go within this after its first ping is never let go.
const LONGER: Duration = Duration::from_secs(9);
/// What twenty looks may be late together on a busy machine, and the clients before them.
const TOLERANCE: Duration = Duration::from_secs(2);

fn pinging(shards: usize, timeout: Duration) -> Daemon {
    let limits = "ping_interval: 1s, authorize_timeout: 1h, handshake_timeout: 1h, message_timeout: 1h";
    Setup::on_shards(shards).settings(&format!("limits: {{{limits}, pong_timeout: {timeout:?}}}")).start()
}

#[test]
fn who_does_not_answer_is_let_go() {
    for shards in [1, 3] {
        let daemon = pinging(shards, Duration::from_secs(1));
        let mut silent: Vec<_> = (0..5).map(|_| daemon.upgraded()).collect();
        for raw in &mut silent {
            assert_eq!(raw.read_frame(), Frame::new(PING, ""));
            let pinged = Instant::now();
            raw.expect_closed(4002);
            println!("closed {:?} after the ping was read", pinged.elapsed());
        }
        assert_eq!(daemon.refused(), "pong_timeout 5");
    }
}

#[test]
fn who_answers_stays() {
    let daemon = pinging(3, PATIENT);
    let answer = || {
        let mut raw = daemon.upgraded();
        assert_eq!(raw.read_frame(), Frame::new(PING, ""));
        let first = Instant::now();
        raw.send(Frame::new(PONG, "").masked());
        while first.elapsed() < LONGER {
            assert_eq!(raw.read_frame(), Frame::new(PING, ""));
            raw.send(Frame::new(PONG, "").masked());
        }
        raw.authorize();
    };
    thread::scope(|scope| (0..5).for_each(|_| drop(scope.spawn(answer))));
}

/// The first pings come after one to one and a half intervals: here at six looks, half a second apart. That each look has
/// its equal part of them is tested beside `Keepalive` itself.
#[test]
fn who_came_together_is_not_pinged_together() {
    const INTERVAL: Duration = Duration::from_secs(6);
    const CLIENTS: usize = 36;
    for shards in [1, 3] {
        let limits = format!("ping_interval: {INTERVAL:?}, pong_timeout: 1m, authorize_timeout: 1h");
        let daemon = Setup::on_shards(shards).settings(&format!("limits: {{{limits}}}")).start();
        let began = Instant::now();
        let (mut pinged, last) = time_without_stalls(|| {
            let mut clients: Vec<Raw> = (0..CLIENTS).map(|_| daemon.upgraded()).collect();
            let first_ping = |raw: &mut Raw| {
                assert_eq!(raw.read_frame(), Frame::new(PING, ""));
                began.elapsed()
            };
            thread::scope(|scope| {
                let waiting: Vec<_> = clients.iter_mut().map(|raw| scope.spawn(|| first_ping(raw))).collect();
                waiting.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            })
        });
        pinged.sort_unstable();
        let quarters = [0, CLIENTS / 4, 3 * CLIENTS / 4, CLIENTS - 1].map(|at| pinged[at]);
        println!("first pings on {shards} shards: {quarters:?}");
        assert!(pinged[0] >= INTERVAL, "one came after {:?}", pinged[0]);
        assert!(last < INTERVAL.mul_f64(1.5) + TOLERANCE, "one came after {last:?}");
        // 1.5 s where nothing is late.
        assert!(quarters[2] - quarters[1] >= Duration::from_millis(750), "half of them came together: {pinged:?}");
    }
}

/// Any byte is a sign of life, the pong of an earlier ping and half a frame too.
#[test]
fn any_byte_counts() {
    let daemon = pinging(1, PATIENT);
    let mut raw = daemon.upgraded();
    let message = Frame::text(r#"{"type":"authorize","authorization":"both=*"}"#).masked();
    assert_eq!(raw.read_frame(), Frame::new(PING, ""));
    let first = Instant::now();
    let mut sent = 0;
    while first.elapsed() < LONGER {
        raw.send([message[sent]]);
        sent += 1;
        assert_eq!(raw.read_frame(), Frame::new(PING, ""));
    }
    println!("{sent} of {} bytes were answers", message.len());
    raw.send(&message[sent..]);
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
    let daemon = pinging(1, PATIENT);
    let mut client = daemon.connect();
    let decision = PATIENT + Duration::from_secs(3);
    client.send(json!({"type": "authorize", "authorization": format!("sleep={} both=*", decision.as_millis())}));
    // Some pings come meanwhile, and are answered while this waits.
    client.expect_text(r#"{"type":"authorization_ok"}"#);
    client.subscribe("still here");
}

#[test]
fn who_speaks_is_not_pinged() {
    let daemon = pinging(1, PATIENT);
    let mut client: Client = daemon.client();
    client.subscribe("a");
    let started = Instant::now();
    let mut number = 0;
    while started.elapsed() < Duration::from_secs(3) {
        let spoke = Instant::now();
        client.publish("a", json!(number));
        loop {
            match client.next_message_of_any_kind() {
                Message::Text(_) => break,
                // The machine stood still, and so this client was silent.
                Message::Ping(_) if spoke.elapsed() > Duration::from_millis(400) => {}
                other => panic!("{other:?} came after {number} messages"),
            }
        }
        number += 1;
    }
}
