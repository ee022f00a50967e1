//! Messages that are none: each is answered with `unknown_message_received` and close 4500, and harms nobody else.

use crate::harness::Daemon;
use serde_json::json;

crate::on_1_and_3_shards!(
    what_is_no_message_closes,
    messages_with_a_bad_channel_close,
    channel_names_at_the_edge_are_good,
    a_stranger_is_answered_before_it_authorizes,
);

/// Whole messages that no client may send, with what is wrong about them.
const NO_MESSAGES: &[(&str, &str)] = &[
    ("empty", ""),
    ("blank", "   "),
    ("no JSON", "subscribe news"),
    ("null", "null"),
    ("a number", "17"),
    ("a string", "\"subscribe\""),
    ("an array", r#"["subscribe","news"]"#),
    ("no fields", "{}"),
    ("no type", r#"{"channel":"news"}"#),
    ("type null", r#"{"type":null,"channel":"news"}"#),
    ("type a number", r#"{"type":1,"channel":"news"}"#),
    ("type an array", r#"{"type":["subscribe"],"channel":"news"}"#),
    ("unknown type", r#"{"type":"frobnicate"}"#),
    ("empty type", r#"{"type":""}"#),
    ("type in other case", r#"{"type":"Subscribe","channel":"news"}"#),
    ("hello", r#"{"type":"hello"}"#),
    ("authorization_ok", r#"{"type":"authorization_ok"}"#),
    ("authorization_failed", r#"{"type":"authorization_failed"}"#),
    ("subscribe_ok", r#"{"type":"subscribe_ok","channel":"news"}"#),
    ("permission_denied", r#"{"type":"permission_denied"}"#),
    ("unknown_message_received", r#"{"type":"unknown_message_received"}"#),
    ("authorization null", r#"{"type":"authorize","authorization":null}"#),
    ("authorization a number", r#"{"type":"authorize","authorization":5}"#),
    ("authorization an object", r#"{"type":"authorize","authorization":{}}"#),
    ("type twice", r#"{"type":"subscribe","type":"subscribe","channel":"news"}"#),
    ("channel twice", r#"{"type":"subscribe","channel":"news","channel":"news"}"#),
    ("authorization twice", r#"{"type":"authorize","authorization":"a","authorization":"a"}"#),
    ("content twice", r#"{"type":"publish","channel":"news","content":1,"content":1}"#),
    ("content that is no JSON", r#"{"type":"publish","channel":"news","content":nope}"#),
    ("a number that is none", r#"{"type":"publish","channel":"news","content":01}"#),
    ("a string that does not end", r#"{"type":"publish","channel":"news","content":"abc}"#),
    ("a lone surrogate in the channel", r#"{"type":"subscribe","channel":"\ud800"}"#),
    ("an object that does not end", r#"{"type":"subscribe","channel":"news""#),
    ("a comma too many", r#"{"type":"subscribe","channel":"news",}"#),
    ("single quotes", r#"{'type':'subscribe','channel':'news'}"#),
    ("a comment", r#"{"type":"subscribe","channel":"news"} // please"#),
    ("two objects", r#"{"type":"subscribe","channel":"news"}{"type":"subscribe","channel":"news"}"#),
    ("a byte order mark", "\u{feff}{\"type\":\"subscribe\",\"channel\":\"news\"}"),
];

fn what_is_no_message_closes(daemon: Daemon) {
    let mut witness = daemon.client();
    witness.subscribe("news");
    for (what, message) in NO_MESSAGES {
        println!("{what}: {message}");
        let mut client = daemon.client();
        client.send_text(message);
        client.expect_error("unknown_message_received");
        client.expect_closed(4500);
    }
    witness.publish("news", json!("still here"));
    witness.expect_publish("news", json!("still here"));
}

fn messages_with_a_bad_channel_close(daemon: Daemon) {
    let too_long = format!("\"{}\"", "x".repeat(256));
    let too_long_in_bytes = format!("\"{}\"", "ä".repeat(128));
    let channels = [
        r#""""#,
        r#""a\u0000b""#,
        r#""\u001f""#,
        r#""\n""#,
        r#""\u007f""#,
        r#""\u0080""#,
        r#""\u009f""#,
        "null",
        "1",
        "{}",
    ];
    for channel in channels.into_iter().chain([too_long.as_str(), &too_long_in_bytes]) {
        for kind in ["subscribe", "unsubscribe", "publish"] {
            println!("{kind} {channel}");
            let mut client = daemon.client();
            client.send_text(&format!(r#"{{"type":"{kind}","channel":{channel},"content":1}}"#));
            client.expect_error("unknown_message_received");
            client.expect_closed(4500);
        }
    }
    for kind in ["subscribe", "unsubscribe", "publish"] {
        let mut client = daemon.client();
        client.send(json!({"type": kind, "content": 1}));
        client.expect_error("unknown_message_received");
        client.expect_closed(4500);
    }
}

fn channel_names_at_the_edge_are_good(daemon: Daemon) {
    let mut client = daemon.client();
    for channel in ["a", " ", "~", "\u{a0}", "foo.*", "*", "a/b\\c\"", "日本語", &"x".repeat(255), &"ä".repeat(127)]
    {
        client.subscribe(channel);
        client.publish(channel, json!(1));
        client.expect_publish(channel, json!(1));
    }
}

fn a_stranger_is_answered_before_it_authorizes(daemon: Daemon) {
    let mut client = daemon.connect();
    client.send_text("who are you?");
    client.expect_error("unknown_message_received");
    client.expect_closed(4500);
}
