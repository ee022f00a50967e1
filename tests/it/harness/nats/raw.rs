//! A client that speaks NATS' own protocol in its verbs: a stranger to the relays, and the tests' eye on a cluster.

use crate::harness::DEADLINE;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::{Value, json};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One connection.
pub(crate) struct NatsClient {
    stream: Box<dyn Stream>,
    tcp: TcpStream,
    /// Read and not looked at yet.
    buffer: Vec<u8>,
    info: Value,
    subscriptions: u64,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NatsOp {
    /// A message to a subscription of this number.
    Message {
        subject: String,
        subscription: u64,
        reply: Option<String>,
        payload: Vec<u8>,
    },
    /// `INFO`, again.
    Info(Value),
    Ping,
    Pong,
    /// `-ERR`, without its quotes.
    Refused(String),
    /// It has ended the connection.
    Ended,
}

impl NatsClient {
    /// Connects, over TLS if there is something to shake hands with, and says besides in its CONNECT what `connect`
    /// makes of INFO.
    ///
    /// # Errors
    /// What the server refused it with.
    pub(crate) fn connect(
        address: SocketAddr,
        tls: Option<Arc<ClientConfig>>,
        connect: impl FnOnce(&Value) -> Value,
    ) -> Result<Self, String> {
        let tcp = TcpStream::connect_timeout(&address, DEADLINE).map_err(|error| error.to_string())?;
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp.set_nodelay(true).unwrap();
        let stream = Box::new(tcp.try_clone().unwrap());
        let mut client = Self { stream, tcp, buffer: Vec::new(), info: Value::Null, subscriptions: 0 };
        match client.next() {
            NatsOp::Info(info) => client.info = info,
            other => return Err(format!("{other:?}")),
        }
        if let Some(tls) = tls {
            let name = ServerName::try_from(address.ip().to_string()).unwrap();
            let connection = ClientConnection::new(tls, name).unwrap();
            client.stream = Box::new(StreamOwned::new(connection, client.tcp.try_clone().unwrap()));
        }
        let mut words = json!({
            "verbose": false, "pedantic": false, "echo": false, "headers": true, "no_responders": true,
            "lang": "rust", "version": "1", "name": "a test", "protocol": 1,
        });
        let more = connect(&client.info);
        words.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        // A handshake that fails is seen here.
        client.send(format!("CONNECT {words}\r\nPING\r\n").as_bytes()).map_err(|error| error.to_string())?;
        loop {
            match client.next() {
                NatsOp::Pong => return Ok(client),
                NatsOp::Info(_) => {}
                NatsOp::Refused(words) => return Err(words),
                other => return Err(format!("{other:?}")),
            }
        }
    }

    /// What the server said of itself at the beginning.
    pub(crate) fn info(&self) -> &Value {
        &self.info
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// Why they could not be sent.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Subscribes, in a queue group if one is named; gives the number of the subscription.
    pub(crate) fn subscribe(&mut self, subject: &str, group: &str) -> u64 {
        self.subscriptions += 1;
        let number = self.subscriptions;
        self.send(format!("SUB {subject} {group} {number}\r\n").as_bytes()).unwrap();
        number
    }

    /// Publishes.
    pub(crate) fn publish(&mut self, subject: &str, payload: &[u8]) {
        self.try_publish(subject, payload).unwrap();
    }

    /// The same to a server that may have gone.
    ///
    /// # Errors
    /// Why it could not be sent.
    pub(crate) fn try_publish(&mut self, subject: &str, payload: &[u8]) -> io::Result<()> {
        let mut bytes = format!("PUB {subject} {}\r\n", payload.len()).into_bytes();
        bytes.extend(payload);
        bytes.extend(b"\r\n");
        self.send(&bytes)
    }

    /// Waits until the server has handled what was sent before; what came meanwhile is forgotten.
    pub(crate) fn flush(&mut self) {
        self.send(b"PING\r\n").unwrap();
        loop {
            match self.next() {
                NatsOp::Pong => return,
                NatsOp::Refused(_) | NatsOp::Ended => panic!("the server refuses it"),
                _ => {}
            }
        }
    }

    /// The next thing that the server says. Its pings are answered, and given as well.
    pub(crate) fn next(&mut self) -> NatsOp {
        self.next_within(DEADLINE).unwrap_or_else(|| panic!("the server said nothing within {DEADLINE:?}"))
    }

    /// The same, if it comes in time.
    pub(crate) fn next_within(&mut self, wait: Duration) -> Option<NatsOp> {
        let end = Instant::now() + wait;
        loop {
            if let Some((op, bytes)) = parse(&self.buffer) {
                self.buffer.drain(..bytes);
                if op == NatsOp::Ping {
                    // It may have gone.
                    let _ = self.send(b"PONG\r\n");
                }
                return Some(op);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.tcp.set_read_timeout(Some(left)).unwrap();
            let mut read = [0; 64 * 1024];
            match self.stream.read(&mut read) {
                Ok(0) => return Some(NatsOp::Ended),
                Ok(bytes) => self.buffer.extend(&read[..bytes]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Some(NatsOp::Ended),
            }
        }
    }

    /// Waits for a message, whatever else comes before it; its payload.
    pub(crate) fn next_payload(&mut self) -> Vec<u8> {
        loop {
            match self.next() {
                NatsOp::Message { payload, .. } => return payload,
                NatsOp::Ended => panic!("the server has ended the connection"),
                NatsOp::Refused(words) => panic!("the server refuses something: {words}"),
                _ => {}
            }
        }
    }

    /// Waits for a message on a subject, whatever else comes before it; its payload.
    pub(crate) fn next_on(&mut self, wanted: &str) -> Vec<u8> {
        loop {
            match self.next_but_info() {
                NatsOp::Message { subject, payload, .. } if subject == wanted => return payload,
                NatsOp::Message { .. } | NatsOp::Ping | NatsOp::Pong => {}
                other => panic!("{other:?} came before a message on {wanted}"),
            }
        }
    }

    /// The next thing that is not about the cluster.
    pub(crate) fn next_but_info(&mut self) -> NatsOp {
        loop {
            match self.next() {
                NatsOp::Info(_) => {}
                other => return other,
            }
        }
    }

    /// Waits until it is told that something is refused.
    pub(crate) fn next_refusal(&mut self) -> String {
        loop {
            match self.next() {
                NatsOp::Refused(words) => return words,
                NatsOp::Ended => panic!("the server has ended the connection without a word"),
                _ => {}
            }
        }
    }
}

/// The first thing in `bytes`, if it is there as a whole, and how long it is.
fn parse(bytes: &[u8]) -> Option<(NatsOp, usize)> {
    let line_end = bytes.windows(2).position(|two| two == b"\r\n")?;
    let line = String::from_utf8_lossy(&bytes[..line_end]).into_owned();
    let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
    let op = match verb {
        "MSG" | "HMSG" => return message(verb, rest, bytes, line_end + 2),
        "INFO" => NatsOp::Info(serde_json::from_str(rest).expect("INFO is JSON")),
        "PING" => NatsOp::Ping,
        "PONG" => NatsOp::Pong,
        "-ERR" => NatsOp::Refused(rest.trim_matches('\'').to_owned()),
        other => panic!("the server says {other:?}"),
    };
    Some((op, line_end + 2))
}

/// `subject subscription [reply] [bytes of headers] bytes`; headers stand in front of the payload.
fn message(verb: &str, rest: &str, bytes: &[u8], start: usize) -> Option<(NatsOp, usize)> {
    let mut words: Vec<&str> = rest.split_whitespace().collect();
    let length: usize = words.pop().expect("a length").parse().unwrap();
    if verb == "HMSG" {
        words.pop();
    }
    let payload = bytes.get(start..start + length)?.to_vec();
    bytes.get(start + length..start + length + 2)?;
    let op = NatsOp::Message {
        subject: words[0].to_owned(),
        subscription: words[1].parse().unwrap(),
        reply: words.get(2).map(|&reply| reply.to_owned()),
        payload,
    };
    Some((op, start + length + 2))
}
