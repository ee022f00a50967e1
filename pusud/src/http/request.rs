//! Requests over HTTP that are none for an upgrade: their heads, as values.
//!
//! Nothing is guessed. Where two readers of a head could disagree about where its body ends, the request is refused
//! (RFC 9112, section 6): a proxy in front of the relay may be the other reader.

use super::head::{has_token, optional, single, values};
use super::{Framing, HttpError, path_and_query};
use std::fmt;
use zeroize::Zeroizing;

/// What a request wants to do. Names of methods are compared with regard to case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// OPTIONS.
    Options,
    /// Any other.
    Other,
}

/// What a request expects before its body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing.
    None,
    /// To be told to go on.
    Continue,
    /// Something that nobody knows.
    Unknown,
}

/// A request's head.
#[derive(PartialEq)]
pub struct Request {
    /// What it wants to do.
    pub method: Method,
    /// What it is about, with its escapes.
    pub path: Box<str>,
    /// What stands behind the question mark. May hold an authorization.
    pub query: Option<Zeroizing<String>>,
    /// How many bytes the head has.
    pub head_len: usize,
    /// Where its body ends; `None`: it does not say that it has one.
    pub framing: Option<Framing>,
    /// It is HTTP/1.1, and not older.
    pub is_1_1: bool,
    /// Another request may follow.
    pub keeps_alive: bool,
    /// It offers to speak another protocol behind the answer.
    pub offers_upgrade: bool,
    /// What it expects first.
    pub expectation: Expectation,
    /// `Authorization`: a secret.
    pub authorization: Option<Zeroizing<Vec<u8>>>,
    /// `Cookie`, all lines of it: a secret.
    pub cookie: Option<Zeroizing<String>>,
    /// `Content-Type`.
    pub content_type: Option<Box<str>>,
    /// `Content-Encoding` names one.
    pub is_encoded: bool,
    /// `Origin`.
    pub origin: Option<Box<str>>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<Box<str>>,
    /// `Accept`, all lines of it.
    pub accept: Option<Box<[u8]>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?} {}, {:?})", self.method, self.path, self.framing)
    }
}

impl Request {
    /// Reads a head that came whole and well-formed in `head_len` bytes.
    ///
    /// # Errors
    /// 400 or 505, for one reason.
    pub(crate) fn read(request: &httparse::Request<'_, '_>, head_len: usize) -> Result<Self, HttpError> {
        let headers = &*request.headers;
        let is_1_1 = request.version == Some(1);
        if is_1_1 {
            if single(headers, "host", "The header Host is missing or there twice.")?.is_empty() {
                return Err(HttpError::bad_request("The header Host is empty."));
            }
        } else if values(headers, "host").nth(1).is_some() {
            return Err(HttpError::bad_request("The header Host is there twice."));
        }
        let Some((path, query)) = path_and_query(request.path.unwrap_or_default()) else {
            return Err(HttpError::bad_request("The request's target is neither a path nor a URL."));
        };
        let text = |name, reason| optional(headers, name, reason).map(|value| value.map(Box::<str>::from));
        let authorization = "The header Authorization is there twice, or no text.";
        Ok(Self {
            method: method(request.method.unwrap_or_default()),
            path: path.into(),
            query: query.map(|query| Zeroizing::new(query.to_owned())),
            head_len,
            framing: framing(headers, is_1_1)?,
            is_1_1,
            keeps_alive: is_1_1 && !has_token(headers, "connection", "close"),
            offers_upgrade: values(headers, "upgrade").next().is_some(),
            expectation: expectation(headers, is_1_1),
            authorization: optional(headers, "authorization", authorization)?
                .map(|value| Zeroizing::new(value.as_bytes().to_vec())),
            cookie: joined(headers, "cookie", b"; ")
                .map(|cookie| String::from_utf8(cookie).map(Zeroizing::new))
                .transpose()
                .map_err(|_| HttpError::bad_request("The header Cookie is no text."))?,
            content_type: text("content-type", "The header Content-Type is there twice, or no text.")?,
            is_encoded: values(headers, "content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity")),
            origin: text("origin", "The header Origin is not text or there twice.")?,
            idempotency_key: text("idempotency-key", "The header Idempotency-Key is there twice, or no text.")?,
            accept: joined(headers, "accept", b", ").map(Vec::into_boxed_slice),
        })
    }
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "OPTIONS" => Method::Options,
        _ => Method::Other,
    }
}

/// Where the body ends. Length and chunks together, lengths that are there twice, and codings of which `chunked` is not the
/// only one mean one thing to one reader and another to the next.
fn framing(headers: &[httparse::Header<'_>], is_1_1: bool) -> Result<Option<Framing>, HttpError> {
    let bad = |reason| Err(HttpError::bad_request(reason));
    let mut lengths = values(headers, "content-length");
    let mut codings = values(headers, "transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => bad("Content-Length and Transfer-Encoding exclude each other."),
        (Some(length), None) => match (std::str::from_utf8(length).map(number), lengths.next()) {
            (Ok(Some(length)), None) => Ok(Some(Framing::Length(length))),
            (_, None) => bad("The header Content-Length is no number."),
            (_, Some(_)) => bad("The header Content-Length is there twice."),
        },
        (None, Some(coding)) => match codings.next() {
            None if is_1_1 && coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
            None if !is_1_1 => bad("HTTP/1.0 knows no Transfer-Encoding."),
            _ => bad("The only Transfer-Encoding that is known here is chunked."),
        },
    }
}

/// A number without a sign and without blanks.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn expectation(headers: &[httparse::Header<'_>], is_1_1: bool) -> Expectation {
    let mut all = values(headers, "expect");
    match (all.next(), all.next()) {
        // RFC 9110, section 10.1.1: in an older version it is ignored.
        (None, _) | (Some(_), _) if !is_1_1 => Expectation::None,
        (None, _) => Expectation::None,
        (Some(one), None) if one.eq_ignore_ascii_case(b"100-continue") => Expectation::Continue,
        (Some(_), _) => Expectation::Unknown,
    }
}

/// The values of all lines of one name as if they were one.
fn joined(headers: &[httparse::Header<'_>], name: &str, separator: &[u8]) -> Option<Vec<u8>> {
    let mut all = values(headers, name);
    let mut joined = all.next()?.to_vec();
    for value in all {
        joined.extend_from_slice(separator);
        joined.extend_from_slice(value);
    }
    Some(joined)
}

#[cfg(test)]
mod tests;
