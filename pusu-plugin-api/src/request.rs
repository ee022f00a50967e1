//! Requests of clients, seen safely: every view borrows the host's memory for the length of the call.

use crate::link::bytes;
use pusu_plugin_abi as abi;
use std::fmt;
use std::marker::PhantomData;
use std::str::Utf8Error;
use std::time::Duration;

/// Names one request, and once it is granted the grant, until that ends. The relay never uses a ticket again while it
/// runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What the client sent to be let in: a secret. `Debug` prints `[redacted]`, and there is no `Display`.
#[derive(Clone, Copy)]
pub struct Authorization<'a>(&'a [u8]);

impl<'a> Authorization<'a> {
    /// The bytes; compare them in constant time, and wipe every copy.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// When they are not UTF-8. The error does not contain them.
    pub fn to_str(self) -> Result<&'a str, Utf8Error> {
        std::str::from_utf8(self.0)
    }
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What a client asks, and who asks it. Borrowed until the call returns: an authenticator that answers later copies
/// what it needs.
pub struct Request<'a> {
    raw: abi::Request,
    borrowed: PhantomData<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// A request that came from no relay; see [`testing::request`](crate::testing::request).
    pub(crate) fn detached(authorization: &'a [u8]) -> Self {
        Self {
            raw: abi::Request {
                struct_size: size_of::<abi::Request>() as u32,
                flags: 0,
                ticket: 0,
                timeout_ms: 5000,
                authorization: abi::Str::borrow(authorization),
                peer: abi::Str::borrow(b"127.0.0.1:50000"),
                attrs: std::ptr::null(),
                attrs_len: 0,
            },
            borrowed: PhantomData,
        }
    }

    /// `None` if the pointer is null or what it points to is smaller than a request.
    ///
    /// # Safety
    /// `raw` is null, or points to a request that, like everything in it, stays valid and unchanged for `'a`.
    pub(crate) unsafe fn from_raw(raw: *const abi::Request) -> Option<Self> {
        // SAFETY: not null, so by the caller's promise a request, whose first field is there in any size of it.
        if raw.is_null() || (unsafe { (*raw).struct_size } as usize) < size_of::<abi::Request>() {
            return None;
        }
        // SAFETY: as above, and it is large enough to be read as a whole.
        Some(Self { raw: unsafe { *raw }, borrowed: PhantomData })
    }

    /// What the client sent.
    pub fn authorization(&self) -> Authorization<'a> {
        // SAFETY: whoever made `self` promised that what `raw` borrows is valid for 'a.
        Authorization(unsafe { bytes(self.raw.authorization) })
    }

    /// The client's address, such as `203.0.113.7:50123` or `[2001:db8::1]:50123`; without a port, `2001:db8::1`, where a header
    /// of a trusted proxy names it; empty for a client of a Unix socket.
    pub fn peer(&self) -> &'a str {
        // SAFETY: as in `authorization`.
        std::str::from_utf8(unsafe { bytes(self.raw.peer) }).unwrap_or("")
    }

    /// The name of this request; [`AsyncAuthenticator::cancel`](crate::AsyncAuthenticator::cancel) gets it too.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.raw.ticket)
    }

    /// How much time is left. A later answer is ignored.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.raw.timeout_ms)
    }

    /// Whether the client's connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.raw.flags & abi::REQ_TLS != 0
    }

    /// Whether the client is authorized already, and renews or adds to what it may do. Holds for a recheck, too.
    pub fn is_again(&self) -> bool {
        self.raw.flags & abi::REQ_AGAIN != 0
    }

    /// Whether the relay asks by itself about a grant, with what the client sent for it then: it is no second use of a
    /// one-time token. A grant takes the place of the old one, a refusal ends it, and
    /// [`unavailable`](crate::Verdict::unavailable) leaves it as it is.
    pub fn is_recheck(&self) -> bool {
        self.raw.flags & abi::REQ_RECHECK != 0
    }

    /// The grant that a recheck is about: the ticket of the request that it was given for. `None` if it is no recheck.
    pub fn previous_ticket(&self) -> Option<Ticket> {
        let digits = self.attr(abi::ATTR_PREVIOUS_TICKET).filter(|_| self.is_recheck())?;
        digits.parse().ok().map(Ticket)
    }

    /// Further facts about the connection, such as `http.origin`. What is not UTF-8 in a key is left out.
    pub fn attrs(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let attrs: &'a [abi::Attr] = if self.raw.attrs.is_null() {
            &[]
        } else {
            // SAFETY: not null, and whoever made `self` promised that what `raw` borrows is valid for 'a.
            unsafe { std::slice::from_raw_parts(self.raw.attrs, self.raw.attrs_len) }
        };
        attrs.iter().filter_map(|attr| {
            // SAFETY: as above.
            let (key, value) = unsafe { (bytes(attr.key), bytes(attr.value)) };
            Some((std::str::from_utf8(key).ok()?, value))
        })
    }

    /// The fact named `key`, if it is there and is text.
    pub fn attr(&self, key: &str) -> Option<&'a str> {
        self.attrs().find(|(name, _)| *name == key).and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("ticket", &self.raw.ticket)
            .field("authorization", &self.authorization())
            .field("peer", &self.peer())
            .field("timeout", &self.timeout())
            .field("attrs", &self.attrs().map(|(key, _)| key).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_prints_the_authorization() {
        let request = Request::detached(b"hunter2");
        let printed = format!("{request:?} {:?}", request.authorization());
        assert!(!printed.contains("hunter2") && printed.contains("[redacted]"), "{printed}");
        assert_eq!(request.authorization().to_str(), Ok("hunter2"));
    }

    #[test]
    fn attributes_are_found_by_name() {
        let text = |text: &'static str| abi::Str::borrow(text.as_bytes());
        let attrs = [
            abi::Attr { key: text("http.origin"), value: text("https://example.com") },
            abi::Attr { key: text("tls.sni"), value: abi::Str::borrow(b"\xff") },
            abi::Attr { key: text("empty"), value: abi::Str::EMPTY },
        ];
        let mut request = Request::detached(b"");
        request.raw.attrs = attrs.as_ptr();
        request.raw.attrs_len = attrs.len();
        assert_eq!(request.attr("http.origin"), Some("https://example.com"));
        assert_eq!((request.attr("tls.sni"), request.attr("empty"), request.attr("none")), (None, Some(""), None));
        assert_eq!(request.attrs().count(), 3);
    }
}
