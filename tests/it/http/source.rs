//! A source over HTTP: a connection on which one message after the other is published with POST.

use crate::harness::{ALL, Daemon, Raw, bearer, escaped};
use std::io::{self, Read as _, Write as _};

/// One connection, which is kept.
pub(super) struct Source {
    raw: Raw,
    authorization: String,
}

impl Source {
    /// A source that may write everything.
    pub(super) fn of(daemon: &Daemon) -> Self {
        Self::over(daemon.raw())
    }

    /// The same over a connection on which nothing is on its way.
    pub(super) fn over(raw: Raw) -> Self {
        Self { raw, authorization: bearer(ALL) }
    }

    /// The connection.
    pub(super) fn into_raw(self) -> Raw {
        self.raw
    }

    /// A request that publishes this content (JSON text).
    pub(super) fn request(&self, channel: &str, content: &str) -> String {
        format!(
            "POST /publish/{} HTTP/1.1\r\nHost: relay\r\nContent-Length: {}\r\n{}\r\n{content}",
            escaped(channel),
            content.len(),
            self.authorization,
        )
    }

    /// Publishes, and waits until the relay has accepted it.
    #[track_caller]
    pub(super) fn publish(&mut self, channel: &str, content: &str) {
        assert_eq!(self.try_publish(channel, content).unwrap(), 202);
    }

    /// The same; the status of the answer.
    ///
    /// # Errors
    /// The connection has ended, before or after the relay has accepted it.
    pub(super) fn try_publish(&mut self, channel: &str, content: &str) -> io::Result<u16> {
        let request = self.request(channel, content);
        self.raw.stream().write_all(request.as_bytes())?;
        self.read_status()
    }

    /// Publishes all of this in one go, and waits until the relay has accepted it.
    pub(super) fn publish_all(&mut self, channel: &str, contents: &[String]) {
        let requests: String = contents.iter().map(|content| self.request(channel, content)).collect();
        // Both at a time: neither side takes more than its buffers hold.
        let mut written = 0;
        let mut answered = 0;
        const PIECE_BYTES: usize = 32 * 1024;
        while answered < contents.len() {
            let piece = &requests.as_bytes()[written..requests.len().min(written + PIECE_BYTES)];
            self.raw.send(piece);
            written += piece.len();
            let whole = requests[..written].matches("POST ").count() - usize::from(written < requests.len());
            while answered < whole {
                assert_eq!(self.read_status().unwrap(), 202);
                answered += 1;
            }
        }
    }

    /// Reads an answer.
    fn read_status(&mut self) -> io::Result<u16> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.raw.stream().read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "));
        let length = length.unwrap_or_else(|| panic!("no Content-Length: {head}"));
        self.raw.stream().read_exact(&mut vec![0; length.parse().unwrap()])?;
        Ok(head["HTTP/1.1 ".len()..][..3].parse().unwrap())
    }
}
