//! `pusud listen --http` in channels with history: where it goes on, and the file that keeps the id of its stream.

use super::acceptor;
use super::http_server::{HttpRelay, both};
use super::listen::{Output, listen};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

const END: &str = "event: end\ndata: {\"code\":1001,\"reason\":\"\"}\n\n";

/// A message, of a channel with history if it has an id.
fn message(id: Option<&str>, channel: &str, content: u32) -> String {
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    format!("{id}data: {{\"channel\":\"{channel}\",\"content\":{content}}}\n\n")
}

fn event(id: &str, data: &Value) -> String {
    format!("id: {id}\nevent: {}\ndata: {data}\n\n", data["type"].as_str().unwrap())
}

fn begins(id: &str, channel: &str) -> String {
    event(id, &json!({"type": "subscribe_ok", "channel": channel, "position": "p"}))
}

fn kept(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn stream(id: &str, channels: &[&str]) -> Value {
    json!({"version": 1, "positions": {}, "stream": {"id": id, "channels": channels}})
}

#[tokio::test]
async fn it_goes_on_behind_the_last_event() {
    let (acceptor, url) = acceptor().await;
    let out = Output::default();
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened_from(&["a", "b", "x"], "&last=2", None).await;
        relay.say(&begins("1", "a")).await;
        relay
            .say(&(begins("2", "b") + &message(None, "x", 1) + &message(Some("3"), "a", 2) + &message(None, "x", 3)))
            .await;
        relay.say(END).await;

        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened_from(&["a", "b", "x"], "&last=2", Some("3")).await;
        let back = |recovered| json!({"type": "subscribe_ok", "channel": "b", "recovered": recovered, "position": "p"});
        relay
            .say(&(event("4", &back(false)) + &event("5", &json!({"type": "gap", "channel": "a", "position": "p"}))))
            .await;
        // Cut within an event: of that nothing is known.
        relay.say("id: 6\ndata: {\"channel\"").await;
        drop(relay);

        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened_from(&["a", "b", "x"], "&last=2", Some("5")).await;
        relay.say(&message(Some("7"), "b", 4)).await;
        relay.rest().await;
    };
    let args = ["--http", "--last", "2", "--count", "4", "a", "b", "x"];
    let (listened, ()) = both(listen(&url, &args, out.clone()), relay).await;
    listened.unwrap();
    let line = |channel: &str, content: u32| format!("{{\"channel\":\"{channel}\",\"content\":{content}}}\n");
    assert_eq!(out.text(), [line("x", 1), line("a", 2), line("x", 3), line("b", 4)].concat());
}

#[tokio::test]
async fn a_file_keeps_the_id_over_restarts() {
    let (acceptor, url) = acceptor().await;
    let dir = tempdir().unwrap();
    let file = dir.path().join("positions");
    let args = ["--http", "--since", file.to_str().unwrap(), "--count", "1", "a", "b"];
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        assert_eq!(kept(&file), json!({"version": 1, "positions": {}}), "it is made before anything is known");
        relay.listened(&["a", "b"]).await;
        relay.say(&(begins("1", "a") + &begins("2", "b"))).await;
        while kept(&file) != stream("2", &["a", "b"]) {
            tokio::task::yield_now().await;
        }
        relay.say(&(message(Some("3"), "a", 1) + &message(Some("4"), "a", 2))).await;
        relay.rest().await;
    };
    let (listened, ()) = both(listen(&url, &args, Output::default()), relay).await;
    listened.unwrap();
    assert_eq!(kept(&file), stream("3", &["a", "b"]), "not ahead of what was printed");

    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened_from(&["a", "b"], "", Some("3")).await;
        // The operator has taken the history of `b` away.
        relay.say(&(begins("3", "a") + &message(None, "b", 1))).await;
        relay.rest().await;
    };
    let (listened, ()) = both(listen(&url, &args, Output::default()), relay).await;
    listened.unwrap();
    assert_eq!(kept(&file), stream("3", &["a"]));
}

/// What was not sent any more is not taken for had: the last id says so.
#[tokio::test]
async fn the_last_word_counts() {
    let (acceptor, url) = acceptor().await;
    let dir = tempdir().unwrap();
    let file = dir.path().join("positions");
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened(&["a", "b"]).await;
        let ended = json!({"type": "subscription_ended", "channel": "a", "reason": "revoked"});
        relay.say(&(begins("1", "a") + &message(Some("2"), "b", 1) + &event("3", &ended))).await;
        relay.rest().await;
    };
    let args = ["--http", "--since", file.to_str().unwrap(), "a", "b"];
    let (listened, ()) = both(listen(&url, &args, Output::default()), relay).await;
    let error = listened.unwrap_err().to_string();
    assert!(error.contains("the relay ended the subscription to \"a\": revoked"), "{error}");
    assert_eq!(kept(&file)["stream"]["id"], "3");
}

#[tokio::test]
async fn a_file_that_was_kept_otherwise_is_named_before_anything_is_asked() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("positions");
    let path = file.to_str().unwrap();
    let positions = json!({"version": 1, "positions": {"a": "p"}});
    for (url, content, expected) in [
        ("http://127.0.0.1:1", &positions, "holds positions of WebSocket, which are of no use over HTTP"),
        ("ws://127.0.0.1:1", &stream("1", &["a"]), "holds the id of a stream, which is of no use over WebSocket"),
        ("http://127.0.0.1:1", &stream("1", &["a", "b", "c"]), "about b, c as well, and would lose that"),
        ("http://127.0.0.1:1", &stream("1\r\nX: y", &["a"]), "does not hold positions of pusud listen: its id is none"),
    ] {
        fs::write(&file, content.to_string()).unwrap();
        let error = listen(url, &["--since", path, "a"], Output::default()).await.unwrap_err().to_string();
        assert!(error.contains(path) && error.contains(expected), "{error}");
        assert_eq!(kept(&file), *content, "it was changed");
    }
}
