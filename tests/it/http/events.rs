//! Streams of Server-Sent Events: each begins with its channels, and has every message, in order, as it was published.

use super::source::Source;
use crate::harness::{
    ALL, Daemon, EventListener, Raw, Setup, bearer, channels_query, events_request, numbered, text_message,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

crate::on_1_and_3_shards!(
    the_first_event_names_the_relay_and_the_channels,
    channels_have_escapes_and_count_once,
    messages_of_websocket_and_post_come_in_order,
    streams_and_websockets_listen_side_by_side,
    each_listens_to_its_own_channels,
    streams_begin_while_messages_flow,
    content_comes_as_it_was_published,
    a_last_event_id_changes_nothing,
    http_1_0_has_streams_too,
    a_stream_may_begin_behind_other_requests,
);

fn the_first_event_names_the_relay_and_the_channels(daemon: Daemon) {
    let channels = ["news", "a/b?c&d=e+f %\u{e4}\u{1f600}", "z"];
    let mut listener = daemon.events(&channels);
    assert_eq!(listener.subscribed(), &json!({"relay": "test-relay", "channels": channels}));
    let mut source = daemon.client();
    for channel in channels {
        source.publish(channel, json!(channel));
        listener.expect_publish(channel, json!(channel));
    }
    let status = daemon.asked();
    assert_eq!(status["subscriptions"], 3);
    let connections = &status["connections"];
    let counted = ["total", "unauthorized", "handshakes", "accepted"].map(|key| connections[key].as_u64().unwrap());
    assert_eq!(counted, [2, 0, 0, 2]);
    let transports = json!({"ws": 1, "wss": 0, "sse": 1, "sses": 0, "http": 0, "https": 0, "other": 0});
    assert_eq!(connections["by_transport"], transports);
}

fn channels_have_escapes_and_count_once(daemon: Daemon) {
    let mut raw = daemon.raw();
    let query = "channel=a+b%2bc&other=1&channel=d&&channel=%61%20b%2Bc&channel=d&chanel=e&channel";
    assert_eq!(daemon.no_events(&events_request(query, &bearer(ALL))).status, 400, "the last one has no name");
    raw.send(events_request(query.strip_suffix("&channel").unwrap(), &bearer(ALL)));
    let mut listener = EventListener::read(raw);
    assert_eq!(listener.subscribed()["channels"], json!(["a b+c", "d"]));
    let mut source = Source::of(&daemon);
    for number in 0..3 {
        source.publish("a b+c", &number.to_string());
        listener.expect_publish("a b+c", json!(number));
        source.publish("d", &number.to_string());
        listener.expect_publish("d", json!(number));
    }
}

fn messages_of_websocket_and_post_come_in_order(daemon: Daemon) {
    const MESSAGES: u64 = 1000;
    let mut listener = daemon.events(&["a"]);
    std::thread::scope(|scope| {
        let daemon = &daemon;
        scope.spawn(move || {
            let mut source = daemon.listener();
            (1..=MESSAGES).for_each(|number| source.publish("a", &numbered(0, number, 50)));
            source.subscribe("until all is published");
        });
        scope.spawn(move || {
            let mut source = Source::of(daemon);
            (1..=MESSAGES).for_each(|number| source.publish("a", &numbered(1, number, 50)));
        });
        scope.spawn(move || {
            let mut source = Source::of(daemon);
            let contents: Vec<String> = (1..=MESSAGES).map(|number| numbered(2, number, 50)).collect();
            source.publish_all("a", &contents);
        });
        listener.listen(3 * MESSAGES);
    });
    listener.checker.assert_complete("a", 3, MESSAGES);
}

/// Ten of each on each of two channels, while sources publish in runs.
fn streams_and_websockets_listen_side_by_side(daemon: Daemon) {
    const MESSAGES: u64 = 300;
    let channels = ["a", "b"];
    let mut streams: Vec<_> = (0..20).map(|at| daemon.events(&channels[..=at % 2])).collect();
    let mut sockets: Vec<_> = (0..10).map(|_| daemon.listener()).collect();
    sockets.iter_mut().for_each(|listener| channels.iter().for_each(|channel| listener.subscribe(channel)));
    std::thread::scope(|scope| {
        let daemon = &daemon;
        for channel in channels {
            scope.spawn(move || {
                let mut raw = daemon.upgraded();
                raw.authorize();
                let publish = |number| {
                    let content = numbered(0, number, 30);
                    text_message(&format!(r#"{{"type":"publish","channel":"{channel}","content":{content}}}"#))
                };
                raw.send((1..=MESSAGES).flat_map(publish).collect::<Vec<u8>>());
                raw.send(text_message(r#"{"type":"subscribe","channel":"until all is published"}"#));
                raw.read_text();
            });
            scope.spawn(move || {
                let contents: Vec<String> = (1..=MESSAGES).map(|number| numbered(1, number, 30)).collect();
                Source::of(daemon).publish_all(channel, &contents);
            });
        }
        for (at, stream) in streams.iter_mut().enumerate() {
            stream.listen(2 * MESSAGES * (1 + at as u64 % 2));
        }
        sockets.iter_mut().for_each(|listener| listener.listen(4 * MESSAGES));
    });
    for (at, stream) in streams.iter().enumerate() {
        channels[..=at % 2].iter().for_each(|channel| stream.checker.assert_complete(channel, 2, MESSAGES));
    }
    for listener in &sockets {
        channels.iter().for_each(|channel| listener.checker.assert_complete(channel, 2, MESSAGES));
    }
    daemon.expect_nobody_disconnected();
}

fn each_listens_to_its_own_channels(daemon: Daemon) {
    let mut both = daemon.events(&["a", "b"]);
    let mut one = daemon.events(&["b"]);
    let mut source = daemon.client();
    for number in 0..50 {
        source.publish("a", json!(number));
        source.publish("b", json!(number));
        source.publish("c", json!(number));
    }
    for number in 0..50 {
        both.expect_publish("a", json!(number));
        both.expect_publish("b", json!(number));
        one.expect_publish("b", json!(number));
    }
}

/// Nothing comes before the first event, and nothing is missed that is published after it.
fn streams_begin_while_messages_flow(daemon: Daemon) {
    let (accepted, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut source = Source::of(&daemon);
            for number in 1.. {
                source.publish("a", &numbered(0, number, 30));
                accepted.store(number, Ordering::SeqCst);
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        for _ in 0..100 {
            let mut listener = daemon.events(&["b", "a"]);
            let before = accepted.load(Ordering::SeqCst);
            listener.listen(20);
            let (count, last) = listener.checker.arrived_of("a", 0);
            // The next one may have been on its way.
            assert!(last < count + before + 2, "{count} came up to number {last}, {before} were accepted before");
        }
        is_over.store(true, Ordering::SeqCst);
    });
}

/// White space within the JSON ends lines of data. Nothing else of it is changed, neither numbers nor escapes.
fn content_comes_as_it_was_published(daemon: Daemon) {
    let long = format!("\"{}\"", "long \u{e4} ".repeat(4000));
    let contents = [
        "{\"a\":\n1,\"b\":\r\n2,\"c\":\r3}",
        "[\n\n1,\r\n\r\n2,\r\r3,\n\r4,\n\n\n\n5\n]",
        "[\t1 ,\n\t2\n,\r\n\n3 ]",
        r#""data: 1\n\nevent: end\ndata: {}\r\n\u000a: \u2028""#,
        "\"\u{2028}\u{85}\u{feff}\u{7f}\u{10ffff}\"",
        "1.000000000000000000000000000000000001",
        "-0.0e-999",
        r#"{"a":1,"a":2,"":{},"\ud800\udc00":"\u0041"}"#,
        "null",
        &long,
    ];
    let mut listener = daemon.events(&["a\"\\"]);
    let mut socket = daemon.client();
    socket.subscribe("a\"\\");
    let mut source = daemon.client();
    let mut post = Source::of(&daemon);
    for (at, content) in contents.iter().enumerate() {
        if at % 2 == 0 {
            source.send_text(&format!(r#"{{"type":"publish","channel":"a\"\\","content":{content}}}"#));
        } else {
            post.publish("a\"\\", content);
        }
        let event = listener.next_event();
        let lines = content.replace(['\r', '\n'], "");
        assert_eq!(event.data, format!(r#"{{"channel":"a\"\\","content":{lines}}}"#));
        assert_eq!((&*event.name, event.retry), ("", None));
        let message = socket.next_text();
        assert_eq!(message, format!(r#"{{"type":"publish","channel":"a\"\\","content":{content}}}"#));
        if let Ok(value) = serde_json::from_str::<Value>(content) {
            assert_eq!(event.json()["content"], value);
        }
    }
}

/// There is no history to go on from.
fn a_last_event_id_changes_nothing(daemon: Daemon) {
    let mut source = daemon.client();
    source.publish("a", json!("before"));
    source.expect_no_answer();
    let mut raw = daemon.raw();
    raw.send(events_request("channel=a", &format!("{}Last-Event-ID: 17\r\n", bearer(ALL))));
    let mut listener = EventListener::read(raw);
    source.publish("a", json!("after"));
    listener.expect_publish("a", json!("after"));
}

fn http_1_0_has_streams_too(daemon: Daemon) {
    let mut raw = daemon.raw();
    raw.send(format!("GET /events?channel=a HTTP/1.0\r\n{}\r\n", bearer(ALL)));
    let mut listener = EventListener::read(raw);
    Source::of(&daemon).publish("a", "1");
    listener.expect_publish("a", json!(1));
}

/// One by one, and all in one go: answers come in the order of the requests, and what was published before is not in the
/// stream.
fn a_stream_may_begin_behind_other_requests(daemon: Daemon) {
    let mut kept = Source::of(&daemon);
    kept.publish("a", r#""before""#);
    let mut one_by_one = EventListener::begin(kept.into_raw(), ALL, &["a"]);
    let mut at_once = {
        let source = Source::of(&daemon);
        let posts: String = (0..3).map(|number| source.request("a", &number.to_string())).collect();
        let mut raw = source.into_raw();
        let health = "GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n";
        raw.send(format!("{posts}{health}{}", events_request(&channels_query(&["a", "b"]), &bearer(ALL))));
        (0..3).for_each(|_| expect_answer(&mut raw, 202));
        expect_answer(&mut raw, 200);
        EventListener::read(raw)
    };
    (0..3).for_each(|number| one_by_one.expect_publish("a", json!(number)));
    Source::of(&daemon).publish("a", "3");
    one_by_one.expect_publish("a", json!(3));
    at_once.expect_publish("a", json!(3));
    assert_eq!(daemon.asked()["connections"]["unauthorized"], 0);
}

fn expect_answer(raw: &mut Raw, status: u16) {
    let head = raw.read_head();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
    for _ in 0..length.parse().unwrap() {
        raw.read_some(1);
    }
}

/// A page may read the stream if the settings allow its origin, or name none.
#[test]
fn pages_see_what_they_may() {
    let origin = "Origin: https://shop.example\r\n";
    let request = |more: &str| events_request("channel=a", &format!("{}{more}", bearer(ALL)));
    let headers = |daemon: &Daemon, more: &str| {
        let mut raw = daemon.raw();
        raw.send(request(more));
        let listener = EventListener::read(raw);
        let names = ["Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Vary"];
        names.map(|name| listener.header(name).unwrap_or("").to_owned())
    };
    let open = Daemon::on_shards(1);
    assert_eq!(headers(&open, ""), ["", "", ""]);
    assert_eq!(headers(&open, origin), ["*", "", ""]);
    let named = Setup::on_shards(1).settings("limits: {allowed_origins: ['https://shop.example']}").start();
    assert_eq!(headers(&named, ""), ["", "", ""]);
    assert_eq!(headers(&named, origin), ["https://shop.example", "true", "Origin"]);
    assert_eq!(named.no_events(&request("Origin: https://evil.example\r\n")).status, 403);
    assert_eq!(named.no_events(&request("Origin: null\r\n")).status, 403);
    assert_eq!(named.refused(), "allowed_origins 2");
}
