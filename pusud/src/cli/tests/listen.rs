//! `pusud listen`: what it prints, when it comes back and when it gives up.

use super::{DEADLINE, Relay, acceptor, parse};
use crate::cli::Command;
use crate::cli::listen::listen_until;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use std::future::pending;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::{accept_async, accept_hdr_async};

/// Standard output, for looking at.
#[derive(Clone, Default)]
pub(super) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that has gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) async fn listen(url: &str, rest: &[&str], out: impl Write + Send + 'static) -> anyhow::Result<()> {
    let Command::Listen(args) = parse("listen", url, rest) else { panic!("not listen") };
    timeout(DEADLINE, listen_until(args, out, false, pending::<io::Result<()>>)).await.unwrap()
}

#[tokio::test]
async fn listen_prints_a_line_a_message_and_ends_after_count() {
    let (acceptor, url) = acceptor().await;
    let out = Output::default();
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        assert_eq!(relay.subscribe(2).await, ["a", "b"]);
        relay.say(json!({"type": "something new", "channel": "a"})).await;
        relay.say(json!({"type": "publish", "channel": "a", "content": null})).await;
        relay
            .say_text("{\"type\":\"publish\",\"channel\":\"b\",\"content\":{\n \"n\": 1.10,\r\n \"s\":\"\\n\"}}")
            .await;
        relay.say(json!({"type": "publish", "channel": "b", "content": "last"})).await;
        relay.say(json!({"type": "publish", "channel": "b", "content": "one too many"})).await;
        relay.rest().await;
    };
    let (listened, ()) = tokio::join!(listen(&url, &["--count", "3", "a", "b", "a"], out.clone()), relay);
    listened.unwrap();
    let expected = "{\"channel\":\"a\",\"content\":null}\n{\"channel\":\"b\",\"content\":{ \"n\": 1.10, \"s\":\"\\n\"}}\n\
                    {\"channel\":\"b\",\"content\":\"last\"}\n";
    assert_eq!(out.text(), expected);
}

#[tokio::test]
async fn listen_comes_back_and_subscribes_anew() {
    let (acceptor, url) = acceptor().await;
    let out = Output::default();
    let relay = async {
        for (count, code) in [(1, 4001), (2, 1001)] {
            let mut relay = Relay::accept(&acceptor).await;
            relay.subscribe(1).await;
            relay.say(json!({"type": "publish", "channel": "a", "content": count})).await;
            relay.close(code, "").await;
        }
        // Cut without a word.
        drop(Relay::accept(&acceptor).await);
        let mut relay = Relay::accept(&acceptor).await;
        relay.subscribe(1).await;
        relay.say(json!({"type": "publish", "channel": "a", "content": 3})).await;
        relay.rest().await;
    };
    let (listened, ()) = tokio::join!(listen(&url, &["--count", "3", "a"], out.clone()), relay);
    listened.unwrap();
    assert_eq!(out.text().lines().count(), 3, "{}", out.text());
}

#[tokio::test]
async fn listen_gives_up_when_coming_back_does_not_help() {
    let cases = [
        (
            json!({"type": "permission_denied", "channel": "a"}),
            Some(4502),
            "permission_denied for channel \"a\" (close code 4502)",
        ),
        (json!({"type": "unknown_message_received", "reason": "why"}), Some(4500), "unknown_message_received: why"),
        (
            json!({"type": "limit_exceeded", "channel": "b", "reason": "more than max_subscriptions"}),
            Some(4503),
            "limit_exceeded for channel \"b\": more than max_subscriptions (close code 4503)",
        ),
        // The relay of 2018 cuts the connection without a close code.
        (json!({"type": "permission_denied"}), None, "the relay refused: permission_denied"),
    ];
    for (answer, code, expected) in cases {
        let (acceptor, url) = acceptor().await;
        let relay = async {
            let mut relay = Relay::accept(&acceptor).await;
            relay.hear().await;
            relay.say(answer).await;
            if let Some(code) = code {
                relay.close(code, "").await;
            }
        };
        let (listened, ()) = tokio::join!(listen(&url, &["a"], Output::default()), relay);
        let error = format!("{:#}", listened.unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn without_reconnect_the_end_of_the_connection_is_the_end() {
    let (acceptor, url) = acceptor().await;
    let relay = async { Relay::accept(&acceptor).await.close(1001, "going away").await };
    let (listened, ()) = tokio::join!(listen(&url, &["--no-reconnect", "a"], Output::default()), relay);
    let error = listened.unwrap_err().to_string();
    assert_eq!(error, "the relay closed the connection (close code 1001: going away)");
    drop(acceptor);
    let error = listen(&url, &["--no-reconnect", "a"], Output::default()).await.unwrap_err().to_string();
    assert!(error.contains(&format!("cannot connect to {url}: ")) && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn listen_ends_quietly_when_its_reader_goes_and_when_stopped() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        relay.subscribe(1).await;
        relay.say(json!({"type": "publish", "channel": "a", "content": 1})).await;
        relay.rest().await;
    };
    let (listened, ()) = tokio::join!(listen(&url, &["a"], Closed), relay);
    listened.unwrap();

    let Command::Listen(args) = parse("listen", &url, &["a"]) else { panic!("not listen") };
    let stop = async || {
        let mut relay = Relay::accept(&acceptor).await;
        relay.subscribe(1).await;
        Ok(())
    };
    timeout(DEADLINE, listen_until(args, Output::default(), false, stop)).await.unwrap().unwrap();
}

#[tokio::test]
#[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
async fn what_is_no_relay_hears_no_secret() {
    let (acceptor, url) = acceptor().await;
    let stranger = async {
        let mut stranger = accept_async(acceptor.accept().await.unwrap().0).await.unwrap();
        stranger.send(Message::text("{\"type\":\"welcome\"}")).await.unwrap();
        assert!(!matches!(stranger.next().await, Some(Ok(Message::Text(_)))), "the client said something");
    };
    let (listened, ()) = tokio::join!(listen(&url, &["a"], Output::default()), stranger);
    let error = listened.unwrap_err().to_string();
    assert!(error.contains("this is no relay of PuSu"), "{error}");

    let web_server = async {
        let refuse = |_: &_, _| Err(Response::builder().status(404).body(None).unwrap());
        accept_hdr_async(acceptor.accept().await.unwrap().0, refuse).await.unwrap_err();
    };
    let (listened, ()) = tokio::join!(listen(&url, &["a"], Output::default()), web_server);
    let error = listened.unwrap_err().to_string();
    assert!(error.contains("found a server that answers HTTP 404"), "{error}");
}
