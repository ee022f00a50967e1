//! A connection of a visitor or a source to a relay that may go at any time.

use super::account::Account;
use super::visitors::{CHANNEL, LOOK};
use crate::harness::{ALL, ClientAddress, DEADLINE};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::protocol::WebSocket;
use tokio_tungstenite::tungstenite::{Error, Message, client};

/// How long an answer may take before a visitor gives the relay up, as a browser's user would.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// One connection, of which any step may fail: relays come and go.
pub(super) struct Connection(WebSocket<TcpStream>);

impl Connection {
    pub(super) fn to(address: &ClientAddress) -> Option<Self> {
        let stream = address.connect(ANSWER_MAX).ok()?;
        stream.set_read_timeout(Some(ANSWER_MAX)).ok()?;
        let (socket, _) = client("ws://relay.test/", stream).ok()?;
        let mut connection = Self(socket);
        let hello = connection.next(ANSWER_MAX).ok()??;
        assert_eq!(hello["type"], "hello", "{hello}");
        connection.say(json!({"type": "authorize", "authorization": ALL})).ok()?;
        let answer = connection.next(ANSWER_MAX).ok()??;
        assert_eq!(answer["type"], "authorization_ok", "{answer}");
        Some(connection)
    }

    pub(super) fn say(&mut self, message: Value) -> Result<(), Error> {
        self.0.send(Message::text(message.to_string()))
    }

    /// The next message; `None`: nothing has come for so long.
    pub(super) fn next(&mut self, within: Duration) -> Result<Option<Value>, Error> {
        self.0.get_ref().set_read_timeout(Some(within))?;
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Ok(Some(serde_json::from_str(&text).expect("the relay sends JSON"))),
                Ok(Message::Close(_)) => return Err(Error::ConnectionClosed),
                Ok(_) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until everything that was said before is handled: publications have no answer, and an unknown channel has one.
    /// False: the connection ends before.
    pub(super) fn is_handled(&mut self) -> bool {
        let began = Instant::now();
        let mut answer = self.say(json!({"type": "subscribe", "channel": "handled"})).map(|()| None);
        while let Ok(message) = answer {
            if message.is_some_and(|message: Value| message["type"] == "subscribe_ok") {
                return true;
            }
            assert!(began.elapsed() < DEADLINE, "the relay does not answer a source");
            answer = self.next(LOOK);
        }
        false
    }

    /// Listens from where the account stands. False: the relay does not answer, or goes.
    pub(super) fn join(&mut self, account: &mut Account) -> bool {
        let mut message = json!({"type": "subscribe", "channel": CHANNEL});
        if let Some(position) = &account.position {
            message["since"] = json!(position);
        }
        if self.say(message).is_err() {
            return false;
        }
        let Ok(Some(answer)) = self.next(ANSWER_MAX) else { return false };
        assert_eq!(answer["type"], "subscribe_ok", "{answer}");
        match answer["recovered"].as_bool() {
            Some(true) => account.recovered += 1,
            Some(false) => account.lost(),
            None => assert!(account.position.is_none(), "{answer}"),
        }
        // What was missed comes behind it, each with a position of its own: until then the old one holds.
        account.position = Some(answer["position"].as_str().expect("a position").to_owned());
        true
    }
}

/// Waits until it is so.
pub(super) fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < 2 * DEADLINE, "{what} is waited for");
        thread::sleep(Duration::from_millis(1));
    }
}
