//! Server-Sent Events, read off a stream of bytes as the HTML standard has it (section 9.2, "Server-sent events").
//!
//! Owns the beginning of the event that has not arrived in full. Knows no socket, and nothing of what events mean.
//!
//! **Invariants:** where the bytes are cut changes nothing. Of an event's data no more is kept than its reader was made
//! for; an event whose data is one line and has arrived in full is shown where it lies.

use crate::cli::client_messages::Failure;
use std::time::Duration;

/// What the name of a field and a `retry` need, beside the data.
const FIELD_BYTES: usize = 1024;
/// Longest id that is kept: relays make none that is longer, and none can be sent.
const ID_BYTES_MAX: usize = 16 * 1024;
/// May stand at the beginning of the stream, and means nothing.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// How the data of an event is written, mostly.
const DATA: &[u8] = b"data: ";

/// An event that has arrived.
#[derive(Debug)]
pub(in crate::cli) struct Event<'a> {
    /// What its `event` fields say; empty where there is none.
    pub(in crate::cli) kind: &'a str,
    /// Its data, or the beginning of it.
    pub(in crate::cli) data: &'a [u8],
    /// Whether it is all of the data.
    pub(in crate::cli) whole: bool,
    /// Its id.
    pub(in crate::cli) id: Option<&'a str>,
}

/// Reads one stream.
pub(super) struct EventReader {
    data_max: usize,
    /// The beginning of a line.
    line: Vec<u8>,
    /// Bytes of it that were not kept.
    line_cut: usize,
    /// Whether the last line ended in a CR, to which an LF may belong.
    after_cr: bool,
    /// Whether nothing was read before the line that is being read.
    is_first: bool,
    kind: String,
    data: Vec<u8>,
    has_data: bool,
    whole: bool,
    retry: Option<Duration>,
    /// That of the event that has begun, and the last one of all.
    id: Option<Box<str>>,
    last_id: Option<Box<str>>,
}

impl EventReader {
    /// A reader that keeps `data_max` bytes of an event's data, and the rest where it comes for free.
    pub(super) fn new(data_max: usize) -> Self {
        Self {
            data_max,
            line: Vec::new(),
            line_cut: 0,
            after_cr: false,
            is_first: true,
            kind: String::new(),
            data: Vec::new(),
            has_data: false,
            whole: true,
            retry: None,
            id: None,
            last_id: None,
        }
    }

    /// The id of the last event that had one: there the stream can be taken up again.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long to wait before coming back, as the server has said it last.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Shows every event that ends in `bytes`.
    ///
    /// # Errors
    /// Whatever `show` returns; reading cannot go on after that.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut show: impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        loop {
            if self.after_cr && !bytes.is_empty() {
                self.after_cr = false;
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
            if let Some((data, rest)) = simple(bytes).filter(|_| self.is_between()) {
                self.is_first = false;
                show(Event { kind: "", data, whole: true, id: None })?;
                bytes = rest;
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) else {
                self.keep(bytes);
                return Ok(());
            };
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            self.after_cr = bytes[end] == b'\r';
            bytes = rest;
            if self.line.is_empty() {
                self.line(line, true, &mut show)?;
            } else {
                self.keep(line);
                let line = std::mem::take(&mut self.line);
                let whole = std::mem::take(&mut self.line_cut) == 0;
                self.line(&line, whole, &mut show)?;
                // Its room serves the next one, unless it is large.
                self.line = line;
                self.line.clear();
                self.line.shrink_to(FIELD_BYTES);
            }
        }
    }

    /// Whether no event has begun.
    fn is_between(&self) -> bool {
        self.line.is_empty() && !self.has_data && self.kind.is_empty() && self.id.is_none() && !self.after_cr
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, bytes: &[u8]) {
        let room = (self.data_max + FIELD_BYTES).saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(&bytes[..room]);
        self.line_cut += bytes.len() - room;
    }

    fn line(
        &mut self,
        mut line: &[u8],
        whole: bool,
        show: &mut impl FnMut(Event<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if std::mem::take(&mut self.is_first) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return self.end(show);
        }
        let (name, value) = match memchr::memchr(b':', line) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => self.add(value, whole),
            b"event" => self.kind = String::from_utf8_lossy(value).into_owned(),
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                let milliseconds = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                self.retry = milliseconds.map(Duration::from_millis).or(self.retry);
            }
            b"id" if whole && value.len() <= ID_BYTES_MAX && !value.iter().any(u8::is_ascii_control) => {
                self.id = Some(String::from_utf8_lossy(value).into());
            }
            // Comments have no name; others are to be ignored.
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, value: &[u8], whole: bool) {
        if self.has_data && self.whole {
            self.data.push(b'\n');
        }
        self.has_data = true;
        if !self.whole {
            return;
        }
        let kept = value.len().min(self.data_max.saturating_sub(self.data.len()));
        self.data.extend_from_slice(&value[..kept]);
        self.whole = whole && kept == value.len();
    }

    /// An empty line: the event is complete.
    fn end(&mut self, show: &mut impl FnMut(Event<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
        let id = self.id.take();
        let event = Event { kind: &self.kind, data: &self.data, whole: self.whole, id: id.as_deref() };
        let shown = if self.has_data { show(event) } else { Ok(()) };
        // Also of an event that nobody is shown, as in browsers.
        self.last_id = id.or(self.last_id.take());
        self.kind.clear();
        self.data.clear();
        self.data.shrink_to(FIELD_BYTES);
        self.has_data = false;
        self.whole = true;
        shown
    }
}

/// The data of an event that is one line of data and all there, and what follows it.
fn simple(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(DATA)?;
    let end = memchr::memchr2(b'\n', b'\r', rest)?;
    let (data, ends) = rest.split_at(end);
    Some((data, ends.strip_prefix(b"\n\n")?))
}

#[cfg(test)]
mod tests;
