//! What a client may send and have: each limit of the settings, just kept and just exceeded.

use crate::harness::{Daemon, Frame, Setup, text_message};
use serde_json::{Value, json};

fn with(limits: &str) -> Daemon {
    Setup::on_shards(1).settings(&format!("limits: {{{limits}}}")).start()
}

fn fragments(count: usize) -> Vec<u8> {
    let message = br#"{"type":"authorize","authorization":"both=*"}"#;
    let mut bytes = Frame::new(0x01, message).masked();
    bytes.extend(Frame::new(0x00, "").masked().repeat(count - 2));
    bytes.extend(Frame::new(0x80, "").masked());
    bytes
}

#[test]
fn fragments_of_one_message() {
    let daemon = with("max_fragments: 128");
    let mut raw = daemon.upgraded();
    // Control frames between them are no fragments, and the next message begins anew.
    for _ in 0..2 {
        raw.send(fragments(128));
        assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
    }
    raw.send(Frame::text(r#"{"type":"subscribe","channel":"a"}"#).masked());
    raw.send_perhaps(fragments(129));
    assert_eq!(raw.read_text(), r#"{"type":"subscribe_ok","channel":"a"}"#, "what came before still counts");
    raw.expect_closed(1008);
    assert_eq!(daemon.refused(), "max_fragments 1");
}

#[test]
fn the_time_of_one_message() {
    let daemon = with("message_timeout: 1s, ping_interval: 0");
    let mut idle = daemon.upgraded();
    let whole = Frame::text(r#"{"type":"authorize","authorization":"both=*"}"#).masked();
    let beginnings = [whole[..1].to_vec(), whole[..9].to_vec(), Frame::new(0x01, "{").masked()];
    for beginning in beginnings {
        let mut raw = daemon.upgraded();
        // A whole message before it does not count.
        raw.send([&whole[..], &beginning].concat());
        assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
        raw.expect_closed(1008);
    }
    idle.authorize();
    assert_eq!(daemon.refused(), "message_timeout 3");
}

#[test]
fn subscriptions_of_one_client() {
    let daemon = with("max_subscriptions: 3");
    let mut client = daemon.client();
    ["a", "b", "c", "a"].iter().for_each(|channel| client.subscribe(channel));
    client.unsubscribe("a");
    client.subscribe("d");
    client.send(json!({"type": "subscribe", "channel": "e"}));
    let reply = client.expect_error("limit_exceeded");
    assert_eq!(reply["channel"], "e");
    client.expect_closed(4503);
    assert_eq!(daemon.refused(), "max_subscriptions 1");
}

#[test]
fn ten_thousand_subscriptions() {
    let daemon = with("max_subscriptions: 10000");
    let mut client = daemon.client();
    for number in 0..10_000 {
        client.send(json!({"type": "subscribe", "channel": number.to_string()}));
    }
    for number in 0..10_000 {
        client.expect(json!({"type": "subscribe_ok", "channel": number.to_string()}));
    }
    client.publish("9999", json!("last"));
    client.expect_publish("9999", json!("last"));
    client.close();
}

#[test]
fn length_of_a_channels_name() {
    let daemon = with("max_channel_bytes: 4");
    let mut client = daemon.client();
    client.subscribe("käs");
    client.send(json!({"type": "subscribe", "channel": "käse"}));
    client.expect_error("unknown_message_received");
    client.expect_closed(4500);
    assert_eq!(daemon.refused(), "max_channel_bytes 1");
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, at| if at % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
}

#[test]
fn nesting_of_json() {
    let daemon = with("max_json_depth: 60");
    let mut client = daemon.client();
    client.subscribe("a");
    client.publish("a", nested(60));
    client.expect_publish("a", nested(60));
    client.publish("a", json!(["[{".repeat(500), 1]));
    client.expect_publish("a", json!(["[{".repeat(500), 1]));
    client.send(json!({"type": "subscribe", "channel": "a", "unknown": nested(32)}));
    client.expect_text(r#"{"type":"subscribe_ok","channel":"a"}"#);
    for too_deep in [
        json!({"type": "publish", "channel": "a", "content": nested(61)}),
        json!({"type": "subscribe", "channel": "a", "unknown": nested(33)}),
        json!({"type": "subscribe", "channel": "a", "authorization": nested(33)}),
    ] {
        let mut client = daemon.client();
        client.send(too_deep);
        client.expect_error("unknown_message_received");
        client.expect_closed(4500);
    }
    // A million brackets cost no stack.
    let mut client = daemon.client();
    client.send_text(&format!(r#"{{"type":"publish","channel":"a","content":{}"#, "[".repeat(1_000_000)));
    client.expect_error("unknown_message_received");
    client.expect_closed(4500);
    assert_eq!(daemon.refused(), "max_json_depth 3");
}

#[test]
fn rate_of_publications() {
    let daemon = with("publish_rate: 1, publish_burst: 20");
    let mut client = daemon.upgraded();
    client.authorize();
    client.send(text_message(r#"{"type":"subscribe","channel":"a"}"#));
    assert_eq!(client.read_text(), r#"{"type":"subscribe_ok","channel":"a"}"#);
    // In one piece, so that they come at once.
    let messages = (0..200).map(|number| format!(r#"{{"type":"publish","channel":"a","content":{number}}}"#));
    client.send(messages.flat_map(|message| text_message(&message)).collect::<Vec<u8>>());
    let mut published = 0;
    let reply = loop {
        let message: Value = serde_json::from_str(&client.read_text()).unwrap();
        if message["type"] != "publish" {
            break message;
        }
        assert_eq!(message["content"], published);
        published += 1;
    };
    assert!((21..100).contains(&published), "{published} were published");
    assert_eq!((&reply["type"], &reply["channel"]), (&json!("limit_exceeded"), &json!("a")));
    client.expect_closed(4503);
    assert_eq!(daemon.refused(), "publish_rate 1");
}
