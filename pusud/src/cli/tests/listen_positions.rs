//! `pusud listen` in channels with history: where it goes on, what it says of losses, and the file of its positions.

use super::listen::{Output, listen};
use super::{Relay, acceptor};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

fn publication(channel: &str, position: &str, content: impl Into<Value>) -> Value {
    json!({"type": "publish", "channel": channel, "position": position, "content": content.into()})
}

fn subscribe(channel: &str, field: &str, value: impl Into<Value>) -> Value {
    json!({"type": "subscribe", "channel": channel, field: value.into()})
}

fn kept(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn a_listener_goes_on_behind_what_it_had_last() {
    let (acceptor, url) = acceptor().await;
    let out = Output::default();
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        assert_eq!(relay.hear().await, subscribe("a", "last", 2));
        assert_eq!(relay.hear().await, subscribe("b", "last", 2));
        relay.say(json!({"type": "subscribe_ok", "channel": "a", "last": 1, "position": "p0"})).await;
        relay.say(publication("a", "p1", 1)).await;
        // It has no history.
        relay.say(json!({"type": "subscribe_ok", "channel": "b", "last": 0})).await;
        relay.say(json!({"type": "gap", "channel": "a", "position": "p2"})).await;
        relay.close(1001, "").await;

        let mut relay = Relay::accept(&acceptor).await;
        assert_eq!(relay.hear().await, subscribe("a", "since", "p2"));
        assert_eq!(relay.hear().await, subscribe("b", "last", 2));
        relay.say(json!({"type": "subscribe_ok", "channel": "b", "last": 0})).await;
        let recovered =
            json!({"type": "subscribe_ok", "channel": "a", "recovered": true, "missed": 2, "position": "p2"});
        relay.say(recovered).await;
        relay.say(publication("a", "p3", 2)).await;
        // In the middle of what it has missed.
        relay.close(4001, "").await;

        let mut relay = Relay::accept(&acceptor).await;
        assert_eq!(relay.hear().await, subscribe("a", "since", "p3"));
        relay.hear().await;
        relay.say(json!({"type": "subscribe_ok", "channel": "a", "recovered": false, "position": "p9"})).await;
        relay.say(json!({"type": "subscribe_ok", "channel": "b", "last": 0})).await;
        relay.close(4002, "").await;

        let mut relay = Relay::accept(&acceptor).await;
        assert_eq!(relay.hear().await, subscribe("a", "since", "p9"));
        relay.say(publication("a", "p10", "last")).await;
        relay.rest().await;
    };
    let (listened, ()) = tokio::join!(listen(&url, &["--last", "2", "--count", "3", "a", "b"], out.clone()), relay);
    listened.unwrap();
    let expected = "{\"channel\":\"a\",\"position\":\"p1\",\"content\":1}\n{\"channel\":\"a\",\"position\":\"p3\",\"content\":2}\n\
                    {\"channel\":\"a\",\"position\":\"p10\",\"content\":\"last\"}\n";
    assert_eq!(out.text(), expected);
}

#[tokio::test]
async fn a_file_keeps_positions_over_restarts() {
    let (acceptor, url) = acceptor().await;
    let dir = tempdir().unwrap();
    let file = dir.path().join("positions");
    let args = ["--since", file.to_str().unwrap(), "--count", "1", "a", "b"];
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        // It is made before anything is known.
        assert_eq!(kept(&file), json!({"version": 1, "positions": {}}));
        assert_eq!(relay.hear().await, json!({"type": "subscribe", "channel": "a"}));
        assert_eq!(relay.hear().await, json!({"type": "subscribe", "channel": "b"}));
        relay.say(json!({"type": "subscribe_ok", "channel": "b", "position": "b0"})).await;
        relay.say(json!({"type": "subscribe_ok", "channel": "a", "position": "a0"})).await;
        relay.say(publication("a", "a1", 1)).await;
        relay.say(publication("a", "a2", 2)).await;
        relay.rest().await;
    };
    let (listened, ()) = tokio::join!(listen(&url, &args, Output::default()), relay);
    listened.unwrap();
    assert_eq!(kept(&file), json!({"version": 1, "positions": {"a": "a1", "b": "b0"}}));

    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        assert_eq!(relay.hear().await, subscribe("a", "since", "a1"));
        assert_eq!(relay.hear().await, subscribe("b", "since", "b0"));
        // The operator has taken the history of `b` away.
        relay.say(json!({"type": "subscribe_ok", "channel": "b", "recovered": false})).await;
        relay
            .say(json!({"type": "subscribe_ok", "channel": "a", "recovered": true, "missed": 1, "position": "a1"}))
            .await;
        relay.say(publication("a", "a2", 2)).await;
        relay.rest().await;
    };
    let (listened, ()) = tokio::join!(listen(&url, &args, Output::default()), relay);
    listened.unwrap();
    assert_eq!(kept(&file), json!({"version": 1, "positions": {"a": "a2"}}));
}

/// A relay that says nothing more, and nobody who ends it.
#[tokio::test]
async fn a_file_is_written_while_nothing_comes() {
    let (acceptor, url) = acceptor().await;
    let dir = tempdir().unwrap();
    let file = dir.path().join("positions");
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        relay.hear().await;
        relay.say(json!({"type": "subscribe_ok", "channel": "a", "position": "a0"})).await;
        relay.say(publication("a", "a1", 1)).await;
        while kept(&file)["positions"]["a"] != "a1" {
            tokio::task::yield_now().await;
        }
        relay.say(publication("a", "a2", 2)).await;
        relay.rest().await;
    };
    let args = ["--since", file.to_str().unwrap(), "--count", "2", "a"];
    let (listened, ()) = tokio::join!(listen(&url, &args, Output::default()), relay);
    listened.unwrap();
    assert_eq!(kept(&file)["positions"]["a"], "a2");
}

#[tokio::test]
async fn a_file_that_is_of_no_use_is_named_before_anything_is_asked() {
    let dir = tempdir().unwrap();
    let broken = dir.path().join("broken");
    let nowhere = dir.path().join("none/there");
    for (path, text, parts) in [
        (&broken, Some(""), ["it is empty", "remove it to begin now"]),
        (&broken, Some("{\"version\":1,\"posit"), ["EOF while parsing", "name another file"]),
        (&broken, Some("{\"version\":2,\"positions\":{}}"), ["version 2", "name another file"]),
        (&nowhere, None, ["cannot keep positions in ", "No such file"]),
        (&dir.path().to_owned(), None, ["cannot read the positions in ", "directory"]),
    ] {
        if let Some(text) = text {
            fs::write(path, text).unwrap();
        }
        let path = path.to_str().unwrap();
        let error = listen("ws://127.0.0.1:1", &["--since", path, "a"], Output::default()).await.unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(path) && parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(text.is_none_or(|text| fs::read_to_string(path).unwrap() == text), "{path} was changed");
    }
}
