//! A listener that reads as fast as it can and checks everything it gets, for tests with millions of deliveries.

use super::{ALL, Checker, DEADLINE, Frame, Raw, text_message};
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Read with one call.
const READ_BYTES: usize = 64 * 1024;

/// One connection that has been authorized.
pub(crate) struct Listener {
    raw: Raw,
    /// Read and not looked at yet: `buffer[at..]`.
    buffer: Vec<u8>,
    at: usize,
    /// What has arrived.
    pub(crate) checker: Checker,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a close frame of this code.
    Closed(u16),
    /// Without a word.
    Cut,
}

impl Listener {
    /// Takes over a connection that has been greeted.
    pub(crate) fn over(raw: Raw) -> Self {
        Self { raw, buffer: Vec::new(), at: 0, checker: Checker::default() }
    }

    /// Connects and authorizes for everything.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut listener = Self::over(Raw::upgraded(address));
        listener.authorize(ALL);
        listener
    }

    /// Authorizes.
    pub(crate) fn authorize(&mut self, authorization: &str) {
        self.send(&format!(r#"{{"type":"authorize","authorization":"{authorization}"}}"#));
        self.wait_for(r#"{"type":"authorization_ok"}"#);
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, json: &str) {
        self.raw.send(text_message(json));
    }

    /// The connection itself, for what is no message.
    pub(crate) fn raw(&mut self) -> &mut Raw {
        &mut self.raw
    }

    /// Subscribes; what arrives before the answer is checked too.
    pub(crate) fn subscribe(&mut self, channel: &str) {
        self.checker.asked(channel);
        self.send(&format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#));
        self.wait_for(&format!(r#"{{"type":"subscribe_ok","channel":"{channel}"}}"#));
        self.checker.subscribed(channel);
    }

    /// Unsubscribes, which has no answer.
    pub(crate) fn unsubscribe(&mut self, channel: &str) {
        self.send(&format!(r#"{{"type":"unsubscribe","channel":"{channel}"}}"#));
    }

    /// Publishes, which has no answer.
    pub(crate) fn publish(&mut self, channel: &str, content: &str) {
        self.send(&format!(r#"{{"type":"publish","channel":"{channel}","content":{content}}}"#));
    }

    /// Reads until so many publications have arrived in all.
    pub(crate) fn listen(&mut self, publications: u64) {
        while self.checker.received < publications {
            if let Err(ended) = self.next(DEADLINE) {
                panic!("the connection ended ({ended:?}) after {} publications", self.checker.received);
            }
        }
    }

    /// Reads whatever arrives before `end`.
    ///
    /// # Errors
    /// The connection has ended.
    pub(crate) fn listen_until(&mut self, end: Instant) -> Result<(), Ended> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.next(left)?;
        }
    }

    fn wait_for(&mut self, reply: &str) {
        loop {
            match self.next(DEADLINE) {
                Ok(Some(message)) => {
                    assert_eq!(message, reply);
                    return;
                }
                Ok(None) => {}
                Err(ended) => panic!("the connection ended ({ended:?}) before {reply}"),
            }
        }
    }

    /// Takes the next message; publications go to the checker, and anything else is returned. `None` as well when
    /// nothing has come within `wait`.
    ///
    /// # Errors
    /// The connection has ended.
    pub(crate) fn next(&mut self, wait: Duration) -> Result<Option<String>, Ended> {
        loop {
            if let Some((first_byte, payload)) = split_frame(&self.buffer[self.at..]) {
                let (start, end) = (self.at + payload.start, self.at + payload.end);
                let payload = &self.buffer[start..end];
                self.at = end;
                return match first_byte & 0x0f {
                    1 if self.checker.take(payload) => Ok(None),
                    1 => Ok(Some(String::from_utf8(payload.to_vec()).unwrap())),
                    8 => Err(Ended::Closed(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)))),
                    9 => {
                        let pong = Frame::new(0x8a, payload).masked();
                        self.raw.send_perhaps(pong);
                        Ok(None)
                    }
                    _ => panic!("the relay sent a frame that begins with {first_byte:#04x}"),
                };
            }
            if !self.read(wait)? {
                return Ok(None);
            }
        }
    }

    /// Reads more; false if nothing has come in time.
    fn read(&mut self, wait: Duration) -> Result<bool, Ended> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_BYTES, 0);
        let stream = self.raw.stream();
        stream.set_read_timeout(Some(wait)).unwrap();
        let got = stream.read(&mut self.buffer[filled..]);
        self.buffer.truncate(filled + *got.as_ref().unwrap_or(&0));
        match got {
            Ok(0) => Err(Ended::Cut),
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                assert!(wait < DEADLINE, "nothing came within {wait:?}, after {} publications", self.checker.received);
                Ok(false)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(_) => Err(Ended::Cut),
        }
    }
}

/// The first frame in `bytes`, if it is there as a whole: its first byte and where its payload lies.
fn split_frame(bytes: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (&first_byte, rest) = bytes.split_first()?;
    let (start, len) = match rest.first()? {
        126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => (2, u64::from(*short)),
    };
    let end = start + usize::try_from(len).ok()?;
    (bytes.len() >= end).then_some((first_byte, start..end))
}
