//! Clients that the relay has disconnected: an operator who comes later is told who they were.

use crate::harness::{ALL, DEADLINE, Raw, Setup, text_message};
use serde_json::json;
use std::time::Instant;

#[test]
fn who_was_disconnected_is_remembered() {
    let daemon =
        Setup::on_shards(2).settings("limits: {publish_rate: 1, publish_burst: 5, max_message_bytes: 1 KiB}").start();
    let mut fast = daemon.client_with(&format!("{ALL} subject=hasty"));
    for number in 0..20 {
        // The relay may have disconnected it by now.
        let _ = fast.try_send(
            serde_json::to_string(&json!({"type": "publish", "channel": "a", "content": number})).unwrap().into(),
        );
    }
    let mut long = daemon.connect();
    long.send(json!({"type": "authorize", "authorization": "x".repeat(2000)}));
    long.expect_closed(1009);
    let status = daemon.wait_for_status("two that were disconnected", |status| {
        let ended = status["ended"].as_array().unwrap();
        ended.len() == 2 && ended.iter().any(|client| !client["subject"].is_null())
    });
    let of =
        |code: u16| status["ended"].as_array().unwrap().iter().find(|client| client["code"] == code).unwrap().clone();
    assert_eq!((&of(4503)["subject"], &of(1009)["subject"]), (&json!("hasty"), &json!(null)));
    let address = of(4503)["address"].as_str().unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
}

#[test]
fn a_slow_consumer_is_named_before_it_has_left() {
    let limits = "limits: {ping_interval: 0, outbox_bytes: 64 KiB, write_deadline: 1s}";
    let daemon = Setup::on_shards(1).settings(limits).start();
    let mut slow = Raw::connect_with_small_buffer(daemon.address());
    slow.upgrade();
    for request in [
        json!({"type": "authorize", "authorization": format!("{ALL} subject=snail")}),
        json!({"type": "subscribe", "channel": "a"}),
    ] {
        slow.send(text_message(&request.to_string()));
        slow.read_text();
    }
    let mut source = daemon.client();
    let content = json!("x".repeat(32 * 1024));
    let began = Instant::now();
    let ended = loop {
        (0..20).for_each(|_| source.publish("a", content.clone()));
        let ended = daemon.status()["ended"].clone();
        if ended != json!([]) {
            break ended;
        }
        assert!(began.elapsed() < DEADLINE, "no slow consumer");
    };
    // Its connection lingers, for it has not read its close frame.
    assert_eq!((&ended[0]["code"], &ended[0]["subject"]), (&json!(4001), &json!("snail")), "{ended:#}");
}
