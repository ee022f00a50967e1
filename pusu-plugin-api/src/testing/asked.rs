//! Requests of a test's own making.

use crate::request::{Request, Ticket};
use pusu_plugin_abi as abi;
use std::time::Duration;

/// What a client asks, and what the relay says about it.
///
/// ```
/// use pusu_plugin_api::testing::{Asked, ticket};
///
/// let mut asked = Asked::new(b"token").attr("http.origin", "https://example.com").recheck(ticket(7));
/// assert_eq!(asked.request().previous_ticket(), Some(ticket(7)));
/// ```
pub struct Asked {
    authorization: Vec<u8>,
    ticket: Ticket,
    flags: u32,
    timeout: Duration,
    peer: String,
    attrs: Vec<(String, Vec<u8>)>,
    /// Borrows from `attrs`; made anew for each request.
    raw_attrs: Vec<abi::Attr>,
}

impl Asked {
    /// As [`testing::request`](super::request): from 127.0.0.1, with five seconds left.
    pub fn new(authorization: &[u8]) -> Self {
        Self {
            authorization: authorization.to_vec(),
            ticket: Ticket(0),
            flags: 0,
            timeout: Duration::from_secs(5),
            peer: "127.0.0.1:50000".to_owned(),
            attrs: Vec::new(),
            raw_attrs: Vec::new(),
        }
    }

    /// The request's own ticket.
    pub fn ticket(self, ticket: Ticket) -> Self {
        Self { ticket, ..self }
    }

    /// How much time is left.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The client's address, such as `203.0.113.7:50123`; may be empty.
    pub fn peer(self, peer: &str) -> Self {
        Self { peer: peer.to_owned(), ..self }
    }

    /// A further fact, such as `http.origin`.
    pub fn attr(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.attrs.push((key.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// The client's connection is encrypted.
    pub fn encrypted(self) -> Self {
        Self { flags: self.flags | abi::REQ_TLS, ..self }
    }

    /// The client renews what it has, or asks for more.
    pub fn again(self) -> Self {
        Self { flags: self.flags | abi::REQ_AGAIN, ..self }
    }

    /// The relay asks by itself about the grant that `previous` names.
    pub fn recheck(self, previous: Ticket) -> Self {
        let flags = self.flags | abi::REQ_AGAIN | abi::REQ_RECHECK;
        Self { flags, ..self }.attr(abi::ATTR_PREVIOUS_TICKET, previous.to_string())
    }

    /// The request.
    pub fn request(&mut self) -> Request<'_> {
        let borrowed = |(key, value): &(String, Vec<u8>)| abi::Attr {
            key: abi::Str::borrow(key.as_bytes()),
            value: abi::Str::borrow(value),
        };
        self.raw_attrs = self.attrs.iter().map(borrowed).collect();
        let raw = abi::Request {
            struct_size: size_of::<abi::Request>() as u32,
            flags: self.flags,
            ticket: self.ticket.0,
            timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
            authorization: abi::Str::borrow(&self.authorization),
            peer: abi::Str::borrow(self.peer.as_bytes()),
            attrs: self.raw_attrs.as_ptr(),
            attrs_len: self.raw_attrs.len(),
        };
        // SAFETY: everything that it borrows belongs to `self`, which is borrowed for as long as the request lives.
        unsafe { Request::from_raw(&raw const raw) }.expect("it is as large as a request")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{recheck, ticket};

    #[test]
    fn what_is_asked_is_seen() {
        let mut asked = Asked::new(b"token").ticket(ticket(3)).peer("[2001:db8::1]:1").encrypted();
        asked = asked.timeout(Duration::from_millis(250)).attr("http.path", "/a").attr("tls.sni", b"\xff");
        let request = asked.request();
        assert_eq!((request.authorization().as_bytes(), request.ticket()), (&b"token"[..], ticket(3)));
        assert_eq!((request.peer(), request.timeout()), ("[2001:db8::1]:1", Duration::from_millis(250)));
        assert_eq!((request.attr("http.path"), request.attr("tls.sni")), (Some("/a"), None));
        assert!(request.is_encrypted() && !request.is_again() && !request.is_recheck());
        assert_eq!(request.previous_ticket(), None);
        assert!(Asked::new(b"").again().request().is_again());
    }

    #[test]
    fn a_recheck_names_its_grant() {
        let mut asked = recheck(b"token", ticket(u64::MAX));
        let request = asked.request();
        assert!(request.is_again() && request.is_recheck());
        assert_eq!(request.previous_ticket(), Some(ticket(u64::MAX)));
        let mut odd = Asked::new(b"").again().attr(abi::ATTR_PREVIOUS_TICKET, "7");
        assert_eq!(odd.request().previous_ticket(), None, "it is no recheck");
    }
}
