//! Facts: what a client's request has said that an authenticator may want to know, for as long as the client may be asked
//! about.
//!
//! **Invariant:** the headers among them are secrets; `Debug` shows none, and they are wiped when the connection ends.

use crate::http::SeenHeaders;
use std::borrow::Cow;
use std::fmt;
use zeroize::Zeroizing;

/// What a request says that an authenticator may want to know.
#[derive(Clone, PartialEq)]
pub struct Facts {
    /// The path, with its query.
    pub path: Cow<'static, str>,
    /// The `Origin` header, where there is one.
    pub origin: Option<Box<str>>,
    /// The headers that the settings name, and the cookie where it is what the client is to be known by: secrets.
    pub seen: SeenHeaders,
}

impl Facts {
    /// Whether there is nothing that most requests do not say: a path of `/`.
    pub(super) fn are_usual(&self) -> bool {
        self.path == "/" && self.origin.is_none() && self.seen.is_empty()
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Facts({}, {:?})", self.path, self.origin)
    }
}

/// The facts as attributes of a question to the authenticator.
pub(super) fn attributes(facts: Option<&Facts>) -> Vec<(String, Zeroizing<String>)> {
    let path = facts.map_or("/", |facts| &*facts.path);
    let origin = facts.and_then(|facts| facts.origin.as_deref());
    let mut attributes = vec![("http.path".to_owned(), Zeroizing::new(path.to_owned()))];
    attributes.extend(origin.map(|origin| ("http.origin".to_owned(), Zeroizing::new(origin.to_owned()))));
    let seen = facts.into_iter().flat_map(|facts| facts.seen.iter());
    attributes.extend(seen.map(|(name, value)| (name.to_owned(), value.clone())));
    attributes
}
