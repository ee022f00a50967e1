//! The command line, and the client commands against a relay of a few lines.

use super::{Args, Command, listen, publish};
use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::future::pending;
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async, accept_hdr_async};

/// Longer than anything here takes, so that a fault is a failure and not a hang.
const DEADLINE: Duration = Duration::from_secs(20);

/// The relay's end of one connection.
struct Relay(WebSocketStream<TcpStream>);

impl Relay {
    /// Accepts, greets, and lets in whoever has the right word.
    async fn accept(acceptor: &TcpListener) -> Self {
        let mut relay = Self(accept_async(acceptor.accept().await.unwrap().0).await.unwrap());
        relay.say(json!({"type": "hello", "version": "test", "relay": "test"})).await;
        assert_eq!(relay.hear().await, json!({"type": "authorize", "authorization": "word"}));
        relay.say(json!({"type": "authorization_ok"})).await;
        relay
    }

    async fn say(&mut self, message: Value) {
        self.say_text(&message.to_string()).await;
    }

    async fn say_text(&mut self, message: &str) {
        self.0.send(Message::text(message)).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("expected a request, found {other:?}"),
            }
        }
    }

    /// Confirms subscriptions until there are `count`.
    async fn subscribe(&mut self, count: usize) -> Vec<Value> {
        let mut channels = Vec::new();
        while channels.len() < count {
            let request = self.hear().await;
            assert_eq!(request["type"], "subscribe");
            self.say(json!({"type": "subscribe_ok", "channel": request["channel"]})).await;
            channels.push(request["channel"].clone());
        }
        channels
    }

    async fn close(mut self, code: u16, reason: &'static str) {
        self.0.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).await.unwrap();
        self.rest().await;
    }

    /// Answers pings until the client goes.
    async fn rest(mut self) {
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

/// Standard output, for looking at.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn text(&self) -> String {
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

async fn acceptor() -> (TcpListener, String) {
    let acceptor = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", acceptor.local_addr().unwrap());
    (acceptor, url)
}

fn parse(command: &str, url: &str, rest: &[&str]) -> Command {
    let start = ["pusud", command, "--url", url, "--authorization", "word"];
    Args::parse_from(start.iter().chain(rest)).command.unwrap()
}

async fn listen(url: &str, rest: &[&str], out: impl Write + Send + 'static) -> anyhow::Result<()> {
    let Command::Listen(args) = parse("listen", url, rest) else { panic!("not listen") };
    timeout(DEADLINE, listen::listen_until(args, out, pending::<io::Result<()>>)).await.unwrap()
}

async fn publish(url: &str, rest: &[&str], input: &str) -> anyhow::Result<()> {
    let Command::Publish(args) = parse("publish", url, rest) else { panic!("not publish") };
    timeout(DEADLINE, publish::publish_from(args, Cursor::new(input.to_owned()))).await.unwrap()
}

#[test]
fn the_command_line_is_consistent() {
    Args::command().debug_assert();
    for (line, expected) in [
        (&["pusud"][..], None),
        (&["pusud", "--config", "a", "--plugins-dir", "b", "--log-format", "json", "--log-level", "trace"], None),
        (&["pusud", "run", "--config", "a"], None),
        (&["pusud", "check", "--config", "a", "--log-level", "error"], None),
        (&["pusud", "plugins", "list"], None),
        (&["pusud", "plugins", "list", "dir"], None),
        (&["pusud", "listen", "a", "b"], None),
        (&["pusud", "publish", "--json", "a", "-5"], None),
        (&["pusud", "listen"], Some(ErrorKind::MissingRequiredArgument)),
        (&["pusud", "listen", "--count", "0", "a"], Some(ErrorKind::ValueValidation)),
        (&["pusud", "listen", "a\nb"], Some(ErrorKind::ValueValidation)),
        (&["pusud", "publish", "", "x"], Some(ErrorKind::ValueValidation)),
        (
            &["pusud", "publish", "a", "--authorization", "x", "--authorization-file", "y"],
            Some(ErrorKind::ArgumentConflict),
        ),
        (&["pusud", "--config", "a", "check"], Some(ErrorKind::ArgumentConflict)),
        (&["pusud", "--log-level", "loud"], Some(ErrorKind::InvalidValue)),
        (&["pusud", "serve"], Some(ErrorKind::InvalidSubcommand)),
    ] {
        assert_eq!(Args::try_parse_from(line).err().map(|error| error.kind()), expected, "{line:?}");
    }
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
    timeout(DEADLINE, listen::listen_until(args, Output::default(), stop)).await.unwrap().unwrap();
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
    let (published, ()) = tokio::join!(publish::publish_from(args, reader), relay);
    published.unwrap();
}
