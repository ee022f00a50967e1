//! History over HTTP: what a channel has had lately, or since a position, in one answer.

use super::source::Source;
use crate::harness::{ALL, Answer, Daemon, Http, Request, Setup, escaped};
use serde_json::{Value, json};

crate::on_1_and_3_shards!(
    the_newest_and_those_since_a_position,
    names_have_escapes,
    a_stream_goes_on_where_an_answer_ends,
    much_comes_in_pages,
    reading_needs_the_permission_to_read,
);

/// A relay in place of one without history, with as many shards.
pub(super) fn with_history(daemon: Daemon) -> Daemon {
    let shards = daemon.asked()["shards"].as_u64().unwrap() as usize;
    drop(daemon);
    Setup::on_shards(shards).settings("history: [{channels: [h, 'h.*'], size: 2000, ttl: 1h}]").start()
}

/// What a channel's history has.
#[track_caller]
pub(super) fn read(http: &mut Http, channel: &str, query: &str) -> Value {
    let answer = http.get(&format!("/history/{}?{query}", escaped(channel))).expect(200);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    answer.json()
}

/// The text at a key.
#[track_caller]
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no text at {key}: {value}"))
}

fn contents(answer: &Value) -> Vec<Value> {
    answer["messages"].as_array().expect("a list").iter().map(|message| message["content"].clone()).collect()
}

#[track_caller]
fn expect_refused(answer: Answer, status: u16, words: &str) {
    let problem = answer.expect_problem(status);
    assert!(text(&problem, "detail").contains(words), "{words}: {problem}");
}

fn the_newest_and_those_since_a_position(daemon: Daemon) {
    let daemon = with_history(daemon);
    let mut http = daemon.http();
    let empty = read(&mut http, "h", "last=10");
    assert_eq!((&empty["channel"], &empty["messages"]), (&json!("h"), &json!([])));
    let nothing = read(&mut http, "h", &format!("since={}", text(&empty, "position")));
    assert_eq!(
        (&nothing["recovered"], &nothing["missed"], &nothing["messages"]),
        (&json!(true), &json!(0), &json!([]))
    );
    let mut source = Source::of(&daemon);
    (1..=5).for_each(|number| source.publish("h", &format!(r#"{{"n": {number}}}"#)));
    let newest = http.get("/history/h?last=2").expect(200).body;
    let shown: Value = serde_json::from_str(&newest).unwrap();
    assert_eq!(contents(&shown), [json!({"n": 4}), json!({"n": 5})]);
    assert!(newest.contains(r#","content":{"n": 5}}"#), "as it was published: {newest}");
    assert_eq!(shown["messages"][1]["position"], shown["position"]);
    assert_eq!(shown.as_object().unwrap().keys().collect::<Vec<_>>(), ["channel", "position", "messages"]);
    let since = |http: &mut Http, position: &str| read(http, "h", &format!("since={position}"));
    let missed = since(&mut http, text(&empty, "position"));
    assert_eq!(
        (&missed["recovered"], &missed["missed"], missed["messages"].as_array().unwrap().len()),
        (&json!(true), &json!(5), 5)
    );
    for (at, message) in missed["messages"].as_array().unwrap().iter().enumerate() {
        let behind = since(&mut http, text(message, "position"));
        assert_eq!(contents(&behind), (at + 2..=5).map(|number| json!({"n": number})).collect::<Vec<_>>());
    }
    for strange in ["", "nonsense", "AABN-AAAAAF.12", &format!("{}9", text(&missed, "position"))] {
        let answer = since(&mut http, strange);
        assert_eq!((&answer["recovered"], &answer["messages"]), (&json!(false), &json!([])), "{strange}");
        assert_eq!(answer.get("missed"), None);
        assert_eq!(since(&mut http, text(&answer, "position"))["recovered"], true);
    }
    assert_eq!(contents(&read(&mut http, "h", "last=0")), Vec::<Value>::new());
    assert_eq!(contents(&read(&mut http, "h", "last=4294967295")).len(), 5);
    let head = http.ask(&Request::new("HEAD", "/history/h?last=2")).expect(200);
    assert_eq!(head.header("Content-Length"), Some(&*newest.len().to_string()));
    // Nobody has come back.
    let status = daemon.asked();
    assert_eq!(status["subscriptions"], 0);
}

fn names_have_escapes(daemon: Daemon) {
    let daemon = with_history(daemon);
    let mut http = daemon.http();
    let mut source = Source::of(&daemon);
    for channel in ["h.a/b?c&d=e+f %\u{e4}\u{1f600}\"\\", "h.+", "h.a%2Fb"] {
        source.publish(channel, "1");
        let answer = read(&mut http, channel, "last=1");
        assert_eq!((&answer["channel"], contents(&answer)), (&json!(channel), vec![json!(1)]));
    }
    // Slashes need no escapes.
    source.publish("h.x/y", "2");
    assert_eq!(contents(&http.get("/history/h.x/y?last=1").expect(200).json()), [json!(2)]);
    for target in ["/history/h%", "/history/h%ff"] {
        expect_refused(http.get(&format!("{target}?last=1")), 400, "escapes");
    }
}

/// A page loads what there is, and listens from there on: over both kinds of connections, without a hole and without a double.
fn a_stream_goes_on_where_an_answer_ends(daemon: Daemon) {
    const MESSAGES: u64 = 400;
    let daemon = with_history(daemon);
    std::thread::scope(|scope| {
        let daemon = &daemon;
        scope.spawn(move || {
            let mut source = Source::of(daemon);
            (1..=MESSAGES).for_each(|number| source.publish("h", &number.to_string()));
        });
        for _ in 0..10 {
            let loaded = read(&mut daemon.http(), "h", "last=2000");
            let mut expected = contents(&loaded).len() as u64;
            let mut client = daemon.client();
            client.send(json!({"type": "subscribe", "channel": "h", "since": loaded["position"]}));
            assert_eq!(client.next_json()["recovered"], true);
            while expected < MESSAGES {
                expected += 1;
                assert_eq!(client.next_json()["content"], json!(expected));
            }
        }
    });
    let all = read(&mut daemon.http(), "h", "last=2000");
    assert_eq!(contents(&all), (1..=MESSAGES).map(|number| json!(number)).collect::<Vec<_>>());
}

fn much_comes_in_pages(daemon: Daemon) {
    const MESSAGES: u64 = 40;
    let daemon = with_history(daemon);
    let mut http = daemon.http();
    let begin = read(&mut http, "h", "last=0");
    let mut source = Source::of(&daemon);
    let content = |number: u64| format!(r#"{{"n":{number},"x":"{}"}}"#, "x".repeat(100_000));
    (1..=MESSAGES).for_each(|number| source.publish("h", &content(number)));
    for first in [format!("since={}", text(&begin, "position")), "last=2000".to_owned()] {
        let (mut query, mut numbers, mut pages) = (first, Vec::new(), 0);
        loop {
            let page = http.get(&format!("/history/h?{query}")).expect(200);
            assert!(page.body.len() < (1 << 20) + 110_000, "{}", page.body.len());
            let page = page.json();
            let messages = page["messages"].as_array().unwrap();
            numbers.extend(messages.iter().map(|message| message["content"]["n"].as_u64().unwrap()));
            pages += 1;
            if page.get("more").is_none() {
                break;
            }
            assert_eq!((&page["more"], &page["position"]), (&json!(true), &messages.last().unwrap()["position"]));
            query = format!("since={}", text(&page, "position"));
        }
        assert_eq!((numbers, pages), ((1..=MESSAGES).collect(), 4));
    }
    // Of a message that is longer than a page there is one.
    drop(source);
    assert_eq!(read(&mut http, "h", "last=1")["messages"].as_array().unwrap().len(), 1);
}

fn reading_needs_the_permission_to_read(daemon: Daemon) {
    let daemon = with_history(daemon);
    Source::of(&daemon).publish("h", "1");
    let get = |words: &str| Request::get("/history/h?last=1").bearer(words);
    let mut http = daemon.http();
    http.ask(&get("read=h")).expect(200);
    expect_refused(http.ask(&get("write=h read=other")), 403, "no permission to read the channel h");
    expect_refused(http.ask(&Request::get("/history/h?last=1").without("Authorization")), 403, "no permission");
    // Who may not read it is not told whether it has history.
    expect_refused(http.ask(&Request::get("/history/x?last=1").bearer("read=h")), 403, "no permission");
    expect_refused(daemon.http().ask(&get("refuse=because")), 401, "because");
    expect_refused(daemon.http().ask(&get("unavailable")), 503, "try again");
    // As for events, the query may have the authorization; a header comes first.
    let query = "/history/h?last=1&authorization=read%3Dh";
    let in_query = Request::get(query);
    http.ask(&in_query.clone().without("Authorization")).expect(200);
    expect_refused(http.ask(&in_query.clone().bearer("read=x")), 403, "no permission");
    http.ask(&get("read=h")).expect(200);
    expect_refused(http.ask(&in_query.without("Authorization").header("Authorization: Digest a")), 401, "scheme");
    // The authenticator is told which path it is, also behind another one.
    let told = Request::post("/publish/h", "1").bearer("attribute=http.path");
    expect_refused(daemon.http().ask(&told), 401, "/publish");
    expect_refused(daemon.http().ask(&get("attribute=http.path")), 401, "/history");
}

#[test]
fn what_is_no_request_for_history() {
    let daemon = with_history(Daemon::on_shards(1));
    let mut http = daemon.http();
    for query in ["", "?", "?lust=1", "?last=1&since=a", "?last=1&last=1", "?since=a&since=a", "?authorization=a"] {
        expect_refused(http.get(&format!("/history/h{query}")), 400, "/history/CHANNEL?last=COUNT");
    }
    for count in ["", "x", "-1", "%2B1", "1.0", "4294967296", "+1", "0x1"] {
        expect_refused(http.get(&format!("/history/h?last={count}")), 400, "?last=10");
    }
    expect_refused(http.get("/history/h?last=%"), 400, "escapes");
    expect_refused(http.get("/history/?last=1"), 400, "channel");
    expect_refused(http.get(&format!("/history/{}?last=1", "x".repeat(2000))), 400, "longer than 255 bytes");
    expect_refused(http.get("/history/x?last=1"), 404, "no history");
    expect_refused(http.get("/history?last=1"), 404, "/history/CHANNEL");
    let answer = http.ask(&Request::post("/history/h?last=1", "1"));
    assert_eq!(answer.header("Allow"), Some("GET, HEAD, OPTIONS"));
    answer.expect_problem(405);
    let with_body = Request::get("/history/h?last=1").header("Content-Length: 1");
    expect_refused(daemon.http().ask(&with_body), 400, "no body");
    let without = Daemon::on_shards(1);
    expect_refused(without.http().get("/history/h?last=1"), 404, "no history");
}

#[test]
fn pages_of_other_origins_read_history() {
    let daemon = with_history(Daemon::on_shards(1));
    let from = |request: Request| request.header("Origin: https://shop.example");
    let mut http = daemon.http();
    let answer = http.ask(&from(Request::new("OPTIONS", "/history/h"))).expect(204);
    assert_eq!(answer.header("Access-Control-Allow-Methods"), Some("GET, HEAD, OPTIONS"));
    for answer in
        [http.ask(&from(Request::get("/history/h?last=1"))), http.ask(&from(Request::get("/history/x?last=1")))]
    {
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"), "{answer:?}");
    }
    let settings = "history: [{channels: [h], size: 9, ttl: 1h}]\nlimits: {allowed_origins: ['https://a.example']}";
    let daemon = Setup::on_shards(1).settings(settings).start();
    expect_refused(daemon.http().ask(&from(Request::get("/history/h?last=1"))), 403, "origin");
}

/// Not the permissions of another path count that were asked for on the same connection.
#[test]
fn what_a_source_may_read_is_asked_for_this_path() {
    let daemon = with_history(Daemon::on_shards(1));
    let mut http = daemon.http();
    http.ask(&Request::post("/publish/h", "1").bearer(ALL)).expect(202);
    http.ask(&Request::post("/publish/h", "2").bearer(ALL)).expect(202);
    assert_eq!(contents(&read(&mut http, "h", "last=9")), [json!(1), json!(2)]);
    http.ask(&Request::post("/publish/h", "3").bearer(ALL)).expect(202);
    assert_eq!(contents(&read(&mut http, "h", "last=1")), [json!(3)]);
}
