//! `pusud publish`: what it takes, and that it ends when everything was taken or refused.

use super::{DEADLINE, Relay, acceptor, parse};
use crate::cli::Command;
use crate::cli::publish::publish_from;
use serde_json::json;
use std::io::{self, Cursor};
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(super) async fn publish(url: &str, rest: &[&str], input: &str) -> anyhow::Result<()> {
    let Command::Publish(args) = parse("publish", url, rest) else { panic!("not publish") };
    timeout(DEADLINE, publish_from(args, Cursor::new(input.to_owned()))).await.unwrap()
}

#[tokio::test]
async fn publish_sends_text_or_json_and_waits_until_it_is_taken() {
    for (args, expected) in [
        (&["a", "going \"once\""][..], json!("going \"once\"")),
        (&["a", "12"], json!("12")),
        (&["--json", "a", " {\"bid\": [1, null]} "], json!({"bid": [1, null]})),
        (&["--json", "a", "-5"], json!(-5)),
    ] {
        let (acceptor, url) = acceptor().await;
        let relay = async {
            let mut relay = Relay::accept(&acceptor).await;
            assert_eq!(relay.hear().await, json!({"type": "publish", "channel": "a", "content": expected}));
            relay.rest().await;
        };
        let (published, ()) = tokio::join!(publish(&url, args, ""), relay);
        published.unwrap();
    }
}

#[tokio::test]
async fn publish_says_why_it_was_refused() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        relay.hear().await;
        relay.say(json!({"type": "permission_denied", "channel": "a", "reason": "no write permission"})).await;
        relay.close(4502, "permission denied").await;
    };
    let (published, ()) = tokio::join!(publish(&url, &["a", "x"], ""), relay);
    let error = published.unwrap_err().to_string();
    let expected = "the relay refused: permission_denied for channel \"a\": no write permission (close code 4502: \
                    permission denied)";
    assert_eq!(error, expected);
}

#[tokio::test]
async fn publish_takes_every_line_of_its_input() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        for expected in ["one", "", "three"] {
            assert_eq!(relay.hear().await["content"], expected);
        }
        relay.rest().await;
    };
    let (published, ()) = tokio::join!(publish(&url, &["a"], "one\n\r\nthree"), relay);
    published.unwrap();
}

#[tokio::test]
async fn a_bad_line_ends_publish_after_the_lines_before_it_were_taken() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        assert_eq!(relay.hear().await["content"], 1);
        relay.rest().await;
    };
    let (published, ()) = tokio::join!(publish(&url, &["--json", "a"], "1\n{\n3\n"), relay);
    let error = format!("{:#}", published.unwrap_err());
    assert!(error.starts_with("line 2 of standard input: expected JSON (--json), found something else"), "{error}");
    // On the command line it is seen before anything is connected.
    let error = format!("{:#}", publish("ws://127.0.0.1:1", &["--json", "a", "{"], "").await.unwrap_err());
    assert!(error.starts_with("CONTENT: expected JSON"), "{error}");
}

/// A relay that holds up its sources is no dead one, however long it takes altogether.
#[tokio::test]
async fn publish_outlasts_a_relay_that_takes_slowly() {
    const LINES: usize = 24;
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        for _ in 0..LINES {
            sleep(Duration::from_millis(150)).await;
            relay.hear().await;
        }
        relay.rest().await;
    };
    let lines = format!("{}\n", "x".repeat(1 << 20)).repeat(LINES);
    let (published, ()) = tokio::join!(publish(&url, &["--patience", "1s", "a"], &lines), relay);
    published.unwrap();
}

#[tokio::test]
async fn publish_renews_while_no_line_comes() {
    let (acceptor, url) = acceptor().await;
    let (reader, lines) = io::pipe().unwrap();
    let relay = async {
        let mut relay = Relay::accept(&acceptor).await;
        relay.say(json!({"type": "authorization_expiring", "seconds": 1})).await;
        assert_eq!(relay.hear().await, json!({"type": "authorize", "authorization": "word"}));
        relay.say(json!({"type": "authorization_ok"})).await;
        drop(lines);
        relay.rest().await;
    };
    let Command::Publish(args) = parse("publish", &url, &["a"]) else { panic!("not publish") };
    let (published, ()) = tokio::join!(publish_from(args, reader), relay);
    published.unwrap();
}
