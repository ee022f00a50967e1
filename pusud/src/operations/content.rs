//! The body of a request: JSON, of bounded size, and in bounded time.

use super::fault::Fault;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The longest body.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;
/// The time for a body.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// A secret in a body, which is wiped.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct Secret(pub(super) Zeroizing<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// Reads the body.
///
/// # Errors
/// It is too long or too slow, or the connection has ended.
pub(super) async fn read(request: Request<Incoming>) -> Result<Bytes, Fault> {
    let too_long = || {
        let detail = format!("expected a body of at most {BODY_BYTES_MAX} bytes");
        Fault::new(StatusCode::PAYLOAD_TOO_LARGE, detail).with(header::CONNECTION, "close")
    };
    let said = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said > BODY_BYTES_MAX as u64) {
        return Err(too_long());
    }
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX);
    match timeout(BODY_TIME_MAX, body.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(Fault::wrong("the body is incomplete")),
        Err(_) => {
            Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "the body has taken too long")
                .with(header::CONNECTION, "close"))
        }
    }
}

/// Makes sure that a body is said to be JSON. No form of a stranger's page can say that.
///
/// # Errors
/// It is said to be something else, or nothing is said.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Fault> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = said.and_then(|said| said.split(';').next()).map(str::trim);
    match kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        true => Ok(()),
        false => Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected `Content-Type: application/json`")),
    }
}

/// The value in a body. What is wrong with a body is said, but for one with a secret.
///
/// # Errors
/// It is none.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8], has_secret: bool) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        let what =
            if has_secret { format!("line {} column {}", error.line(), error.column()) } else { error.to_string() };
        Fault::wrong(format!("the body is not the JSON that is expected here: {what}"))
    })
}
