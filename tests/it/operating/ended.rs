//! Clients that the relay has disconnected: an operator who comes later is told who they were.

use crate::harness::{ALL, Setup};
use serde_json::json;

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
