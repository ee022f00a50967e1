//! Requests for streams of Server-Sent Events, and the answers to those that get none.

use super::{Daemon, Raw};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Read as _;

/// An answer that is no stream: a problem.
#[derive(Debug)]
pub(crate) struct NoStream {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) problem: Value,
}

/// A request for a stream of this query, with `more` header lines (each ended by CR LF).
pub(crate) fn events_request(query: &str, more: &str) -> String {
    format!("GET /events?{query} HTTP/1.1\r\nHost: relay\r\nAccept: text/event-stream\r\n{more}\r\n")
}

/// The query for these channels.
pub(crate) fn channels_query(channels: &[&str]) -> String {
    let pairs: Vec<String> = channels.iter().map(|channel| format!("channel={}", escaped(channel))).collect();
    pairs.join("&")
}

/// Everything but letters and digits as escapes.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(byte.into()),
            other => write!(out, "%{other:02X}").unwrap(),
        }
        out
    })
}

/// The header line of an authorization.
pub(crate) fn bearer(authorization: &str) -> String {
    format!("Authorization: Bearer {authorization}\r\n")
}

impl Daemon {
    /// Asks for a stream in these bytes, and gets none.
    #[track_caller]
    pub(crate) fn no_events(&self, request: &str) -> NoStream {
        let mut raw = self.raw();
        raw.send(request);
        NoStream::read(&mut raw)
    }
}

impl NoStream {
    /// Reads an answer that is one.
    #[track_caller]
    pub(crate) fn read(raw: &mut Raw) -> Self {
        let head = raw.read_head();
        Self::behind(head, raw)
    }

    #[track_caller]
    pub(super) fn behind(head: String, raw: &mut Raw) -> Self {
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("{head}"));
        assert_ne!(status, 200, "a stream has begun: {head}");
        let length = header(&head, "Content-Length").unwrap_or_else(|| panic!("no Content-Length: {head}"));
        let mut body = vec![0; length.parse().unwrap()];
        raw.stream().read_exact(&mut body).unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {head}"));
        assert_eq!(problem["status"], status, "{head}{problem}");
        assert_eq!(header(&head, "Content-Type"), Some("application/problem+json"), "{head}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        Self { status, head, problem }
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

/// The value of a header that is there once.
pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let value = values.next();
    assert!(values.next().is_none(), "{name} is there twice: {head}");
    value
}
