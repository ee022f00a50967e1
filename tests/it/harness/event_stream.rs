//! A listener to a stream of Server-Sent Events: it reads the bytes strictly, and its verbs are those of the protocol.
//!
//! The relay writes less than the format allows, and anything else fails the test: lines end with LF, an event is
//! `id:`, `retry:`, `event:` and `data:` in this order with one space behind each colon, and a comment stands alone. In a body
//! with chunks each event is a chunk.

use super::chunks::Chunks;
use super::event_request::header;
use super::{ALL, Checker, DEADLINE, Daemon, NoStream, Raw, bearer, channels_query, events_request};
use serde_json::{Value, json};
use std::io::{BufRead as _, ErrorKind, Read as _};
use std::time::{Duration, Instant};

/// Read with one call.
const READ_BYTES: usize = 64 * 1024;

/// One stream that has begun.
pub(crate) struct EventListener {
    raw: Raw,
    head: String,
    /// `None`: the body ends with the connection.
    chunks: Option<Chunks>,
    subscribed: Value,
    /// What a browser would come back with.
    pub(crate) last_id: Option<String>,
    /// Read and not taken yet: `buffer[at..]`.
    buffer: Vec<u8>,
    at: usize,
    /// Up to here no event ends.
    looked_to: usize,
    /// For one read.
    piece: Vec<u8>,
    /// Comments so far.
    pub(crate) comments: u64,
    /// What has arrived, as far as [`EventListener::listen`] has read it.
    pub(crate) checker: Checker,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Empty for a message.
    pub(crate) name: String,
    /// Its lines of data, with a line feed between them.
    pub(crate) data: String,
    /// When to come back, in milliseconds.
    pub(crate) retry: Option<u64>,
    /// What to come back with.
    pub(crate) id: Option<String>,
}

/// The end of a stream without a last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The relay has said that nothing more comes, behind a whole event.
    Ended,
    /// The same within an event: nobody read in the time that the relay leaves for that.
    WithinEvent,
    /// The connection was reset.
    Reset,
}

impl Daemon {
    /// A listener to these channels, that may read everything.
    pub(crate) fn events(&self, channels: &[&str]) -> EventListener {
        self.events_with(ALL, channels)
    }

    /// A listener with an authorization.
    pub(crate) fn events_with(&self, authorization: &str, channels: &[&str]) -> EventListener {
        EventListener::begin(self.raw(), authorization, channels)
    }
}

impl EventListener {
    /// Asks for these channels over a connection.
    #[track_caller]
    pub(crate) fn begin(mut raw: Raw, authorization: &str, channels: &[&str]) -> Self {
        raw.send(events_request(&channels_query(channels), &bearer(authorization)));
        let listener = Self::read(raw);
        assert_eq!(listener.subscribed["channels"], json!(channels), "{}", listener.subscribed);
        listener
    }

    /// Reads the answer to a request that has been sent, up to the first event.
    #[track_caller]
    pub(crate) fn read(mut raw: Raw) -> Self {
        let head = raw.read_head();
        if !head.starts_with("HTTP/1.1 200 OK\r\n") {
            panic!("no stream: {:?}", NoStream::behind(head, &mut raw));
        }
        for (name, value) in [
            ("Content-Type", Some("text/event-stream")),
            ("Cache-Control", Some("no-store")),
            ("X-Accel-Buffering", Some("no")),
            ("Connection", Some("close")),
            ("Content-Length", None),
        ] {
            assert_eq!(header(&head, name), value, "{head}");
        }
        let chunks = header(&head, "Transfer-Encoding").map(|coding| {
            assert_eq!(coding, "chunked", "{head}");
            Chunks::default()
        });
        let mut listener = Self {
            raw,
            head,
            chunks,
            subscribed: Value::Null,
            last_id: None,
            buffer: Vec::new(),
            at: 0,
            looked_to: 0,
            piece: vec![0; READ_BYTES],
            comments: 0,
            checker: Checker::default(),
        };
        let first = listener.next_event();
        assert_eq!((&*first.name, first.retry), ("subscribed", None), "{first:?}");
        listener.subscribed = first.json();
        for channel in listener.subscribed["channels"].as_array().expect("a list") {
            listener.checker.subscribed(channel.as_str().expect("a name"));
        }
        listener
    }

    /// The head of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The data of the first event.
    pub(crate) fn subscribed(&self) -> &Value {
        &self.subscribed
    }

    /// The connection itself.
    pub(crate) fn raw(&mut self) -> &mut Raw {
        &mut self.raw
    }

    /// Waits for an event of this name and with this data.
    #[track_caller]
    pub(crate) fn expect_event(&mut self, name: &str, data: Value) {
        let event = self.next_event();
        assert_eq!((&*event.name, event.json(), event.retry), (name, data, None));
    }

    /// Waits for a publication of `content` on `channel`.
    #[track_caller]
    pub(crate) fn expect_publish(&mut self, channel: &str, content: Value) {
        self.expect_event("", json!({"channel": channel, "content": content}));
    }

    /// Waits for the last event, with this code, and for the end of the connection; returns when to come back, which is
    /// said to those who should.
    #[track_caller]
    pub(crate) fn expect_end(&mut self, code: u16) -> Option<u64> {
        let event = self.next_event();
        assert_eq!((&*event.name, &event.json()["code"]), ("end", &json!(code)), "{event:?}");
        assert!(event.json()["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{event:?}");
        assert_eq!(event.retry.is_some(), code == 1001, "{event:?}");
        self.expect_gone();
        event.retry
    }

    /// Waits for the end of the connection, behind a whole event.
    #[track_caller]
    pub(crate) fn expect_gone(&mut self) {
        match self.try_next(DEADLINE) {
            Err(Gone::Ended) => {}
            other => panic!("expected the stream to end, got {other:?}"),
        }
    }

    /// The next event.
    #[track_caller]
    pub(crate) fn next_event(&mut self) -> Event {
        match self.try_next(DEADLINE) {
            Ok(Some(event)) => event,
            Ok(None) => panic!("no event came within {DEADLINE:?}, {} comments did", self.comments),
            Err(gone) => panic!("waiting for an event: {gone:?}"),
        }
    }

    /// Reads until so many publications have arrived in all.
    pub(crate) fn listen(&mut self, publications: u64) {
        while self.checker.received < publications {
            let event = self.next_event();
            assert!(self.check(&event), "after {} publications: {event:?}", self.checker.received);
        }
    }

    /// Gives an event to the checker; false if it is no publication.
    pub(crate) fn check(&mut self, event: &Event) -> bool {
        let Some(fields) = event.data.strip_prefix('{').filter(|_| event.name.is_empty()) else { return false };
        self.checker.take(format!(r#"{{"type":"publish",{fields}"#).as_bytes())
    }

    /// The next event, if one comes within `wait`, however many comments come before.
    ///
    /// # Errors
    /// The stream is at its end.
    pub(crate) fn try_next(&mut self, wait: Duration) -> Result<Option<Event>, Gone> {
        let end = Instant::now() + wait;
        loop {
            while let Some(end_at) = find_end(&self.buffer, self.looked_to) {
                let event = std::str::from_utf8(&self.buffer[self.at..end_at]).expect("the relay sends UTF-8");
                let event = Event::parse(event);
                self.at = end_at + 2;
                self.looked_to = self.at;
                match event {
                    Some(event) => {
                        self.last_id = event.id.clone().or(self.last_id.take());
                        return Ok(Some(event));
                    }
                    None => self.comments += 1,
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.read_more(left)? {
                return Ok(None);
            }
        }
    }

    /// Reads more; false if nothing has come in time.
    fn read_more(&mut self, wait: Duration) -> Result<bool, Gone> {
        self.buffer.drain(..std::mem::take(&mut self.at));
        // The first half of an end may be there.
        self.looked_to = self.buffer.len().saturating_sub(1);
        let stream = self.raw.stream();
        stream.set_read_timeout(Some(wait)).unwrap();
        let got = stream.read(&mut self.piece);
        let piece = &self.piece[..*got.as_ref().unwrap_or(&0)];
        match &mut self.chunks {
            None => self.buffer.extend_from_slice(piece),
            Some(chunks) => chunks.read(piece, |chunk| {
                assert!(chunk.ends_with(b"\n\n"), "a chunk is an event: {}", chunk.escape_ascii());
                self.buffer.extend_from_slice(chunk);
            }),
        }
        let is_whole = self.buffer.is_empty() && self.chunks.as_ref().is_none_or(Chunks::is_whole);
        match got {
            Ok(0) => Err(if is_whole { Gone::Ended } else { Gone::WithinEvent }),
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(false),
                ErrorKind::Interrupted => Ok(true),
                _ => Err(Gone::Reset),
            },
        }
    }
}

/// Where the first event ends that does so behind `from`, without its empty line.
fn find_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let len = (&bytes[at..]).skip_until(b'\n').expect("there is memory to read");
        let line_end = (at + len).checked_sub(1).filter(|end| len > 0 && bytes[*end] == b'\n')?;
        if bytes.get(line_end + 1) == Some(&b'\n') {
            return Some(line_end);
        }
        at = line_end + 1;
    }
}

impl Event {
    /// Reads an event without its empty line; `None`: a comment.
    fn parse(text: &str) -> Option<Self> {
        assert!(!text.contains('\r'), "a carriage return ends a line too: {text:?}");
        if text == ":" {
            return None;
        }
        let mut lines = text.split('\n').peekable();
        let mut field = |name: &str| lines.next_if(|line| line.starts_with(name)).map(|line| &line[name.len()..]);
        let id = field("id: ").map(str::to_owned);
        let retry = field("retry: ").map(|retry| retry.parse().unwrap());
        let name = field("event: ").unwrap_or_default().to_owned();
        let data: Vec<&str> = std::iter::from_fn(|| field("data: ")).collect();
        assert!(lines.next().is_none() && !data.is_empty(), "this is no event: {text:?}");
        Some(Self { name, data: data.join("\n"), retry, id })
    }

    /// Its data, parsed.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
