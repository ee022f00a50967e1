//! Request headers that authenticators see: their names, as the settings list them, and what one request says in them.
//!
//! **Invariant:** what a request says in them is a secret, as cookies are: `Debug` shows none of it, and dropping it wipes it.
//! **Invariant:** it is there as it was sent, or the request is refused: nothing is cut short or left out.

use super::token::is_token;
use super::{HttpError, values};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Most headers that may be listed.
const SEEN_HEADERS_MAX: usize = 16;
/// Longest value of one, all its lines together, in bytes.
const SEEN_VALUE_BYTES_MAX: usize = 8 * 1024;
/// What stands before a header's name in that of its attribute.
const PREFIX: &str = "http.header.";
/// The attribute of cookies.
const COOKIE: &str = "http.header.cookie";
/// Longest name: the attribute's has room for no more.
const NAME_BYTES_MAX: usize = pusu_plugin_abi::KEY_BYTES_MAX - PREFIX.len();

/// Headers that authenticators do not see under their names, and why.
const FORBIDDEN: [(&str, &str); 11] = [
    ("authorization", "it is the authorization itself, over HTTP, and no authenticator needs it twice"),
    ("proxy-authorization", "it is for the proxy before the relay"),
    ("connection", BY_HOP),
    ("content-length", "it says how long the body of one request is"),
    ("expect", BY_HOP),
    ("keep-alive", BY_HOP),
    ("proxy-connection", BY_HOP),
    ("te", BY_HOP),
    ("trailer", BY_HOP),
    ("transfer-encoding", BY_HOP),
    ("upgrade", BY_HOP),
];
const BY_HOP: &str = "it is about one connection, and every proxy writes its own";

/// The names of headers, each once; none, unless the settings list some.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct HeaderNames(Arc<[Name]>);

/// The name of its attribute, in lower case.
type Name = Arc<str>;

impl HeaderNames {
    /// Of the names as they were written.
    ///
    /// # Errors
    /// Which one cannot be listed, and why.
    pub fn parse<'a>(written: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut names: Vec<Name> = Vec::new();
        for text in written {
            let lower = text.to_ascii_lowercase();
            if !is_token(text) || text.len() > NAME_BYTES_MAX {
                return Err(format!(
                    "expected the name of a header, of 1 to {NAME_BYTES_MAX} characters, found {text:?}"
                ));
            }
            if let Some((_, why)) = FORBIDDEN.iter().find(|(name, _)| *name == lower) {
                return Err(format!("`{text}` cannot be shown to an authenticator: {why}; leave it out"));
            }
            if lower.starts_with("sec-websocket-") {
                return Err(format!(
                    "`{text}` cannot be shown to an authenticator: it is for the handshake; leave it out"
                ));
            }
            let name: Name = format!("{PREFIX}{lower}").into();
            if names.contains(&name) {
                return Err(format!("`{text}` is there twice"));
            }
            names.push(name);
        }
        if names.len() > SEEN_HEADERS_MAX {
            return Err(format!("expected at most {SEEN_HEADERS_MAX} headers, found {}", names.len()));
        }
        Ok(Self(names.into()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The headers' names, in lower case.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &name[PREFIX.len()..])
    }

    /// Whether cookies are among them.
    pub fn has_cookie(&self) -> bool {
        self.0.iter().any(|name| &**name == COOKIE)
    }
}

impl fmt::Debug for HeaderNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What a request says in headers that authenticators see. Takes one pointer where there is nothing.
#[derive(Clone, PartialEq, Default)]
pub struct SeenHeaders(Option<Box<Entries>>);

#[derive(Clone, PartialEq, Default)]
struct Entries(Vec<(Name, Zeroizing<String>)>);

impl SeenHeaders {
    /// What these header lines say under these names; several lines of one name as if they were one.
    ///
    /// # Errors
    /// 431 or 400: a value is too long, or no text.
    pub(crate) fn of(headers: &[httparse::Header<'_>], names: &HeaderNames) -> Result<Self, HttpError> {
        let mut seen = Self::default();
        for name in &*names.0 {
            let separator = if &**name == COOKIE { "; " } else { ", " };
            let lines = || values(headers, &name[PREFIX.len()..]);
            if lines().next().is_none() {
                continue;
            }
            // With room for all of it the buffer never moves, and leaves no copy behind that nobody wipes.
            let len = lines().map(|line| line.len() + separator.len()).sum::<usize>() - separator.len();
            if len > SEEN_VALUE_BYTES_MAX {
                return Err(TOO_LONG);
            }
            let mut value = Zeroizing::new(String::with_capacity(len));
            for (at, line) in lines().enumerate() {
                value.push_str(if at == 0 { "" } else { separator });
                value.push_str(std::str::from_utf8(line).map_err(|_| NO_TEXT)?);
            }
            seen.0.get_or_insert_default().0.push((name.clone(), value));
        }
        Ok(seen)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The attributes, each with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Zeroizing<String>)> {
        self.0.iter().flat_map(|entries| &entries.0).map(|(name, value)| (&**name, value))
    }

    /// Adds the cookie, unless it is there.
    pub(crate) fn show_cookie(&mut self, cookie: &str) {
        if self.iter().all(|(name, _)| name != COOKIE) {
            self.0.get_or_insert_default().0.push((COOKIE.into(), Zeroizing::new(cookie.to_owned())));
        }
    }

    /// Takes the cookie out.
    pub(crate) fn hide_cookie(&mut self) {
        if let Some(entries) = &mut self.0 {
            entries.0.retain(|(name, _)| &**name != COOKIE);
        }
    }
}

impl fmt::Debug for SeenHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, _)| (name, format_args!("[redacted]")))).finish()
    }
}

const TOO_LONG: HttpError = HttpError {
    status: "431 Request Header Fields Too Large",
    headers: "",
    reason: "A header that the authenticator is shown (authenticator_sees) is longer than 8 KiB.",
};
const NO_TEXT: HttpError =
    HttpError::bad_request("A header that the authenticator is shown (authenticator_sees) is no text in UTF-8.");

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(names: &[&str], lines: &[(&str, &[u8])]) -> Result<Vec<(String, String)>, HttpError> {
        let names = HeaderNames::parse(names.iter().copied()).expect("good names");
        let headers: Vec<_> = lines.iter().map(|&(name, value)| httparse::Header { name, value }).collect();
        let seen = SeenHeaders::of(&headers, &names)?;
        assert!(!format!("{seen:?}").contains("secret"), "{seen:?}");
        Ok(seen.iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect())
    }

    #[test]
    fn what_is_listed_is_seen_as_it_was_sent() {
        let lines: &[(&str, &[u8])] = &[
            ("Cookie", b"a=secret"),
            ("X-Request-Id", b"7"),
            ("X-Other", b"secret"),
            ("cookie", b"b=2"),
            ("x-request-ID", b""),
            ("Origin", b"https://a.example"),
        ];
        let pair = |name: &str, value: &str| (format!("http.header.{name}"), value.to_owned());
        let found = seen(&["x-request-id", "Cookie", "origin", "x-absent"], lines).unwrap();
        let cookie = pair("cookie", "a=secret; b=2");
        assert_eq!(found, [pair("x-request-id", "7, "), cookie, pair("origin", "https://a.example")]);
        assert_eq!(seen(&[], lines), Ok(Vec::new()));
        assert_eq!(seen(&["x-absent"], lines), Ok(Vec::new()));
    }

    #[test]
    fn what_is_too_long_or_no_text_is_refused() {
        let half = vec![b'x'; SEEN_VALUE_BYTES_MAX / 2 - 1];
        let longest: &[(&str, &[u8])] = &[("x-a", &half), ("x-a", &half)];
        let value = seen(&["x-a"], longest).unwrap().remove(0).1;
        assert_eq!(value.len(), SEEN_VALUE_BYTES_MAX);
        let longer = [longest, &[("x-a", b"")]].concat();
        assert_eq!(seen(&["x-a"], &longer), Err(TOO_LONG));
        assert_eq!(seen(&["x-b"], &longer), Ok(Vec::new()), "nobody asks for it");
        assert_eq!(seen(&["x-a"], &[("x-a", b"\xff")]), Err(NO_TEXT));
    }

    #[test]
    fn cookies_are_hidden_and_shown() {
        let names = HeaderNames::parse(["cookie", "x-a"]).unwrap();
        let lines = [("cookie", &b"c=1"[..]), ("x-a", b"1")].map(|(name, value)| httparse::Header { name, value });
        let mut seen = SeenHeaders::of(&lines, &names).unwrap();
        seen.show_cookie("c=2");
        assert!(seen.iter().any(|(_, value)| **value == "c=1") && seen.iter().count() == 2);
        seen.hide_cookie();
        assert_eq!(seen.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["http.header.x-a"]);
        seen.show_cookie("c=2");
        assert!(seen.iter().any(|(name, value)| name == COOKIE && **value == "c=2"));
    }

    #[test]
    fn names_that_cannot_be_listed_are_refused_by_name() {
        let error = |names: &[&str]| HeaderNames::parse(names.iter().copied()).unwrap_err();
        for (name, wanted) in [
            ("Authorization", "is the authorization itself"),
            ("Connection", "about one connection"),
            ("Sec-WebSocket-Key", "for the handshake"),
            ("content-length", "how long the body"),
            ("", "expected the name of a header"),
            ("a b", "found \"a b\""),
            ("x:", "expected the name of a header"),
            (&"x".repeat(NAME_BYTES_MAX + 1), "of 1 to 52 characters"),
        ] {
            assert!(error(&[name]).contains(wanted), "{}", error(&[name]));
        }
        assert!(error(&["x-a", "X-A"]).contains("`X-A` is there twice"));
        let many: Vec<String> = (0..=SEEN_HEADERS_MAX).map(|number| format!("x-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(error(&many).contains("at most 16 headers, found 17"));
        let names = HeaderNames::parse(many[1..].iter().copied()).unwrap();
        assert!(names.len() == 16 && !names.has_cookie() && HeaderNames::parse(["COOKIE"]).unwrap().has_cookie());
    }
}
