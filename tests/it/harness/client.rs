//! A WebSocket client whose verbs are those of the protocol, and whose every wait has a deadline.

use super::{DEADLINE, Stream};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

/// One connection of a client.
pub(crate) struct Client {
    socket: WebSocket<Stream>,
    hello: Value,
    shown: String,
}

impl Client {
    /// Connects and takes the greeting.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(Stream::connect(address))
    }

    /// Upgrades a connection and takes the greeting.
    pub(crate) fn over(stream: Stream) -> Self {
        let shown = stream.local_addr().map_or_else(|_| "client".into(), |address| format!("client {address}"));
        let (socket, _) = tokio_tungstenite::tungstenite::client("ws://relay.test/", stream).unwrap();
        let mut client = Self { socket, hello: Value::Null, shown };
        client.hello = client.next_json();
        assert_eq!(client.hello["type"], "hello", "{}", client.hello);
        client
    }

    /// The greeting.
    pub(crate) fn hello(&self) -> &Value {
        &self.hello
    }

    /// Sends an authorization and waits for `authorization_ok`.
    pub(crate) fn authorize(&mut self, authorization: &str) {
        self.send(json!({"type": "authorize", "authorization": authorization}));
        self.expect_text(r#"{"type":"authorization_ok"}"#);
    }

    /// Subscribes and waits for `subscribe_ok`.
    pub(crate) fn subscribe(&mut self, channel: &str) {
        self.send(json!({"type": "subscribe", "channel": channel}));
        self.expect(json!({"type": "subscribe_ok", "channel": channel}));
    }

    /// Unsubscribes, which has no answer.
    pub(crate) fn unsubscribe(&mut self, channel: &str) {
        self.send(json!({"type": "unsubscribe", "channel": channel}));
    }

    /// Publishes, which has no answer.
    pub(crate) fn publish(&mut self, channel: &str, content: Value) {
        self.send(json!({"type": "publish", "channel": channel, "content": content}));
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, message: Value) {
        self.send_text(&message.to_string());
    }

    /// Sends a text frame.
    pub(crate) fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text));
    }

    /// Sends a binary frame.
    pub(crate) fn send_binary(&mut self, bytes: &[u8]) {
        self.send_message(Message::binary(bytes.to_vec()));
    }

    /// Sends any frame.
    pub(crate) fn send_message(&mut self, message: Message) {
        self.socket.send(message).unwrap_or_else(|error| panic!("{}: cannot send: {error}", self.shown));
    }

    /// Sends any frame to a relay that may have closed the connection.
    pub(crate) fn try_send(&mut self, message: Message) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        self.socket.send(message)
    }

    /// Waits for one text frame of exactly this text.
    pub(crate) fn expect_text(&mut self, text: &str) {
        assert_eq!(self.next_text(), text, "{}", self.shown);
    }

    /// Waits for a message equal to `message`.
    pub(crate) fn expect(&mut self, message: Value) {
        assert_eq!(self.next_json(), message, "{}", self.shown);
    }

    /// Waits for a publication of `content` on `channel`.
    pub(crate) fn expect_publish(&mut self, channel: &str, content: Value) {
        self.expect(json!({"type": "publish", "channel": channel, "content": content}));
    }

    /// Waits for a publication of exactly this JSON text on `channel`.
    pub(crate) fn expect_content(&mut self, channel: &str, content: &str) {
        let channel = json!(channel);
        self.expect_text(&format!(r#"{{"type":"publish","channel":{channel},"content":{content}}}"#));
    }

    /// Waits for the answer to a ping with this payload.
    pub(crate) fn expect_pong(&mut self, payload: &str) {
        match self.next_message() {
            Message::Pong(pong) => assert_eq!(pong, payload, "{}", self.shown),
            other => panic!("{}: expected a pong, got {other:?}", self.shown),
        }
    }

    /// Waits for an error reply of this type and returns it; it carries a reason.
    pub(crate) fn expect_error(&mut self, kind: &str) -> Value {
        let reply = self.next_json();
        assert_eq!(reply["type"], kind, "{}: {reply}", self.shown);
        assert!(reply["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{reply} gives no reason");
        reply
    }

    /// Waits for a close frame with this code, then for the end of the connection.
    pub(crate) fn expect_closed(&mut self, code: u16) {
        match self.next_message() {
            Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::from(code), "{}: {frame:?}", self.shown),
            other => panic!("{}: expected close {code}, got {other:?}", self.shown),
        }
        self.expect_end();
    }

    /// Waits for the end of the connection, answering a close frame on the way.
    pub(crate) fn expect_end(&mut self) {
        use tokio_tungstenite::tungstenite::Error::{AlreadyClosed, ConnectionClosed};
        match self.socket.read() {
            Err(ConnectionClosed | AlreadyClosed) => {}
            other => panic!("{}: expected the connection to end, got {other:?}", self.shown),
        }
    }

    /// Asserts that what was sent so far has no answer: the next frame is the answer to a ping sent now.
    pub(crate) fn expect_no_answer(&mut self) {
        self.send_message(Message::Ping("marker".into()));
        match self.next_message() {
            Message::Pong(payload) => assert_eq!(payload, "marker"),
            other => panic!("{}: expected no answer, got {other:?}", self.shown),
        }
    }

    /// Reads and forgets everything up to the answer to a ping sent now.
    pub(crate) fn discard_what_came(&mut self) {
        self.send_message(Message::Ping("marker".into()));
        while !matches!(self.next_message(), Message::Pong(_)) {}
    }

    /// The next message, parsed.
    pub(crate) fn next_json(&mut self) -> Value {
        let text = self.next_text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}: {text}", self.shown))
    }

    /// The next message, parsed, if one comes in time. Pings are answered meanwhile, and prolong nothing.
    pub(crate) fn next_json_within(&mut self, wait: Duration) -> Option<Value> {
        let end = Instant::now() + wait;
        let message = loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break None;
            }
            self.socket.get_ref().set_read_timeout(Some(left)).unwrap();
            match self.socket.read() {
                Ok(Message::Ping(_)) => {}
                Ok(Message::Text(text)) => break Some(serde_json::from_str(&text).unwrap()),
                Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    break None;
                }
                other => panic!("{}: expected a text frame, got {other:?}", self.shown),
            }
        };
        self.socket.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
        message
    }

    /// The next text frame.
    pub(crate) fn next_text(&mut self) -> String {
        match self.next_message() {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("{}: expected a text frame, got {other:?}", self.shown),
        }
    }

    /// The next frame of any kind, except a ping, which is answered, and prolongs nothing.
    pub(crate) fn next_message(&mut self) -> Message {
        let began = Instant::now();
        while began.elapsed() < DEADLINE {
            match self.next_message_of_any_kind() {
                Message::Ping(_) => {}
                message => return message,
            }
        }
        panic!("{}: nothing but pings within {DEADLINE:?}", self.shown);
    }

    /// The next frame; a ping will be answered.
    pub(crate) fn next_message_of_any_kind(&mut self) -> Message {
        self.socket.read().unwrap_or_else(|error| panic!("{}: waiting for a frame: {error}", self.shown))
    }

    /// Whether nothing has arrived that has not been read.
    pub(crate) fn has_nothing_to_read(&mut self) -> bool {
        let stream = self.socket.get_mut();
        if stream.has_unread_plaintext() {
            return false;
        }
        stream.set_nonblocking(true).unwrap();
        let nothing = stream.peek(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).unwrap();
        nothing
    }

    /// Has all of these ask something of their shards: the place of the first one whose shard answers, and so does not stand still.
    #[cfg(target_os = "linux")]
    pub(crate) fn first_that_answers(clients: &mut [Self]) -> usize {
        let began = Instant::now();
        clients.iter_mut().for_each(|client| client.send(json!({"type": "subscribe", "channel": "answers"})));
        let mut at = 0;
        while clients[at].next_json_within(Duration::from_millis(10)).is_none() {
            assert!(began.elapsed() < DEADLINE, "no shard answers");
            at = (at + 1) % clients.len();
        }
        at
    }

    /// Says goodbye and waits until the relay has answered and closed the connection.
    pub(crate) fn close(mut self) {
        self.socket.close(None).unwrap();
        while !matches!(self.next_message(), Message::Close(_)) {}
        self.expect_end();
    }
}
