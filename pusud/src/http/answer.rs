//! Answers to requests over HTTP: functions from values to bytes. Errors are problems (RFC 9457).

use serde_json::{Value, json};
use std::borrow::Cow;
use std::io::Write as _;

/// What stands in the head of every answer to one request besides what the answer says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Further header lines, each with its line end: what a page of another origin may see.
    pub headers: String,
    /// The connection is closed behind the answer.
    pub closes: bool,
    /// The head alone is wanted (HEAD).
    pub is_head: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The type of the body.
    pub content_type: &'static str,
    /// Further header lines, each with its line end.
    pub headers: Cow<'static, str>,
    /// The body.
    pub body: Cow<'static, [u8]>,
}

/// A text for people.
pub const TEXT: &str = "text/plain; charset=utf-8";
/// JSON.
pub const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// When a client may try again that has been too fast, or has met a relay that cannot answer now.
const RETRY_AFTER: &str = "Retry-After: 5\r\n";
/// The same where the answer depends on another one that is on its way.
const RETRY_SOON: &str = "Retry-After: 1\r\n";

impl Answer {
    /// One with a body of this type, and no other headers.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { status, content_type, headers: Cow::Borrowed(""), body: body.into() }
    }

    /// One without a body.
    pub fn empty(status: u16) -> Self {
        Self::new(status, "", &b""[..])
    }

    /// A problem, with one sentence about it.
    pub fn problem(status: u16, detail: &str) -> Self {
        Self::problem_with(status, detail, json!({}))
    }

    /// The same with further members, which stand in a JSON object.
    pub fn problem_with(status: u16, detail: &str, members: Value) -> Self {
        let mut body = json!({"type": "about:blank", "title": title(status), "status": status, "detail": detail});
        if let (Some(body), Value::Object(members)) = (body.as_object_mut(), members) {
            body.extend(members);
        }
        let headers = match status {
            401 => "WWW-Authenticate: Bearer\r\n",
            409 => RETRY_SOON,
            429 | 503 => RETRY_AFTER,
            _ => "",
        };
        Self::new(status, PROBLEM, body.to_string().into_bytes()).with(headers)
    }

    /// With further header lines, each with its line end.
    pub fn with(mut self, headers: impl Into<Cow<'static, str>>) -> Self {
        match headers.into() {
            more if self.headers.is_empty() => self.headers = more,
            more => self.headers.to_mut().push_str(&more),
        }
        self
    }

    /// Appends it as bytes.
    pub fn push(&self, envelope: &Envelope, out: &mut Vec<u8>) {
        let Self { status, content_type, headers, body } = self;
        out.reserve(body.len() + 256);
        let title = title(*status);
        let of_body = |out: &mut Vec<u8>| match content_type.is_empty() {
            // RFC 9110, section 8.6: an answer without content says no length.
            true if *status == 204 => Ok(()),
            true => write!(out, "Content-Length: 0\r\n"),
            false => write!(out, "Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len()),
        };
        write!(out, "HTTP/1.1 {status} {title}\r\n")
            .and_then(|()| of_body(out))
            .and_then(|()| write!(out, "{headers}{}", envelope.headers))
            .and_then(|()| if envelope.closes { write!(out, "Connection: close\r\n") } else { Ok(()) })
            .and_then(|()| write!(out, "\r\n"))
            .expect("writing to a Vec cannot fail");
        if !envelope.is_head {
            out.extend_from_slice(body);
        }
    }
}

/// The words of a status code (RFC 9110, section 15).
pub fn title(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Error",
    }
}
