//! One document over HTTPS, bounded in size and redirects. Time is bounded by whoever waits.
//!
//! **Invariant:** no fault quotes an answer.

use super::address::Address;
use super::cache_time::cache_time;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, AGE, CACHE_CONTROL, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT,
};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use shared_https::{Trust, Trusted};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// Longest document, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most redirects that are followed for one document.
const REDIRECTS_MAX: usize = 5;

/// What was fetched.
pub(super) struct Document {
    pub(super) content: Zeroizing<Vec<u8>>,
    /// How long it may be kept, if the answer says so.
    pub(super) cache: Option<Duration>,
}

/// Fetches a document.
///
/// # Errors
/// What went wrong, with the host that it went wrong with, for the log.
pub(super) async fn fetch(address: &Address, trust: &Trust, trusted: &Trusted) -> Result<Document, String> {
    let mut address = address.clone();
    for _ in 0..=REDIRECTS_MAX {
        let at = |fault: String| format!("{}: {fault}", address.shown());
        let response = ask(&address, trust, trusted).await.map_err(at)?;
        let status = response.status();
        if status.is_redirection() && status.as_u16() != 304 {
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let location = location.ok_or_else(|| at(format!("redirects to nowhere (status {})", status.as_u16())))?;
            address = address.redirected(location).map_err(at)?;
            continue;
        }
        if status.as_u16() != 200 {
            // The code alone: its words are the service's own.
            return Err(at(format!("expected status 200, found {}", status.as_u16())));
        }
        let cache = cache_time(texts(response.headers(), &CACHE_CONTROL), texts(response.headers(), &AGE).next());
        let content = read(response.into_body()).await.map_err(at)?;
        return Ok(Document { content, cache });
    }
    Err(format!("{}: redirects more than {REDIRECTS_MAX} times", address.shown()))
}

fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

async fn ask(address: &Address, trust: &Trust, trusted: &Trusted) -> Result<Response<Incoming>, String> {
    let Address(address) = address;
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
    let stream = stream.map_err(|error| format!("cannot connect: {error}"))?;
    let name = ServerName::try_from(address.host.clone()).map_err(|_| "its name cannot be in a certificate")?;
    let stream = TlsConnector::from(Arc::clone(&trusted.config)).connect(name, stream).await;
    let stream = TokioIo::new(stream.map_err(|error| trust.fault(&error))?);
    let builder = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(stream);
    let (mut sender, served) = builder.await.map_err(|error| format!("cannot connect: {error}"))?;
    tokio::spawn(async move {
        // Whoever uses the connection hears of its errors.
        let _ = served.await;
    });
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = address.target.clone();
    let program = concat!("pusu-", env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    let headers = request.headers_mut();
    headers.insert(HOST, address.authority.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/jwk-set+json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(program));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    sender.send_request(request).await.map_err(|error| format!("no answer: {error}"))
}

async fn read(body: Incoming) -> Result<Zeroizing<Vec<u8>>, String> {
    let collected = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let collected = collected.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => format!("expected an answer of at most {BODY_BYTES_MAX} bytes, found a longer one"),
        None => format!("the answer breaks off: {error}"),
    })?;
    Ok(Zeroizing::new(collected.to_bytes().to_vec()))
}
