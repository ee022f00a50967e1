//! The command line, and the client commands against a relay of a few lines.

mod http_server;
mod listen;
mod listen_http;
mod listen_http_positions;
mod listen_positions;
mod publish;
mod publish_http;

use super::{Args, Command};
use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};

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

async fn acceptor() -> (TcpListener, String) {
    let acceptor = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", acceptor.local_addr().unwrap());
    (acceptor, url)
}

fn parse(command: &str, url: &str, rest: &[&str]) -> Command {
    let start = ["pusud", command, "--url", url, "--authorization", "word"];
    Args::parse_from(start.iter().chain(rest)).command.unwrap()
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
        (&["pusud", "publish", "--http", "a", "x"], None),
        (&["pusud", "listen", "--http", "a"], None),
        (&["pusud", "listen"], Some(ErrorKind::MissingRequiredArgument)),
        (&["pusud", "listen", "--count", "0", "a"], Some(ErrorKind::ValueValidation)),
        (&["pusud", "listen", "--since", "f", "--last", "1", "a"], Some(ErrorKind::ArgumentConflict)),
        (&["pusud", "listen", "--last", "-1", "a"], Some(ErrorKind::UnknownArgument)),
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
