//! Requests over HTTP that are none for an upgrade: their heads, as values.
//!
//! Nothing is guessed. Where two readers of a head could disagree about where its body ends, the request is refused
//! (RFC 9112, section 6): a proxy in front of the relay may be the other reader.

mod repetition;

use super::fields::Fields;
use super::{Framing, HeaderNames, HttpError, SeenHeaders, path_and_query};
use std::fmt;
use std::ops::Range;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expectation {
    /// Nothing.
    #[default]
    None,
    /// To be told to go on.
    Continue,
    /// Something that nobody knows.
    Unknown,
}

/// A request's head.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// The bytes of its first line, which may hold secrets, and places in them.
    line: Zeroizing<Vec<u8>>,
    path: Span,
    query: Option<Span>,
    /// The bytes of what is behind it, which hold secrets. What follows are places in them.
    fields: Zeroizing<Vec<u8>>,
    /// How many bytes it has: as many, unless it only repeats them ([`Self::repeats_in`]).
    len: usize,
    content_length: Option<Span>,
    authorization: Option<Span>,
    content_type: Option<Span>,
    origin: Option<Span>,
    idempotency_key: Option<Span>,
    last_event_id: Option<Span>,
    cookie: Lines,
    accept: Lines,
    seen: SeenHeaders,
    /// What it wants to do.
    pub method: Method,
    /// Where its body ends; `None`: it does not say that it has one.
    pub framing: Option<Framing>,
    /// It is in HTTP/1.1, and not in HTTP/1.0.
    pub is_1_1: bool,
    /// Another request may follow.
    pub keeps_alive: bool,
    /// It offers to speak another protocol behind the answer.
    pub offers_upgrade: bool,
    /// What it expects first.
    pub expectation: Expectation,
    /// `Content-Encoding` names one.
    pub is_encoded: bool,
}

/// A place in a head.
type Span = Range<usize>;

/// The values of all lines of one name, as if they were one.
#[derive(Clone, PartialEq, Default)]
enum Lines {
    #[default]
    None,
    One(Span),
    Many(Zeroizing<Vec<u8>>),
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?} {}, {:?})", self.method, self.path(), self.framing)
    }
}

impl Request {
    /// Reads a head that came whole and well-formed, and is these bytes; authenticators see the headers of `names`.
    ///
    /// # Errors
    /// 400 or 431, for one reason.
    pub(crate) fn read(
        request: &httparse::Request<'_, '_>,
        head: &[u8],
        names: &HeaderNames,
    ) -> Result<Self, HttpError> {
        let fields = Fields::of(request.headers)?;
        let is_1_1 = request.version == Some(1);
        match fields.host {
            Some(host) if is_1_1 && host.trim_ascii().is_empty() => {
                return Err(HttpError::bad_request("The header Host is empty."));
            }
            None if is_1_1 => return Err(HttpError::bad_request("The header Host is missing or there twice.")),
            Some(_) | None => {}
        }
        let Some((path, query)) = path_and_query(request.path.unwrap_or_default()) else {
            return Err(HttpError::bad_request("The request's target is neither a path nor a URL."));
        };
        let (line, behind) = head.split_at(line_len(head, request.path.unwrap_or_default()));
        let span = |part: &[u8]| span_in(behind, part);
        Ok(Self {
            path: span_in(line, path.as_bytes()),
            query: query.map(|query| span_in(line, query.as_bytes())),
            authorization: fields.authorization.map(span),
            content_type: fields.content_type.map(span),
            origin: fields.origin.map(span),
            idempotency_key: fields.idempotency_key.map(span),
            last_event_id: fields.last_event_id.map(span),
            cookie: joined(behind, &fields.cookies, b"; "),
            accept: joined(behind, &fields.accepts, b", "),
            seen: SeenHeaders::of(request.headers, names)?,
            method: method(request.method.unwrap_or_default()),
            framing: framing(&fields, is_1_1)?,
            is_1_1,
            keeps_alive: is_1_1 && !fields.closes,
            offers_upgrade: fields.offers_upgrade,
            expectation: if is_1_1 { fields.expectation } else { Expectation::None },
            is_encoded: fields.is_encoded,
            content_length: fields.content_length.map(span),
            len: head.len(),
            line: Zeroizing::new(line.to_vec()),
            fields: Zeroizing::new(behind.to_vec()),
        })
    }

    /// How many bytes the head has.
    pub fn head_len(&self) -> usize {
        self.len
    }

    /// What it is about, with its escapes.
    pub fn path(&self) -> &str {
        // A target is text, and was cut where characters end.
        text(&self.line, &self.path).unwrap_or_default()
    }

    /// What stands behind the question mark. May hold an authorization.
    pub fn query(&self) -> &str {
        self.query.as_ref().and_then(|query| text(&self.line, query)).unwrap_or_default()
    }

    /// `Authorization`: a secret.
    pub fn authorization(&self) -> Option<&[u8]> {
        self.authorization.as_ref().map(|span| &self.fields[span.clone()])
    }

    /// `Content-Type`.
    pub fn content_type(&self) -> Option<&[u8]> {
        self.content_type.as_ref().map(|span| &self.fields[span.clone()])
    }

    /// `Origin`; of bytes that are no text, an origin that nobody has.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_ref().map(|span| text(&self.fields, span).unwrap_or_default())
    }

    /// `Idempotency-Key`.
    pub fn idempotency_key(&self) -> Option<&[u8]> {
        self.idempotency_key.as_ref().map(|span| &self.fields[span.clone()])
    }

    /// `Last-Event-ID`.
    pub fn last_event_id(&self) -> Option<&[u8]> {
        self.last_event_id.as_ref().map(|span| &self.fields[span.clone()])
    }

    /// `Cookie`, all lines of it: a secret.
    pub fn cookie(&self) -> Option<&[u8]> {
        self.lines(&self.cookie)
    }

    /// `Accept`, all lines of it.
    pub fn accept(&self) -> Option<&[u8]> {
        self.lines(&self.accept)
    }

    /// The headers that authenticators see: secrets.
    pub fn seen(&self) -> &SeenHeaders {
        &self.seen
    }

    fn lines<'a>(&'a self, lines: &'a Lines) -> Option<&'a [u8]> {
        match lines {
            Lines::None => None,
            Lines::One(span) => Some(&self.fields[span.clone()]),
            Lines::Many(joined) => Some(joined),
        }
    }
}

fn text<'a>(bytes: &'a [u8], span: &Span) -> Option<&'a str> {
    std::str::from_utf8(&bytes[span.clone()]).ok()
}

/// Where the line ends that `target` stands in.
fn line_len(head: &[u8], target: &str) -> usize {
    let at = span_in(head, target.as_bytes()).end;
    head[at..].iter().position(|byte| *byte == b'\n').map_or(head.len(), |end| at + end + 1)
}

/// Where `part`, which lies in `head`, does so.
fn span_in(head: &[u8], part: &[u8]) -> Span {
    let at = (part.as_ptr() as usize).wrapping_sub(head.as_ptr() as usize);
    // What was made up, the path of a URL without one for instance, lies nowhere in it, and is empty then.
    if at <= head.len() && part.len() <= head.len() - at { at..at + part.len() } else { 0..0 }
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
fn framing(fields: &Fields<'_>, is_1_1: bool) -> Result<Option<Framing>, HttpError> {
    let bad = |reason| Err(HttpError::bad_request(reason));
    match (fields.content_length, fields.transfer_encoding) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => bad("Content-Length and Transfer-Encoding exclude each other."),
        (Some(length), None) => match number(length) {
            Some(length) => Ok(Some(Framing::Length(length))),
            None => bad("The header Content-Length is no number."),
        },
        (None, Some(coding)) if is_1_1 && coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
        (None, Some(_)) if !is_1_1 => bad("HTTP/1.0 knows no Transfer-Encoding."),
        (None, Some(_)) => bad("The only Transfer-Encoding that is known here is chunked."),
    }
}

/// A number without a sign and without blanks.
fn number(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// The values of all lines of one name as if they were one.
fn joined(head: &[u8], lines: &[&[u8]], separator: &[u8]) -> Lines {
    match lines {
        [] => Lines::None,
        [one] => Lines::One(span_in(head, one)),
        many => Lines::Many(Zeroizing::new(many.join(separator))),
    }
}

#[cfg(test)]
mod tests;
