//! One publication by POST: who listens over WebSocket gets what was sent, on the channel that was meant.

use crate::harness::{Client, Daemon, Request};
use serde_json::json;

crate::on_1_and_3_shards!(
    json_is_heard_as_it_was_sent,
    text_becomes_a_json_string,
    a_channel_is_the_rest_of_the_path_decoded_once,
    names_that_are_no_channels_are_refused,
    both_ways_of_publishing_are_one,
);

/// Listeners to a channel, on each shard.
fn listeners(daemon: &Daemon, channel: &str) -> Vec<Client> {
    let mut listeners: Vec<Client> = (0..6).map(|_| daemon.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe(channel));
    listeners
}

fn json_is_heard_as_it_was_sent(daemon: Daemon) {
    let mut listeners = listeners(&daemon, "a");
    let mut http = daemon.http();
    for content in [
        r#"{ "b" : [ 1, 2 ] ,"a":1}"#,
        "[1,\n\t2 ,\r\n3]",
        "1.10",
        "-0",
        "1e400",
        "12345678901234567890123",
        r#""\u00e9é\/\n\ud83d\ude00""#,
        r#"{"a":1,"a":2}"#,
        "null",
        "\"\"",
        "[]",
    ] {
        http.post("/publish/a", content).expect_accepted();
        listeners.iter_mut().for_each(|listener| listener.expect_content("a", content));
    }
    // Around it, blanks mean nothing.
    http.post("/publish/a", "\r\n\t{ \"a\" : 1 } \n").expect_accepted();
    listeners.iter_mut().for_each(|listener| listener.expect_content("a", r#"{ "a" : 1 }"#));
    for content_type in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/ld+json"] {
        let request = Request::post("/publish/a", "1.0").header(&format!("Content-Type: {content_type}"));
        http.ask(&request).expect_accepted();
        listeners.iter_mut().for_each(|listener| listener.expect_content("a", "1.0"));
    }
}

fn text_becomes_a_json_string(daemon: Daemon) {
    let mut listeners = listeners(&daemon, "a");
    let mut http = daemon.http();
    for text in ["hello", "", " 1 ", "{\"a\":1}", "\"\\\r\n\t\0\u{7f}", "é\u{1f600}\u{2028}"] {
        for content_type in ["text/plain", "Text/Plain; charset=UTF-8"] {
            let request = Request::post("/publish/a", text).header(&format!("Content-Type: {content_type}"));
            http.ask(&request).expect_accepted();
            listeners.iter_mut().for_each(|listener| listener.expect_publish("a", json!(text)));
        }
    }
    let latin1 = Request::post("/publish/a", b"\xe4").header("Content-Type: text/plain");
    http.ask(&latin1).expect_problem(400);
    listeners.iter_mut().for_each(Client::expect_no_answer);
}

fn a_channel_is_the_rest_of_the_path_decoded_once(daemon: Daemon) {
    let mut http = daemon.http();
    let long = "x".repeat(255);
    for (path, channel) in [
        ("a/b", "a/b"),
        ("a%2Fb%2f", "a/b/"),
        ("/a//", "/a//"),
        ("./../x", "./../x"),
        ("%C3%A4%f0%9f%98%80", "ä\u{1f600}"),
        ("ä", "ä"),
        ("a%22%5C", "a\"\\"),
        ("%2525", "%25"),
        ("a+b%20c", "a+b c"),
        ("a?b=c&d", "a"),
        ("a%3Fb%23", "a?b#"),
        ("a.*", "a.*"),
        (&*long, &*long),
    ] {
        let mut listener = daemon.client();
        listener.subscribe(channel);
        http.post(&format!("/publish/{path}"), "1").expect_accepted();
        listener.expect_publish(channel, json!(1));
    }
    // As a proxy is asked.
    let mut listener = daemon.client();
    listener.subscribe("a/b");
    http.post("http://relay:55000/publish/a/b", "1").expect_accepted();
    listener.expect_publish("a/b", json!(1));
}

fn names_that_are_no_channels_are_refused(daemon: Daemon) {
    let mut http = daemon.http();
    let long = "x".repeat(256);
    for path in ["", "?a", "%", "%4", "%zz", "%ff", "%c3", "%ed%a0%80", "%00", "a%0Ab", "%7f", &*long] {
        http.post(&format!("/publish/{path}"), "1").expect_problem(400);
    }
    http.post("/publish/a", "1").expect_accepted();
}

/// What one publishes over HTTP and over WebSocket, each after the other's answer, is heard in that order.
fn both_ways_of_publishing_are_one(daemon: Daemon) {
    let mut listeners = listeners(&daemon, "a");
    let (mut http, mut source) = (daemon.http(), daemon.client());
    for round in 0..50 {
        http.post("/publish/a", format!("[\"http\",{round}]")).expect_accepted();
        source.publish("a", json!(["websocket", round]));
        source.expect_no_answer();
    }
    for listener in &mut listeners {
        let heard: Vec<_> = (0..100).map(|_| listener.next_json()["content"].clone()).collect();
        for way in ["http", "websocket"] {
            let rounds = heard.iter().filter(|content| content[0] == way).map(|content| content[1].as_u64().unwrap());
            assert!(rounds.eq(0..50), "{heard:?}");
        }
    }
}
