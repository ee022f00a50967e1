//! Connections of listeners and sources that go from relay to relay, each of which may end at any time.

use super::followers::{CHANNEL, PAUSE, Shared};
use crate::harness::{ALL, DEADLINE};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

/// A connection that may end at any time.
pub(super) struct Connection(WebSocket<TcpStream>);

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        let (socket, _) = client("ws://relay.test/", stream).ok()?;
        let mut connection = Self(socket);
        connection.send(json!({"type": "authorize", "authorization": ALL}))?;
        while connection.next(DEADLINE)??["type"] != "authorization_ok" {}
        Some(connection)
    }

    pub(super) fn send(&mut self, message: Value) -> Option<()> {
        self.0.send(Message::text(message.to_string())).ok()
    }

    /// The next message; `None` inside: there is none yet. `None`: the connection has ended.
    pub(super) fn next(&mut self, wait: Duration) -> Option<Option<Value>> {
        self.0.get_ref().set_read_timeout(Some(wait.max(Duration::from_millis(1)))).ok()?;
        match self.0.read() {
            Ok(Message::Text(text)) => Some(Some(serde_json::from_str(&text).expect("relays send JSON"))),
            Ok(Message::Close(_)) => None,
            Ok(_) => Some(None),
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Some(None),
            Err(_) => None,
        }
    }
}

/// Publishes at one relay; each connection is a source of its own, which listens to itself: what it hears was accepted.
pub(super) fn publish(shared: &Shared, at: usize) {
    while !shared.is_ending.load(Ordering::SeqCst) {
        let Some(mut connection) = shared.address(at).and_then(Connection::open) else {
            thread::sleep(PAUSE);
            continue;
        };
        if connection.send(json!({"type": "subscribe", "channel": CHANNEL})).is_none() {
            continue;
        }
        let (source, start) = (shared.sources.fetch_add(1, Ordering::SeqCst) as u64, shared.ms());
        let (mut number, mut heard) = (0, 0);
        let mut last_published = Instant::now();
        let mut is_subscribed = false;
        loop {
            let is_ending = shared.is_ending.load(Ordering::SeqCst);
            if is_ending && heard == number || last_published.elapsed() > DEADLINE {
                break;
            }
            if is_subscribed && !is_ending && last_published.elapsed() >= PAUSE {
                number += 1;
                last_published = Instant::now();
                let content = json!([source, number, start]);
                if connection.send(json!({"type": "publish", "channel": CHANNEL, "content": content})).is_none() {
                    break;
                }
            }
            let Some(message) = connection.next(PAUSE / 4) else { break };
            let Some(message) = message else { continue };
            is_subscribed |= message["type"] == "subscribe_ok";
            if message["type"] == "publish" && message["content"][0] == source {
                heard = message["content"][1].as_u64().unwrap();
                shared.accepted.lock().unwrap().insert(source, (heard, shared.ms()));
            }
        }
    }
}
