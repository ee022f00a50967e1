//! `pusud publish --http`: one request a message, many on their way, and the same words for the same refusals.

use super::http_server::{HttpRelay, both};
use super::publish::publish;
use super::{DEADLINE, acceptor, parse};
use crate::cli::Command;
use crate::cli::publish::publish_from;
use serde_json::json;
use std::io::{self, Write as _};
use tokio::time::timeout;

#[tokio::test]
async fn publish_sends_text_or_json_and_waits_until_it_is_accepted() {
    for (args, expected) in [
        (&["a", "going \"once\""][..], json!("going \"once\"")),
        (&["--json", "a", " {\"bid\": [1, null]} "], json!({"bid": [1, null]})),
    ] {
        let (acceptor, url) = acceptor().await;
        let url = url.replace("ws://", "http://");
        let relay = async {
            let mut relay = HttpRelay::accept(&acceptor).await;
            assert_eq!(relay.published().await, Some(expected));
            relay.accepted().await;
            assert_eq!(relay.published().await, None);
        };
        let (published, ()) = both(publish(&url, args, ""), relay).await;
        published.unwrap();
    }
}

#[tokio::test]
async fn a_url_can_have_a_path_and_a_channel_any_name() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        let asked = relay.asked().await.unwrap();
        assert_eq!(asked.line, "POST /pusu/publish/a%2F..%20%C3%A4?key=1");
        assert_eq!(asked.header("host"), Some(&url["ws://".len()..]));
        relay.accepted().await;
    };
    let to = format!("{url}/pusu/?key=1");
    let (published, ()) = both(publish(&to, &["--http", "a/.. ä", "x"], ""), relay).await;
    published.unwrap();
}

#[tokio::test]
async fn refusals_have_the_words_that_they_have_over_websocket() {
    for (status, detail, expected) in [
        (
            "401 Unauthorized",
            "unknown password",
            "the relay refused: authorization_failed: unknown password (HTTP 401)",
        ),
        (
            "403 Forbidden",
            "no permission to write",
            "the relay refused: permission_denied for channel \"a\": no permission to write (HTTP 403)",
        ),
        (
            "429 Too Many Requests",
            "faster than publish_rate",
            "the relay refused: limit_exceeded for channel \"a\": faster than publish_rate (HTTP 429)",
        ),
    ] {
        let (acceptor, url) = acceptor().await;
        let relay = async {
            let mut relay = HttpRelay::accept(&acceptor).await;
            relay.published().await.unwrap();
            relay.problem(status, "", detail).await;
        };
        let (published, ()) = both(publish(&url, &["--http", "a", "x"], ""), relay).await;
        assert_eq!(published.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_or_reached_is_said() {
    let error = publish("http://127.0.0.1:1", &["a", "x"], "").await.unwrap_err().to_string();
    assert!(error.starts_with("cannot connect to http://127.0.0.1:1: ") && error.contains("refused"), "{error}");
    let line = ["pusud", "publish", "--http", "--authorization", "two\nlines", "a", "x"];
    let Command::Publish(args) = <super::Args as clap::Parser>::parse_from(line).command.unwrap() else { panic!() };
    let error = publish_from(args, io::empty()).await.unwrap_err().to_string();
    assert!(error.contains("cannot be sent over HTTP") && error.contains("a line end at byte 3"), "{error}");
    assert!(!error.contains("lines"), "{error}");
}

/// Behind the first answer so many requests are on their way that the relay never waits for the next.
#[tokio::test]
async fn lines_do_not_wait_for_each_other() {
    const LINES: usize = 500;
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        assert_eq!(relay.published().await, Some(json!("0")));
        assert_eq!(relay.ahead(), 0, "before it is authorized there is one");
        relay.accepted().await;
        for begun in (1..LINES).step_by(64) {
            let round = begun..LINES.min(begun + 64);
            for number in round.clone() {
                assert_eq!(relay.published().await, Some(json!(number.to_string())));
            }
            for _ in round {
                relay.accepted().await;
            }
        }
        assert_eq!(relay.published().await, None);
    };
    let lines: String = (0..LINES).map(|number| format!("{number}\n")).collect();
    let (published, ()) = both(publish(&url, &["--http", "a"], &lines), relay).await;
    published.unwrap();
}

/// Proxies and servers that stop answer some requests and no more. What they have not handled leaves again, once.
#[tokio::test]
async fn what_a_closing_relay_has_not_handled_leaves_again() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        for numbers in [0..3, 3..4, 4..10] {
            let mut relay = HttpRelay::accept(&acceptor).await;
            let last = numbers.end - 1;
            for number in numbers {
                assert_eq!(relay.published().await, Some(json!(number)));
                if number == last { relay.accepted_last().await } else { relay.accepted().await }
            }
            relay.close().await;
        }
    };
    let lines: String = (0..10).map(|number| format!("{number}\n")).collect();
    let (published, ()) = both(publish(&url, &["--http", "--json", "a"], &lines), relay).await;
    published.unwrap();
}

#[tokio::test]
async fn a_relay_that_goes_without_an_answer_ends_publish() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.published().await.unwrap();
        relay.accepted().await;
        relay.published().await.unwrap();
    };
    let (published, ()) = both(publish(&url, &["--http", "a"], "1\n2\n3\n"), relay).await;
    let error = format!("{:#}", published.unwrap_err());
    let expected = "stopped after line 3; from line 2 on, none is known to have arrived: ";
    assert!(error.starts_with(expected) && error.contains("the connection to the relay"), "{error}");
}

/// Idle connections are closed, and nobody has to know.
#[tokio::test]
async fn a_connection_that_is_closed_while_no_line_comes_is_made_anew() {
    let (acceptor, url) = acceptor().await;
    let (reader, mut lines) = io::pipe().unwrap();
    let relay = async {
        HttpRelay::accept(&acceptor).await.close().await;
        for number in 0..3 {
            writeln!(lines, "{number}").unwrap();
            let mut relay = HttpRelay::accept(&acceptor).await;
            assert_eq!(relay.published().await, Some(json!(number.to_string())));
            relay.accepted().await;
            relay.close().await;
        }
        drop(lines);
    };
    let Command::Publish(args) = parse("publish", &url, &["--http", "a"]) else { panic!("not publish") };
    let publishing = async { timeout(DEADLINE, publish_from(args, reader)).await.unwrap() };
    let (published, ()) = both(publishing, relay).await;
    published.unwrap();
}

#[tokio::test]
async fn a_bad_line_ends_publish_after_the_lines_before_it_were_accepted() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        for number in [1, 2] {
            assert_eq!(relay.published().await, Some(json!(number)));
            relay.accepted().await;
        }
        assert_eq!(relay.published().await, None);
    };
    let (published, ()) = both(publish(&url, &["--http", "--json", "a"], "1\n2\n{\n4\n"), relay).await;
    let error = format!("{:#}", published.unwrap_err());
    assert!(error.starts_with("line 3 of standard input: expected JSON (--json)"), "{error}");
}

#[tokio::test]
async fn a_refused_line_is_named_with_what_came_behind_it() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.published().await.unwrap();
        relay.accepted().await;
        relay.published().await.unwrap();
        relay.problem("413 Content Too Large", "", "a message of more than limits.max_message_bytes").await;
        relay.rest().await;
    };
    let (published, ()) = both(publish(&url, &["--http", "a"], "1\n2\n3\n"), relay).await;
    let error = format!("{:#}", published.unwrap_err());
    let expected = "stopped after line 3; from line 2 on, none is known to have arrived: the relay refused: 413 Content Too \
                    Large for channel \"a\": a message of more than limits.max_message_bytes (HTTP 413)";
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_relay_that_is_silent_is_given_up() {
    let (acceptor, url) = acceptor().await;
    let relay = async {
        let mut relay = HttpRelay::accept(&acceptor).await;
        relay.published().await.unwrap();
        relay.accepted().await;
        relay.published().await.unwrap();
        relay.rest().await;
    };
    let (published, ()) = both(publish(&url, &["--http", "--patience", "1s", "a"], "1\n2\n"), relay).await;
    let error = format!("{:#}", published.unwrap_err());
    assert!(error.contains("the relay has been silent for 1.") && error.contains("has not answered"), "{error}");
}
