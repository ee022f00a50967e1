//! Listeners that come back: cut anywhere, gone for long or not at all, by another shard or over the same connection.

use crate::harness::{Client, Daemon, text_message};
use serde_json::json;

crate::on_1_and_3_shards!(with_history:
    cut_in_the_middle_of_a_replay,
    unsubscribed_and_back,
    everything_in_one_go,
    a_message_of_the_largest_size,
    text_and_binary,
    order_across_channels,
);

/// `max_message_bytes`, unless the settings say otherwise.
const LARGEST_BYTES: usize = 1024 * 1024;

/// Comes back again and again, and hears a few each time, or nothing but the answer: that said the position behind all that
/// followed, and who was cut before it lost it without a word.
fn cut_in_the_middle_of_a_replay(daemon: Daemon) {
    let channel = "h.cut";
    let (mut source, mut position) = (daemon.client(), daemon.position_of(channel));
    source.publish_all(channel, 0..1000);
    let (mut next, mut random) = (0, fastrand::Rng::with_seed(7));
    while next < 1000 {
        let mut client = daemon.client();
        let joined = client.subscribe_since(channel, &position);
        assert_eq!((joined.recovered, joined.missed), (Some(true), Some(1000 - next)));
        position = joined.position.unwrap();
        for _ in 0..random.u64(0..160).saturating_sub(40).min(1000 - next) {
            position = client.expect_at(channel, json!(next));
            next += 1;
        }
        // Dropped without a word, with all the rest on its way.
    }
    let mut client = daemon.client();
    assert_eq!(client.recover(channel, &position), 0);
    client.expect_no_answer();
}

fn unsubscribed_and_back(daemon: Daemon) {
    let channel = "h.back";
    let (mut listener, mut source) = (daemon.client(), daemon.client());
    let mut position = listener.subscribe_at(channel);
    for round in 0..50 {
        listener.unsubscribe(channel);
        listener.expect_no_answer();
        source.publish_all(channel, [json!([round, 1]), json!([round, 2])]);
        assert_eq!(listener.recover(channel, &position), 2);
        listener.expect_at(channel, json!([round, 1]));
        listener.expect_at(channel, json!([round, 2]));
        source.publish(channel, json!([round, 3]));
        position = listener.expect_at(channel, json!([round, 3]));
    }
    listener.expect_no_answer();
}

/// All of it in one piece: each answer stands where it was asked for, and what was missed behind it.
fn everything_in_one_go(daemon: Daemon) {
    let channel = "h.pipelined";
    let position = daemon.position_of(channel);
    daemon.client().publish_all(channel, 0..3);
    let mut raw = daemon.upgraded();
    let subscribe = format!(r#"{{"type":"subscribe","channel":"{channel}","since":"{position}"}}"#);
    let unsubscribe = format!(r#"{{"type":"unsubscribe","channel":"{channel}"}}"#);
    let publish = format!(r#"{{"type":"publish","channel":"{channel}","content":3}}"#);
    let authorize = r#"{"type":"authorize","authorization":"both=*"}"#;
    let all = [authorize, &subscribe, &unsubscribe, &publish, &subscribe, &subscribe].map(text_message).concat();
    raw.send(all);
    let mut next = || -> serde_json::Value { serde_json::from_str(&raw.read_text()).unwrap() };
    assert_eq!(next()["type"], "authorization_ok");
    for missed in [3, 4] {
        let answer = next();
        assert_eq!((&answer["recovered"], &answer["missed"]), (&json!(true), &json!(missed)), "{answer}");
        for number in 0..missed {
            assert_eq!(next()["content"], number);
        }
    }
    assert_eq!(next()["recovered"], false, "it is subscribed");
}

fn a_message_of_the_largest_size(daemon: Daemon) {
    let channel = format!("h.{}", "l".repeat(253));
    let position = daemon.position_of(&channel);
    let around = json!({"type": "publish", "channel": channel, "content": ""}).to_string().len();
    let (mut listener, mut source) = (daemon.client(), daemon.client());
    listener.subscribe_at(&channel);
    let content = json!("x".repeat(LARGEST_BYTES - around));
    source.publish_all(&channel, vec![content.clone(); 3]);
    (0..3).for_each(|_| drop(listener.expect_at(&channel, content.clone())));
    let mut back = daemon.client();
    assert_eq!(back.recover(&channel, &position), 3);
    (0..3).for_each(|_| drop(back.expect_at(&channel, content.clone())));
    back.expect_no_answer();
}

fn text_and_binary(daemon: Daemon) {
    let channel = "h.binary";
    let (mut listener, mut source) = (daemon.client(), daemon.client());
    listener.send_binary(format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#).as_bytes());
    let position = listener.joined(channel).position.unwrap();
    source.send_binary(format!(r#"{{"type":"publish","channel":"{channel}","content":"ä"}}"#).as_bytes());
    source.publish(channel, json!(2));
    listener.expect_at(channel, json!("ä"));
    listener.expect_at(channel, json!(2));
    let mut back = daemon.client();
    back.send_binary(format!(r#"{{"type":"subscribe","channel":"{channel}","since":"{position}"}}"#).as_bytes());
    assert_eq!(back.joined(channel).missed, Some(2));
    back.expect_at(channel, json!("ä"));
    back.expect_at(channel, json!(2));
}

/// What a source publishes to channels with and without history in turn comes to each of them in that order.
fn order_across_channels(daemon: Daemon) {
    let channels = ["h.one", "plain", "h.two"];
    let mut listeners: Vec<Client> = (0..4).map(|_| daemon.client()).collect();
    for listener in &mut listeners {
        for channel in channels {
            assert_eq!(listener.join(channel, &json!({})).position.is_some(), channel != "plain");
        }
    }
    let mut source = daemon.client();
    for number in 0..3000 {
        source.publish(channels[number * 7 % 11 % 3], json!(number));
    }
    for listener in &mut listeners {
        for number in 0..3000 {
            let message = listener.next_json();
            assert_eq!(
                (&message["content"], &message["channel"]),
                (&json!(number), &json!(channels[number * 7 % 11 % 3]))
            );
        }
        listener.expect_no_answer();
    }
}
