//! The words of history: what is answered, which fields stand in frames and in which order, and what is refused.

use crate::harness::{Daemon, Joined};
use serde_json::{Value, json};

crate::on_1_and_3_shards!(with_history:
    frames_have_their_fields_in_order,
    a_channel_without_history_is_as_it_ever_was,
    where_no_channel_has_history_it_is_answered_all_the_same,
    the_newest_ones,
    both_fields_at_once_are_an_error,
    what_is_no_count_is_an_error,
    subscribing_again_replays_nothing,
);

fn frames_have_their_fields_in_order(daemon: Daemon) {
    let mut listener = daemon.client();
    let position = listener.subscribe_at("h.\"ä");
    daemon.client().publish_all("h.\"ä", [json!({"a": [null, "\u{0}"]})]);
    let text = listener.next_text();
    let at = text.strip_prefix(r#"{"type":"publish","channel":"h.\"ä","position":""#).expect(&text);
    let (behind, content) = at.split_once('"').unwrap();
    assert_eq!(content, r#","content":{"a":[null,"\u0000"]}}"#);
    assert!(behind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.*-".contains(&byte)), "{behind}");
    listener.unsubscribe("h.\"ä");
    let mut answer = |fields: &str| {
        listener.send_text(&format!(r#"{{"type":"subscribe","channel":"h.\"ä"{fields}}}"#));
        listener.next_text()
    };
    assert_eq!(
        answer(&format!(r#","since":"{position}""#)),
        format!(r#"{{"type":"subscribe_ok","channel":"h.\"ä","recovered":true,"missed":1,"position":"{position}"}}"#),
    );
    assert_eq!(listener.next_text(), text, "a replay is what was missed, with the same position");
    assert_eq!(
        daemon.client().join("h.\"ä", &json!({})),
        Joined { position: Some(behind.into()), recovered: None, missed: None, last: None }
    );
}

fn a_channel_without_history_is_as_it_ever_was(daemon: Daemon) {
    let (mut listener, mut source) = (daemon.client(), daemon.client());
    listener.send(json!({"type": "subscribe", "channel": "other"}));
    listener.expect_text(r#"{"type":"subscribe_ok","channel":"other"}"#);
    source.publish_all("other", [1, 2]);
    listener.expect_content("other", "1");
    listener.expect_content("other", "2");
    for (fields, answered) in [
        (json!({"since": "AABN-AAAAAF.12"}), r#","recovered":false"#),
        (json!({"since": null}), r#","recovered":false"#),
        (json!({"last": 1}), r#","last":0"#),
    ] {
        let mut client = daemon.client();
        let mut message = json!({"type": "subscribe", "channel": "other"});
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        client.send(message);
        client.expect_text(&format!(r#"{{"type":"subscribe_ok","channel":"other"{answered}}}"#));
        client.expect_no_answer();
    }
}

fn where_no_channel_has_history_it_is_answered_all_the_same(daemon: Daemon) {
    drop(daemon);
    let daemon = Daemon::on_shards(3);
    for (fields, recovered, last) in [(json!({"since": "x"}), Some(false), None), (json!({"last": 7}), None, Some(0))] {
        let expected = Joined { position: None, recovered, missed: None, last };
        assert_eq!(daemon.client().join("h.a", &fields), expected);
    }
    daemon.client().subscribe("h.a");
}

fn the_newest_ones(daemon: Daemon) {
    let channel = "h.newest";
    daemon.client().publish_all(channel, 0..10);
    for (asked, followed) in [(1, 1), (3, 3), (0, 0), (10, 10), (11, 10), (u32::MAX, 10)] {
        let mut client = daemon.client();
        let mut positions = Vec::new();
        assert_eq!(client.subscribe_last(channel, asked), followed, "{asked}");
        for number in 10 - followed..10 {
            positions.push(client.expect_at(channel, json!(number)));
        }
        client.expect_no_answer();
        // Each position is one to come back to.
        for (missed, position) in (0..).zip(positions.iter().rev()) {
            assert_eq!(daemon.client().recover(channel, position), missed);
        }
    }
    let mut client = daemon.client();
    assert_eq!(client.subscribe_last("h.empty", 5), 0);
    daemon.client().publish_all("h.empty", [1]);
    client.expect_at("h.empty", json!(1));
}

fn expect_unknown(daemon: &Daemon, fields: &str, words: &str) {
    let mut client = daemon.client();
    client.send_text(&format!(r#"{{"type":"subscribe","channel":"h.a",{fields}}}"#));
    let error = client.expect_error("unknown_message_received");
    assert!(error["reason"].as_str().unwrap().contains(words), "{error}");
    client.expect_closed(4500);
}

fn both_fields_at_once_are_an_error(daemon: Daemon) {
    expect_unknown(&daemon, r#""since":"x","last":1"#, "since");
    expect_unknown(&daemon, r#""last":0,"since":null"#, "last");
}

fn what_is_no_count_is_an_error(daemon: Daemon) {
    for last in ["-1", "1.5", "4294967296", "\"1\"", "null", "[]", "1e1"] {
        expect_unknown(&daemon, &format!(r#""last":{last}"#), "last");
    }
}

fn subscribing_again_replays_nothing(daemon: Daemon) {
    let channel = "h.again";
    let (mut listener, mut source) = (daemon.client(), daemon.client());
    let start = listener.subscribe_at(channel);
    source.publish_all(channel, [1, 2]);
    listener.expect_at(channel, json!(1));
    let position = listener.expect_at(channel, json!(2));
    let again =
        |recovered: Option<bool>, last| Joined { position: Some(position.clone()), recovered, missed: None, last };
    assert_eq!(listener.subscribe_since(channel, &start), again(Some(false), None));
    assert_eq!(listener.join(channel, &json!({"last": 2})), again(None, Some(0)));
    assert_eq!(listener.join(channel, &json!({})), again(None, None));
    listener.expect_no_answer();
    source.publish_all(channel, [Value::Null]);
    listener.expect_at(channel, Value::Null);
    listener.expect_no_answer();
}
