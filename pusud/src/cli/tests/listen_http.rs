//! `pusud listen --http`: prints what it prints over WebSocket, and comes back or gives up as it does there.

use super::acceptor;
use super::http_server::{HttpRelay, both};
use super::listen::{Output, listen};
use serde_json::json;

fn message(channel: &str, content: &str) -> String {
    format!("data: {{\"channel\":\"{channel}\",\"content\":{content}}}\n\n")
}

#[tokio::test]
async fn listen_prints_a_line_a_message_and_ends_after_count() {
    let (acceptor, url) = acceptor().await;
    let url = url.replace("ws://", "http://");
    let out = Output::default();
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened(&["a", "b%20c"]).await;
        relay.say("event: something new\ndata: 1\n\n:\n\n").await;
        relay.say(&message("a", "null")).await;
        relay.say("data: {\"channel\":\"b c\",\"content\":{\ndata:  \"n\": 1.10,\ndata:  \"s\":\"\\n\"}}\n\n").await;
        relay.say(&message("b c", "\"last\"")).await;
        relay.say(&message("b c", "\"one too many\"")).await;
        relay.rest().await;
    };
    let listening = listen(&url, &["--count", "3", "a", "b c", "a"], out.clone());
    let (listened, ()) = both(listening, relay).await;
    listened.unwrap();
    let expected = "{\"channel\":\"a\",\"content\":null}\n{\"channel\":\"b c\",\"content\":{ \"n\": 1.10, \"s\":\"\\n\"}}\n\
                    {\"channel\":\"b c\",\"content\":\"last\"}\n";
    assert_eq!(out.text(), expected);
}

#[tokio::test]
async fn listen_comes_back() {
    let (acceptor, url) = acceptor().await;
    let out = Output::default();
    let relay = async {
        for (number, end) in [
            ("1", "event: end\ndata: {\"code\":4001,\"reason\":\"slow consumer\"}\n\n"),
            ("2", "event: end\nretry: 10\ndata: {\"code\":1001,\"reason\":\"\"}\n\n"),
            // Cut without a word.
            ("3", ""),
        ] {
            let mut relay = HttpRelay::accept(&acceptor).await;
            relay.listened(&["a"]).await;
            relay.say(&message("a", number)).await;
            relay.say(end).await;
        }
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.asked().await.unwrap();
        relay.problem("503 Service Unavailable", "Retry-After: 0\r\n", "draining").await;
        // A proxy writes the answer anew.
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.asked().await.unwrap();
        relay.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        let events = format!("event: subscribed\ndata: {{\"channels\":[\"a\"]}}\n\n{}", message("a", "4"));
        for part in events.as_bytes().chunks(7) {
            relay.say(&format!("{:x}\r\n{}\r\n", part.len(), std::str::from_utf8(part).unwrap())).await;
        }
        relay.rest().await;
    };
    let (listened, ()) = both(listen(&url, &["--http", "--count", "4", "a"], out.clone()), relay).await;
    listened.unwrap();
    let expected: String = (1..=4).map(|number| format!("{{\"channel\":\"a\",\"content\":{number}}}\n")).collect();
    assert_eq!(out.text(), expected);
}

/// Nothing can be sent on the connection to renew the authorization; another connection may do with the same one.
#[tokio::test]
async fn listen_comes_back_when_an_authorization_ends_that_was_said_to() {
    let (acceptor, url) = acceptor().await;
    let out = Output::default();
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened(&["a"]).await;
        for (kind, data) in [
            ("authorization_expiring", json!({"type": "authorization_expiring", "seconds": 0})),
            ("authorization_failed", json!({"type": "authorization_failed", "reason": "expired"})),
            ("end", json!({"code": 4501, "reason": "authorization failed"})),
        ] {
            relay.say(&format!("event: {kind}\ndata: {data}\n\n")).await;
        }
        drop(relay);
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened(&["a"]).await;
        relay.say(&message("a", "1")).await;
        relay.rest().await;
    };
    let (listened, ()) = both(listen(&url, &["--http", "--count", "1", "a"], out.clone()), relay).await;
    listened.unwrap();
    assert_eq!(out.text(), "{\"channel\":\"a\",\"content\":1}\n");
}

#[tokio::test]
async fn listen_gives_up_when_coming_back_does_not_help() {
    for (status, detail, expected) in [
        ("401 Unauthorized", "expired", "the relay refused: authorization_failed: expired (HTTP 401)"),
        (
            "403 Forbidden",
            "no permission to read",
            "permission_denied for channel \"a\": no permission to read (HTTP 403)",
        ),
        (
            "431 Request Header Fields Too Large",
            "long",
            "Request Header Fields Too Large for channel \"a\": long (HTTP 431)",
        ),
    ] {
        let (acceptor, url) = acceptor().await;
        let relay = async {
            let mut relay = HttpRelay::accept(&acceptor).await;
            relay.asked().await.unwrap();
            relay.problem(status, "Connection: close\r\n", detail).await;
        };
        let (listened, ()) = both(listen(&url, &["--http", "a"], Output::default()), relay).await;
        let error = format!("{:#}", listened.unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened(&["a"]).await;
        let refusal = json!({"type": "authorization_failed", "reason": "revoked"});
        relay.say(&format!("event: authorization_failed\ndata: {refusal}\n\n")).await;
        relay.say("event: end\ndata: {\"code\":4501,\"reason\":\"authorization failed\"}\n\n").await;
    };
    let (listened, ()) = both(listen(&url, &["--http", "a"], Output::default()), relay).await;
    let expected = "the relay refused: authorization_failed: revoked (close code 4501: authorization failed)";
    assert_eq!(listened.unwrap_err().to_string(), expected);
}

#[tokio::test]
async fn without_reconnect_the_end_of_the_connection_is_the_end() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened(&["a"]).await;
        relay.say("event: end\ndata: {\"code\":1001,\"reason\":\"going away\"}\n\n").await;
    };
    let (listened, ()) = both(listen(&url, &["--http", "--no-reconnect", "a"], Output::default()), relay).await;
    let error = listened.unwrap_err().to_string();
    assert_eq!(error, "the relay closed the connection (close code 1001: going away)");
    drop(acceptor);
    let error = listen(&url, &["--http", "--no-reconnect", "a"], Output::default()).await.unwrap_err().to_string();
    assert!(error.contains(&format!("cannot connect to {url}: ")) && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_relay_that_says_nothing_is_given_up_and_one_that_says_that_it_lives_is_not() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.listened(&["a"]).await;
        for _ in 0..8 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            relay.say(":\n\n").await;
        }
        relay.rest().await;
    };
    let begun = std::time::Instant::now();
    let args = ["--http", "--no-reconnect", "--patience", "1s", "a"];
    let (listened, ()) = both(listen(&url, &args, Output::default()), relay).await;
    let error = listened.unwrap_err().to_string();
    assert!(error.starts_with("the relay has been silent for 1."), "{error}");
    assert!(begun.elapsed().as_millis() > 2000, "{:?}", begun.elapsed());
}
