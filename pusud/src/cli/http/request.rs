//! Requests as the commands make them: their targets, and the headers that are the same in all of them.
//!
//! **Invariant:** the authorization is a secret: it is in a header, and in no target and no message.

use crate::cli::client_messages::Failure;
use crate::cli::connection_args::Target;
use std::fmt::Write as _;
use tokio_tungstenite::tungstenite::http::Uri;

/// What every request for one relay has in it.
pub(in crate::cli) struct Requests<'a> {
    /// What comes before the relay's own paths, with no slash at its end.
    base: &'a str,
    /// The query of the URL, which may mean something to what stands before the relay.
    query: Option<&'a str>,
    /// `Host` and `Authorization`, each with its line end.
    headers: String,
}

impl<'a> Requests<'a> {
    /// # Errors
    /// When the authorization cannot stand in a header.
    pub(in crate::cli) fn new(target: &'a Target) -> Result<Self, Failure> {
        let url: &Uri = &target.url.request;
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit('@').next().unwrap_or_default();
        let authorization = authorization(target)?;
        let mut headers = format!("Host: {host}\r\n");
        if !authorization.is_empty() {
            headers += &format!("Authorization: Bearer {authorization}\r\n");
        }
        Ok(Self { base: url.path().trim_end_matches('/'), query: url.query(), headers })
    }

    /// A request to publish to a channel, up to the number of bytes in the body, which is JSON.
    pub(in crate::cli) fn publish(&self, channel: &str) -> String {
        let mut target = format!("{}/publish/{}", self.base, encoded(channel));
        if let Some(query) = self.query {
            target += &format!("?{query}");
        }
        format!("POST {target} HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: ", self.headers)
    }

    /// A request for the events of channels, all of it: with so many of the newest, and from behind the event with this id.
    pub(in crate::cli) fn events<'c>(
        &self,
        channels: impl IntoIterator<Item = &'c str>,
        last: Option<u32>,
        id: Option<&str>,
    ) -> String {
        let query = self.query.map(str::to_owned);
        let channels = channels.into_iter().map(|channel| format!("channel={}", encoded(channel)));
        let last = last.map(|last| format!("last={last}"));
        let query: Vec<String> = query.into_iter().chain(channels).chain(last).collect();
        let target = format!("{}/events?{}", self.base, query.join("&"));
        let id = id.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        format!("GET {target} HTTP/1.1\r\n{}Accept: text/event-stream\r\n{id}\r\n", self.headers)
    }
}

/// The authorization of `target`, if it can stand in a header (RFC 9110, section 5.5) and comes out of it as it is.
fn authorization(target: &Target) -> Result<&str, Failure> {
    let bytes = target.authorization.expose();
    let text = std::str::from_utf8(bytes).map_err(|_| Failure::lasting("the authorization is not UTF-8"))?;
    let found = match bytes.iter().position(u8::is_ascii_control) {
        Some(at) if matches!(bytes[at], b'\n' | b'\r') => format!("a line end at byte {at}"),
        Some(at) => format!("a control character at byte {at}"),
        None if text.starts_with(' ') => "a space at its beginning".to_owned(),
        None if text.ends_with(' ') => "a space at its end".to_owned(),
        None => return Ok(text),
    };
    Err(Failure::lasting(format!(
        "the authorization cannot be sent over HTTP: expected text that can stand in a header, found {found}; over \
         WebSocket (without --http, with a ws:// URL) any text can be sent"
    )))
}

/// A channel's name for a path or a query. Slashes are encoded too, so that no proxy takes `//` or `..` for a path.
fn encoded(channel: &str) -> String {
    let mut out = String::with_capacity(channel.len());
    for byte in channel.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::relay_url::RelayUrl;
    use pusud::authenticator::Authorization;

    fn target(url: &str, authorization: &[u8]) -> Target {
        let url = RelayUrl::parse(url).unwrap();
        Target { url, tls: None, authorization: Authorization::new(authorization.to_vec()) }
    }

    #[test]
    fn requests_say_what_they_want() {
        for (url, authorization, host, base, query) in [
            ("ws://127.0.0.1:55000", "", "127.0.0.1:55000", "", None),
            ("wss://[::1]/", "both=* ä", "[::1]", "", None),
            ("http://user:word@relay.example.com/pusu/?key=1", "word", "relay.example.com", "/pusu", Some("key=1")),
            ("unix:/run/a b.sock", "word", "localhost", "", None),
        ] {
            let target = target(url, authorization.as_bytes());
            let requests = Requests::new(&target).unwrap();
            let authorization = match authorization {
                "" => String::new(),
                some => format!("Authorization: Bearer {some}\r\n"),
            };
            let headers = format!(" HTTP/1.1\r\nHost: {host}\r\n{authorization}");
            let behind = query.map_or_else(String::new, |query| format!("?{query}"));
            assert_eq!(
                requests.publish("a"),
                format!("POST {base}/publish/a{behind}{headers}Content-Type: application/json\r\nContent-Length: ")
            );
            let before = query.map_or_else(String::new, |query| format!("{query}&"));
            assert_eq!(
                requests.events(["a", "b c"], None, None),
                format!("GET {base}/events?{before}channel=a&channel=b%20c{headers}Accept: text/event-stream\r\n\r\n")
            );
            let accept = "Accept: text/event-stream\r\nLast-Event-ID: p1\r\n\r\n";
            assert_eq!(
                requests.events(["a"], Some(3), Some("p1")),
                format!("GET {base}/events?{before}channel=a&last=3{headers}{accept}")
            );
        }
    }

    #[test]
    fn names_of_channels_are_encoded() {
        for (channel, expected) in [
            ("news.today-1_~", "news.today-1_~"),
            ("a/../b?c#d", "a%2F..%2Fb%3Fc%23d"),
            ("50% + ä&=", "50%25%20%2B%20%C3%A4%26%3D"),
        ] {
            assert_eq!(encoded(channel), expected);
        }
    }

    #[test]
    fn an_authorization_that_cannot_stand_in_a_header_is_an_error() {
        for (bad, expected) in [
            (&b"a\nb"[..], "a line end at byte 1"),
            (b"\ra", "a line end at byte 0"),
            (b"a\tb", "a control character at byte 1"),
            (b"ab\x7f", "a control character at byte 2"),
            (b" a", "a space at its beginning"),
            (b"a ", "a space at its end"),
            (b"secret\xff", "not UTF-8"),
        ] {
            let failure = Requests::new(&target("ws://a", bad)).err().unwrap();
            assert!(failure.message.contains(expected) && !failure.again, "{failure}");
            assert!(!failure.message.contains("secret"), "{failure}");
        }
    }
}
