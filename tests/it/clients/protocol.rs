//! The table of client messages in docs/protocol/client.md, row by row: what is answered, in exactly which words.

use crate::harness::{ALL, Daemon};
use serde_json::json;

crate::on_1_and_3_shards!(
    hello_comes_first,
    authorize_is_confirmed,
    a_missing_authorization_is_the_empty_one,
    a_refused_authorization_closes,
    an_undecided_authorization_closes_with_try_again,
    every_other_decision_fails_closed,
    a_second_authorization_that_is_refused_closes,
    subscribe_is_confirmed_with_its_channel,
    subscribe_without_permission_closes,
    unsubscribe_has_no_answer,
    publish_has_no_answer_and_reaches_the_listeners,
    publish_without_permission_closes,
    publish_without_content_closes,
    content_arrives_as_it_was_written,
    a_publication_is_encoded_anew,
    unused_fields_are_ignored,
    a_binary_frame_is_as_good,
);

fn hello_comes_first(daemon: Daemon) {
    let mut raw = daemon.raw();
    raw.send(crate::harness::upgrade_request(""));
    raw.read_head();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(raw.read_text(), format!(r#"{{"type":"hello","version":"{version}","relay":"test-relay"}}"#));
}

fn authorize_is_confirmed(daemon: Daemon) {
    let mut client = daemon.connect();
    client.send_text(r#"{"type":"authorize","authorization":"both=*"}"#);
    client.expect_text(r#"{"type":"authorization_ok"}"#);
    client.expect_no_answer();
}

fn a_missing_authorization_is_the_empty_one(daemon: Daemon) {
    for message in [r#"{"type":"authorize"}"#, r#"{"type":"authorize","authorization":""}"#] {
        let mut client = daemon.connect();
        client.send_text(message);
        client.expect_text(r#"{"type":"authorization_ok"}"#);
        client.subscribe("empty");
    }
}

fn a_refused_authorization_closes(daemon: Daemon) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "refuse=expired"}));
    client.expect_text(r#"{"type":"authorization_failed","reason":"expired"}"#);
    client.expect_closed(4501);
}

fn an_undecided_authorization_closes_with_try_again(daemon: Daemon) {
    for script in ["unavailable", "error"] {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": script}));
        client.expect_text(r#"{"type":"authorization_failed","reason":"unavailable"}"#);
        client.expect_closed(1013);
    }
}

fn every_other_decision_fails_closed(daemon: Daemon) {
    // What is not understood decides nothing, so that the client may try again.
    for (script, code) in [("abstain", 4501), ("nonsense", 1013), ("no-such-word", 4501)] {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": script}));
        client.expect_error("authorization_failed");
        client.expect_closed(code);
    }
}

fn a_second_authorization_that_is_refused_closes(daemon: Daemon) {
    let mut client = daemon.client();
    client.send(json!({"type": "authorize", "authorization": "refuse=no"}));
    client.expect_error("authorization_failed");
    client.expect_closed(4501);
}

fn subscribe_is_confirmed_with_its_channel(daemon: Daemon) {
    let mut client = daemon.client();
    client.send_text(r#"{"type":"subscribe","channel":"news"}"#);
    client.expect_text(r#"{"type":"subscribe_ok","channel":"news"}"#);
    client.send_text(r#"{"type":"subscribe","channel":"say \"\u00e4\""}"#);
    client.expect(json!({"type": "subscribe_ok", "channel": "say \"ä\""}));
}

fn subscribe_without_permission_closes(daemon: Daemon) {
    let mut client = daemon.client_with("write=news");
    client.send(json!({"type": "subscribe", "channel": "news"}));
    assert_eq!(client.expect_error("permission_denied")["channel"], "news");
    client.expect_closed(4502);
}

fn unsubscribe_has_no_answer(daemon: Daemon) {
    let mut client = daemon.client_with("read=news");
    client.unsubscribe("news");
    client.expect_no_answer();
    client.subscribe("news");
    client.unsubscribe("news");
    client.expect_no_answer();
    client.unsubscribe("a channel that it may not even read");
    client.expect_no_answer();
}

fn publish_has_no_answer_and_reaches_the_listeners(daemon: Daemon) {
    let mut source = daemon.client();
    source.publish("news", json!("to nobody"));
    source.expect_no_answer();
    let mut listener = daemon.client();
    listener.subscribe("news");
    source.subscribe("news");
    source.send_text(r#"{"type":"publish","channel":"news","content":{"price":3}}"#);
    for client in [&mut listener, &mut source] {
        client.expect_text(r#"{"type":"publish","channel":"news","content":{"price":3}}"#);
        client.expect_no_answer();
    }
}

fn publish_without_permission_closes(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("news");
    let mut client = daemon.client_with("read=news");
    client.publish("news", json!(1));
    assert_eq!(client.expect_error("permission_denied")["channel"], "news");
    client.expect_closed(4502);
    listener.publish("news", json!(2));
    listener.expect_publish("news", json!(2));
}

fn publish_without_content_closes(daemon: Daemon) {
    let mut client = daemon.client();
    client.send_text(r#"{"type":"publish","channel":"news"}"#);
    assert_eq!(client.expect_error("unknown_message_received")["channel"], "news");
    client.expect_closed(4500);
}

fn content_arrives_as_it_was_written(daemon: Daemon) {
    let mut client = daemon.client();
    client.subscribe("news");
    for content in [
        "null",
        "true",
        "0",
        "-1.50e+07",
        "123456789012345678901234567890.000",
        r#""""#,
        r#""\u00e4 \ud83d\ude00 \/ \n""#,
        "\"ä 😀 \u{2028} \u{7f}\"",
        "[ ]",
        "{ \"a\" :\t[ 1 ,\r\n2 ] }",
        r#"{"same":1,"same":2}"#,
        r#"{"type":"subscribe","channel":"other"}"#,
        "false",
        "-0",
        "-0.0",
        "1E400",
        "5e-324",
        "1e-999999999",
        "18446744073709551616",
        "-9223372036854775809",
        "9007199254740993",
        "0.1000000000000000055511151231257827",
        r#""\ud800""#,
        r#""\udc00\ud800 \uD83D""#,
        r#""\u0000\u001f\u007f""#,
        r#""\\u0000 \" \\""#,
        "\"\u{feff}\u{fffe}\u{10ffff}\"",
        r#""</script><!--""#,
        r#"{"":{"":""}}"#,
        r#"{"\ud800":1,"a\u0000b":2}"#,
        r#"{"__proto__":{"x":1},"constructor":null}"#,
        r#"[[],{},[[]],[{}],null,""]"#,
        r#"{"channel":"other","content":{"content":{}},"type":"publish"}"#,
    ] {
        client.send_text(&format!(r#"{{"content":{content},"channel":"news","type":"publish"}}"#));
        client.expect_text(&format!(r#"{{"type":"publish","channel":"news","content":{content}}}"#));
    }
    for levels in [2, 31, 32, 33, 100, 127] {
        let content = format!("{}1{}", "{\"a\":[".repeat(levels / 2), "]}".repeat(levels / 2));
        client.send_text(&format!(r#"{{"type":"publish","channel":"news","content":{content}}}"#));
        client.expect_text(&format!(r#"{{"type":"publish","channel":"news","content":{content}}}"#));
    }
}

fn a_publication_is_encoded_anew(daemon: Daemon) {
    let mut client = daemon.client();
    client.subscribe("news");
    client.send_text(
        " {\n\"x\" : {\"type\":\"hello\"}, \"channel\"\t: \"n\\u0065ws\",\"content\":  [1]  ,\"x\":2,\"type\":\"publish\" } ",
    );
    client.expect_text(r#"{"type":"publish","channel":"news","content":[1]}"#);
}

fn unused_fields_are_ignored(daemon: Daemon) {
    let mut client = daemon.connect();
    client.send_text(r#"{"type":"authorize","authorization":"both=*","channel":7,"content":{},"other":[]}"#);
    client.expect_text(r#"{"type":"authorization_ok"}"#);
    client.send_text(r#"{"type":"subscribe","channel":"news","authorization":null,"content":[1],"n":1,"n":2}"#);
    client.expect_text(r#"{"type":"subscribe_ok","channel":"news"}"#);
    client.send_text(r#"{"type":"publish","channel":"news","content":1,"authorization":{}}"#);
    client.expect_publish("news", json!(1));
    client.send_text(r#"{"type":"unsubscribe","channel":"news","authorization":false}"#);
    client.expect_no_answer();
}

fn a_binary_frame_is_as_good(daemon: Daemon) {
    let mut client = daemon.connect();
    client.send_binary(json!({"type": "authorize", "authorization": ALL}).to_string().as_bytes());
    client.expect_text(r#"{"type":"authorization_ok"}"#);
    client.send_binary(br#"{"type":"subscribe","channel":"news"}"#);
    client.expect_text(r#"{"type":"subscribe_ok","channel":"news"}"#);
    client.send_binary("{\"type\":\"publish\",\"channel\":\"news\",\"content\":\"ä\"}".as_bytes());
    client.expect_text("{\"type\":\"publish\",\"channel\":\"news\",\"content\":\"ä\"}");
    client.send_binary(b"{\"type\":\"publish\",\"channel\":\"news\",\"content\":\"\xff\"}");
    client.expect_error("unknown_message_received");
    client.expect_closed(4500);
}
