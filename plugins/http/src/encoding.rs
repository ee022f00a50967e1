//! Encodings of an answer's body that nobody asked for: the requests say `Accept-Encoding: identity`.
//!
//! **Invariant:** none is decoded, and the words of the service are not repeated: its header is looked up in a list.

use hyper::header::{CONTENT_ENCODING, HeaderMap};

/// The names that are known (IANA, HTTP Content Coding Registry).
const KNOWN: [&str; 7] = ["gzip", "x-gzip", "br", "deflate", "zstd", "compress", "x-compress"];
/// What a body in gzip begins with (RFC 1952, section 2.3.1), and no JSON.
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// An encoding that the body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    name: &'static str,
    /// The header does not say it.
    is_untold: bool,
}

impl Encoding {
    /// The encoding that the head of an answer names, if it is any.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let mut named = values.flat_map(|value| value.split(',')).map(str::trim);
        let named = named.find(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))?;
        let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(named));
        Some(Self { name: known.unwrap_or("an unknown encoding"), is_untold: false })
    }

    /// The encoding of a body whose head names none.
    pub(crate) fn of_body(body: &[u8]) -> Option<Self> {
        body.starts_with(GZIP_MAGIC).then_some(Self { name: "gzip", is_untold: true })
    }

    /// What is wrong, for the log.
    pub(crate) fn fault(self) -> String {
        let untold = if self.is_untold { ", which it does not say" } else { "" };
        format!(
            "the answer is compressed ({}{untold}), and nobody asked for that: have the service, or the proxy in front of \
             it, send it as it is",
            self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn encodings_are_named() {
        for (values, expected) in [
            (&[][..], None),
            (&["identity"], None),
            (&[""], None),
            (&["gzip"], Some("gzip")),
            (&["GZIP"], Some("gzip")),
            (&["identity, br"], Some("br")),
            (&["identity", "zstd"], Some("zstd")),
            (&["canary"], Some("an unknown encoding")),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(Encoding::of(&headers).map(|encoding| encoding.name), expected, "{values:?}");
        }
        assert_eq!(Encoding::of_body(b"{\"permissions\":[]}"), None);
        assert!(Encoding::of_body(b"\x1f\x8b\x08").unwrap().fault().contains("(gzip, which it does not say)"));
    }
}
