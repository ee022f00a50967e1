//! The answers of the operations port, with the headers that all of them have.

use super::body::Body;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// What the console may load and do: its own files, and requests to where it came from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
/// The headers of every answer.
const COMMON: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// An answer.
pub(super) type Answer = Response<Body>;

/// An answer with a body that is known as a whole.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<hyper::body::Bytes>) -> Answer {
    let body = body.into();
    let len = body.len();
    let mut answer = bare(status, Body::whole(body));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    answer
}

/// An answer without a content type.
pub(super) fn bare(status: StatusCode, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    for (name, value) in COMMON {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// 200 with a value as JSON.
pub(super) fn json(value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(bytes) => answer(StatusCode::OK, JSON, bytes),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("the answer cannot be written: {error}")),
    }
}

/// An error by RFC 9457, with what is wrong and the way out.
pub(super) fn problem(status: StatusCode, detail: &str) -> Answer {
    let title = status.canonical_reason().unwrap_or("Error");
    let body =
        serde_json::json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    answer(status, PROBLEM, body.to_string())
}

/// The same answer with another header.
pub(super) fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    // What is no value of a header is nobody's to see.
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}
