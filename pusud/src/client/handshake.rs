//! The WebSocket upgrade (RFC 6455, section 4.2), as a function from the bytes received so far to what to answer. A request
//! for anything else is given back as it is.
//!
//! tungstenite's own handshake closes without an HTTP answer, and refuses frames that follow in the request's segment;
//! clients deserve the former and may do the latter. No extension is ever chosen.

use super::facts::Facts;
use crate::admission::{ClientAddress, Forwarding, begins_like_proxy_header};
use crate::http::{
    self, ForwardedError, HeaderNames, HttpError, Request, SeenHeaders, has_bare_line_feed, has_token, path_and_query,
    single, values,
};
use crate::protocol::Refusal;
use std::fmt::Write as _;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The subprotocol that is chosen where a client offers it.
const SUBPROTOCOL: &str = "pusu";

/// Most header lines in a request.
const HEADERS_MAX: usize = 64;

/// What the bytes received so far amount to.
#[derive(Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a connection has one at a time, and to box requests costs more than to move them"
)]
pub enum Progress {
    /// The request is not whole yet.
    Partial,
    /// An upgrade.
    Accept(Upgrade),
    /// A request for something else, and where its client is, as in [`Upgrade::client`].
    Request(Request, Option<IpAddr>),
    /// Neither: send this and close, and count it as this, if it is anything.
    Refuse(Vec<u8>, Option<Refusal>),
}

/// A head that can be answered.
#[expect(clippy::large_enum_variant, reason = "as above; it lives as long as a call")]
enum Head {
    Upgrade(Upgrade),
    Request(Request),
}

/// Who has handed the request on: whose word is taken about where it comes from.
#[derive(Debug)]
pub struct Hops<'a> {
    /// Where it comes from as far as is known without it.
    pub peer: ClientAddress,
    /// The proxies that are trusted.
    pub forwarding: &'a Forwarding,
}

/// An upgrade that can be granted.
#[derive(Debug, PartialEq)]
pub struct Upgrade {
    /// The HTTP answer.
    pub response: Vec<u8>,
    /// How many of the bytes were the request; what follows are frames.
    pub request_len: usize,
    /// What else it said; `None` for what nearly all clients say.
    pub facts: Option<Box<Facts>>,
    /// Where the client is, in the words of trusted proxies; `None` where nobody's word is taken, or a Unix socket's owner
    /// has said nothing.
    pub client: Option<IpAddr>,
}

/// Looks at the bytes received so far; `head_bytes_max` bounds the request's head. `hops`: who has handed it on, where
/// headers may say so. `seen`: which headers authenticators see.
pub fn advance(received: &[u8], head_bytes_max: usize, hops: Option<&Hops<'_>>, seen: &HeaderNames) -> Progress {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let outcome = match request.parse_with_uninit_headers(received, &mut headers) {
        Ok(httparse::Status::Partial) if received.len() < head_bytes_max => return Progress::Partial,
        Ok(httparse::Status::Complete(len)) if len <= head_bytes_max => check(&request, &received[..len], seen),
        Ok(_) => Err(TOO_LARGE),
        Err(httparse::Error::TooManyHeaders) => Err(TOO_LARGE),
        // Its line looks like a request of an unknown version.
        Err(_) if begins_like_proxy_header(received) => Err(PROXY_HEADER),
        Err(httparse::Error::Version) => Err(OTHER_VERSION),
        Err(_) => Err(HttpError::bad_request("This is not an HTTP request.")),
    };
    match outcome {
        Ok(head) => match (hops.map(|hops| client(&request, hops)).transpose(), head) {
            (Ok(client), Head::Upgrade(upgrade)) => Progress::Accept(Upgrade { client: client.flatten(), ..upgrade }),
            (Ok(client), Head::Request(request)) => Progress::Request(request, client.flatten()),
            (Err(error), _) => {
                let response = HttpError::bad_request(error.reason()).to_response();
                Progress::Refuse(response, Some(Refusal::TrustedProxies))
            }
        },
        Err(error) if error.status == TOO_LARGE.status => {
            Progress::Refuse(error.to_response(), Some(Refusal::MaxHeaderBytes))
        }
        Err(error) => Progress::Refuse(error.to_response(), None),
    }
}

/// Where the client is, in the words of those who have handed the request on.
fn client(request: &httparse::Request<'_, '_>, hops: &Hops<'_>) -> Result<Option<IpAddr>, ForwardedError> {
    // Whoever connects to a Unix socket has no address; it is trusted here, and so is this one, which nobody has.
    const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let peer = hops.peer.ip().unwrap_or(NOBODY);
    let is_trusted = |address| address == NOBODY && hops.peer.ip().is_none() || hops.forwarding.trusts_ip(address);
    let client = http::client(request.headers, peer, is_trusted)?;
    Ok((client != NOBODY).then_some(client))
}

/// For whoever has put a proxy in front that was not told of WebSockets: it is the proxy that speaks then.
macro_rules! behind_a_proxy {
    () => {
        "A proxy in front of the relay has to speak HTTP/1.1 to it, to pass the headers Upgrade and Connection on, and to \
         keep silent connections for longer than the relay's ping_interval. In nginx:\n\
         \x20   proxy_http_version 1.1;\n\
         \x20   proxy_set_header Upgrade $http_upgrade;\n\
         \x20   proxy_set_header Connection \"Upgrade\";\n\
         \x20   proxy_read_timeout 120s;\n\
         \x20   proxy_send_timeout 120s;"
    };
}

const TOO_LARGE: HttpError = HttpError {
    status: "431 Request Header Fields Too Large",
    headers: "",
    reason: "The request's head is too long or has too many lines.",
};
const PROXY_HEADER: HttpError = HttpError::bad_request(
    "A PROXY header came, which this port does not expect: set proxy_protocol: required for it.",
);
const OTHER_VERSION: HttpError = HttpError {
    status: "505 HTTP Version Not Supported",
    headers: "",
    reason: concat!("A WebSocket begins with HTTP/1.1, and requests are in HTTP/1.1 or HTTP/1.0.\n", behind_a_proxy!()),
};
const NOT_AN_UPGRADE: HttpError = HttpError {
    status: "426 Upgrade Required",
    headers: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    reason: concat!(
        "This is a PuSu Engine relay: connect with a WebSocket client (RFC 6455, version 13).\n",
        behind_a_proxy!()
    ),
};

fn check(request: &httparse::Request<'_, '_>, head: &[u8], seen: &HeaderNames) -> Result<Head, HttpError> {
    if has_bare_line_feed(head) {
        return Err(HttpError::bad_request("A line of the request does not end in CR LF."));
    }
    if wants_websocket(request.headers) {
        check_upgrade(request, head, seen).map(Head::Upgrade)
    } else {
        Request::read(request, head, seen).map(Head::Request)
    }
}

/// Whether somebody speaks who means a WebSocket. A proxy that was not told of them takes `Upgrade` out, and leaves the rest.
fn wants_websocket(headers: &[httparse::Header<'_>]) -> bool {
    const PREFIX: &str = "sec-websocket-";
    let is_of_websocket = |name: &str| {
        name.len() > PREFIX.len() && name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
    };
    headers.iter().any(|header| is_of_websocket(header.name)) || has_token(headers, "upgrade", "websocket")
}

fn check_upgrade(request: &httparse::Request<'_, '_>, head: &[u8], seen: &HeaderNames) -> Result<Upgrade, HttpError> {
    if request.version != Some(1) {
        return Err(OTHER_VERSION);
    }
    if request.method != Some("GET") {
        return Err(HttpError {
            status: "405 Method Not Allowed",
            headers: "Allow: GET\r\n",
            reason: "A WebSocket upgrade is a GET request.",
        });
    }
    let headers = &*request.headers;
    if !has_token(headers, "upgrade", "websocket") {
        return Err(NOT_AN_UPGRADE);
    }
    if !has_token(headers, "connection", "upgrade") {
        return Err(HttpError::bad_request(concat!(
            "The header Connection does not say Upgrade.\n",
            behind_a_proxy!()
        )));
    }
    if has_body(headers) {
        return Err(HttpError::bad_request("An upgrade has no body."));
    }
    if single(headers, "host", "The header Host is missing or there twice.")?.is_empty() {
        return Err(HttpError::bad_request("The header Host is empty."));
    }
    if single(headers, "sec-websocket-version", "The header Sec-WebSocket-Version is missing or there twice.")? != "13"
    {
        return Err(NOT_AN_UPGRADE);
    }
    let key = single(headers, "sec-websocket-key", "The header Sec-WebSocket-Key is missing or there twice.")?;
    if !is_sixteen_bytes_of_base64(key) {
        return Err(HttpError::bad_request("The header Sec-WebSocket-Key is not 16 bytes in base64."));
    }
    let origin = match values(headers, "origin").next() {
        None => None,
        Some(_) => Some(single(headers, "origin", "The header Origin is not text or there twice.")?.into()),
    };
    let Some((path, query)) = path_and_query(request.path.unwrap_or_default()) else {
        return Err(HttpError::bad_request("The request's target is neither a path nor a URL."));
    };
    let path = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let facts = Facts { path: path.into(), origin, seen: SeenHeaders::of(headers, seen)? };
    let facts = (!facts.are_usual()).then(|| Box::new(facts));
    let response = switching_protocols(key, subprotocol(headers));
    Ok(Upgrade { response, request_len: head.len(), facts, client: None })
}

/// Whether a body follows the request. Nobody has a use for one, and whoever takes its end for another byte than a proxy
/// in front does reads frames where there are none.
fn has_body(headers: &[httparse::Header<'_>]) -> bool {
    values(headers, "transfer-encoding").next().is_some()
        || values(headers, "content-length").any(|length| length.trim_ascii() != b"0")
}

/// The subprotocol to choose of those that are offered: ours, else the first one. Browsers end a connection where they have
/// offered some and none is chosen, and there is but one protocol here that all of them can mean.
fn subprotocol<'a>(headers: &'a [httparse::Header<'a>]) -> Option<&'a str> {
    let offered = || {
        let texts = values(headers, "sec-websocket-protocol").filter_map(|value| std::str::from_utf8(value).ok());
        texts.flat_map(|text| text.split(',')).map(str::trim).filter(|name| is_token(name))
    };
    offered().find(|name| *name == SUBPROTOCOL).or_else(|| offered().next())
}

/// Whether it is a token (RFC 9110, section 5.6.2), which may stand in the answer.
fn is_token(text: &str) -> bool {
    let is_in_tokens = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_in_tokens)
}

fn switching_protocols(key: &str, subprotocol: Option<&str>) -> Vec<u8> {
    let mut response = String::with_capacity(160);
    let accept = derive_accept_key(key.as_bytes());
    write!(
        response,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n"
    )
    .expect("writing to a String cannot fail");
    if let Some(name) = subprotocol {
        write!(response, "Sec-WebSocket-Protocol: {name}\r\n").expect("writing to a String cannot fail");
    }
    response.push_str("\r\n");
    response.into_bytes()
}

fn is_sixteen_bytes_of_base64(key: &str) -> bool {
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    // 22 characters carry 132 bits: the last four bits of the last one must be 0.
    key.len() == 24
        && key.ends_with("==")
        && key.bytes().take(22).all(alphabet)
        && matches!(key.as_bytes()[21], b'A' | b'Q' | b'g' | b'w')
}

#[cfg(test)]
mod tests;
