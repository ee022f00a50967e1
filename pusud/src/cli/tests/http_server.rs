//! The relay's end of one HTTP connection, a few lines a test.

use super::DEADLINE;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// What comes of a command, and of the relay's part.
pub(super) async fn both<T>(command: impl Future<Output = T>, relay: impl Future<Output = ()>) -> (T, ()) {
    timeout(DEADLINE, async { tokio::join!(command, relay) }).await.expect("one of them waits for ever")
}

/// One connection.
pub(super) struct HttpRelay {
    stream: TcpStream,
    /// What has arrived and was not looked at yet.
    ahead: Vec<u8>,
}

/// A request, as far as tests look at it.
pub(super) struct Asked {
    /// Method and target.
    pub(super) line: String,
    /// Names in small letters, and values.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

impl HttpRelay {
    pub(super) async fn accept(acceptor: &TcpListener) -> Self {
        Self { stream: acceptor.accept().await.unwrap().0, ahead: Vec::new() }
    }

    /// The next request; `None`: the client has gone.
    pub(super) async fn asked(&mut self) -> Option<Asked> {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.stream.read_buf(&mut self.ahead).await.unwrap_or(0) == 0 {
                assert!(self.ahead.is_empty(), "half a request");
                return None;
            }
        };
        let head = String::from_utf8(self.ahead.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next().unwrap().strip_suffix(" HTTP/1.1").unwrap().to_owned();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: Vec<_> = lines.map(|line| header(line).unwrap()).collect();
        let mut asked = Asked { line, headers, body: String::new() };
        let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.ahead.len() < length {
            assert!(self.stream.read_buf(&mut self.ahead).await.unwrap() > 0, "half a body");
        }
        asked.body = String::from_utf8(self.ahead.drain(..length).collect()).unwrap();
        Some(asked)
    }

    /// How much has arrived behind the last request, once nothing more comes for a moment.
    pub(super) fn ahead(&self) -> usize {
        self.ahead.len()
    }

    /// The body of the next request, which publishes to `a` with the right word.
    pub(super) async fn published(&mut self) -> Option<Value> {
        let asked = self.asked().await?;
        assert_eq!((asked.line.as_str(), asked.header("authorization")), ("POST /publish/a", Some("Bearer word")));
        assert_eq!(asked.header("content-type"), Some("application/json"));
        Some(serde_json::from_str(&asked.body).unwrap())
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    pub(super) async fn answer(&mut self, status: &str, headers: &str, body: &Value) {
        let body = body.to_string();
        self.say(&format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    }

    /// Accepts a publication.
    pub(super) async fn accepted(&mut self) {
        self.answer("202 Accepted", "Content-Type: application/json\r\n", &json!({"accepted": 1})).await;
    }

    /// Accepts a publication, as the last request of this connection.
    pub(super) async fn accepted_last(&mut self) {
        let headers = "Content-Type: application/json\r\nConnection: close\r\n";
        self.answer("202 Accepted", headers, &json!({"accepted": 1})).await;
    }

    pub(super) async fn problem(&mut self, status: &str, headers: &str, detail: &str) {
        let headers = format!("Content-Type: application/problem+json\r\n{headers}");
        self.answer(status, &headers, &json!({"title": status, "detail": detail})).await;
    }

    /// Begins the answer to a request for the events of these channels.
    pub(super) async fn listened(&mut self, channels: &[&str]) {
        self.listened_from(channels, "", None).await;
    }

    /// The same of one that says more in its query, and comes back to this id.
    pub(super) async fn listened_from(&mut self, channels: &[&str], more: &str, id: Option<&str>) {
        let asked = self.asked().await.unwrap();
        let query: Vec<String> = channels.iter().map(|channel| format!("channel={channel}")).collect();
        assert_eq!(asked.line, format!("GET /events?{}{more}", query.join("&")));
        assert_eq!(asked.header("last-event-id"), id);
        assert_eq!(asked.header("authorization"), Some("Bearer word"));
        assert_eq!(asked.header("accept"), Some("text/event-stream"));
        self.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n").await;
        let data = json!({"relay": "test", "channels": channels});
        self.say(&format!("event: subscribed\ndata: {data}\n\n")).await;
    }

    /// Closes its half, and waits until the client has gone.
    pub(super) async fn close(mut self) {
        self.stream.shutdown().await.unwrap();
        self.rest().await;
    }

    /// Waits until the client has gone.
    pub(super) async fn rest(mut self) {
        while self.stream.read_buf(&mut self.ahead).await.is_ok_and(|count| count > 0) {}
    }
}
