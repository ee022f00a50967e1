//! Origins that settings allow: one, or all whose host lies below a name (`https://*.example.com`).
//!
//! **Invariant:** whatever is accepted matches some page. A text that no browser would ever send is an error at the start,
//! not an entry that matches nothing.

use crate::protocol::origin::Origin;
use std::fmt;

/// Begins a host that stands for all names below another.
const ANY_BELOW: &str = "*.";

/// One entry of `limits.allowed_origins`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin {
    /// The origin; where names below its host are meant, without the `*.`.
    origin: Origin,
    any_below: bool,
}

impl AllowedOrigin {
    /// Reads `scheme://host`, `scheme://host:port`, `scheme://*.host` with or without a port, or `null`.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        refuse_known_mistakes(text)?;
        let (text, any_below) = match text.split_once("://") {
            Some((scheme, rest)) if rest.starts_with(ANY_BELOW) => {
                (format!("{scheme}://{}", &rest[ANY_BELOW.len()..]), true)
            }
            _ => (text.to_owned(), false),
        };
        if text.contains('*') {
            return Err(
                "`*` stands for names below another one alone, as its whole first label: https://*.example.com; \
                        to allow all origins, leave the list empty"
                    .into(),
            );
        }
        let origin = Origin::parse(&text).ok_or("write scheme, host and, if it is not the usual one, port")?;
        if any_below && !origin.has_host_name() {
            return Err("there are no names below an IP address or an empty label: write the host itself".into());
        }
        Ok(Self { origin, any_below })
    }

    /// Whether a page of this origin may connect.
    pub fn allows(&self, page: &Origin) -> bool {
        if self.any_below { page.is_below(&self.origin) } else { *page == self.origin }
    }
}

/// Texts that would match nothing, by their reason.
fn refuse_known_mistakes(text: &str) -> Result<(), String> {
    if text.contains([',', ' ']) {
        return Err("write each origin as an entry of its own".into());
    }
    if !text.is_ascii() {
        return Err("browsers send other letters than those of ASCII in Punycode: write the host as `xn--…`".into());
    }
    if text == "*" {
        return Err("to allow all origins, leave the list empty".into());
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return match text {
            "null" => Ok(()),
            text if text.eq_ignore_ascii_case("null") => Err("the word is written `null`".into()),
            text => Err(format!("the scheme is missing: write https://{text} or http://{text}")),
        };
    };
    if let Some(page_scheme) = match scheme.to_ascii_lowercase().as_str() {
        "ws" => Some("http"),
        "wss" => Some("https"),
        _ => None,
    } {
        return Err(format!("an origin is that of the page, not of the relay: write {page_scheme}://{rest}"));
    }
    if rest.contains('@') {
        return Err("an origin has no name and password: leave them out".into());
    }
    match rest.find(['/', '?', '#']) {
        Some(end) if rest.ends_with('/') && end == rest.len() - 1 => {
            Err(format!("browsers send no slash at the end: write {scheme}://{}", &rest[..end]))
        }
        Some(end) => Err(format!("an origin has no path: write {scheme}://{}", &rest[..end])),
        None => Ok(()),
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.to_string();
        match origin.split_once("://") {
            Some((scheme, rest)) if self.any_below => write!(f, "{scheme}://{ANY_BELOW}{rest}"),
            _ => f.write_str(&origin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_stands_for_one_label_or_more() {
        let allows = |allowed: &str, page: &str| {
            AllowedOrigin::parse(allowed)
                .unwrap_or_else(|error| panic!("{allowed}: {error}"))
                .allows(&Origin::parse(page).unwrap())
        };
        for (allowed, page, expected) in [
            ("https://*.example.com", "https://www.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://www.example.com:443", true),
            ("HTTPS://*.Example.COM:443", "https://WWW.example.com", true),
            ("https://*.example.com:8443", "https://www.example.com:8443", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*.example.com", "https://evilexample.com", false),
            ("https://*.example.com", "https://www.example.com.evil.example", false),
            ("https://*.example.com", "http://www.example.com", false),
            ("https://*.example.com", "https://www.example.com:8443", false),
            ("https://*.example.com", "null", false),
            ("https://example.com", "https://www.example.com", false),
            ("https://example.com", "https://example.com", true),
            ("null", "null", true),
        ] {
            assert_eq!(allows(allowed, page), expected, "{allowed} and {page}");
        }
    }

    #[test]
    fn what_would_match_nothing_is_refused_with_a_way_out() {
        for (text, expected) in [
            ("", "the scheme is missing"),
            ("*", "leave the list empty"),
            ("example.com", "write https://example.com or http://example.com"),
            ("example.com:80", "write https://example.com:80 or http://example.com:80"),
            ("NULL", "is written `null`"),
            ("https://", "write scheme, host"),
            ("https://a/", "browsers send no slash at the end: write https://a"),
            ("https://*.a/", "write https://*.a"),
            ("https://a/b", "an origin has no path: write https://a"),
            ("https://a?b", "has no path"),
            ("https://user@a", "no name and password"),
            ("https://a:x", "write scheme, host"),
            ("wss://a", "write https://a"),
            ("https://a, https://b", "an entry of its own"),
            ("https://b\u{fc}cher.example", "Punycode"),
            ("https://*", "first label"),
            ("https://*.", "write scheme, host"),
            ("https://*.*.example.com", "first label"),
            ("https://www.*.com", "first label"),
            ("https://a*.example.com", "first label"),
            ("https://*example.com", "first label"),
            ("https://*.example.*", "first label"),
            ("https://example.com:*", "first label"),
            ("*://example.com", "first label"),
            ("https://*.10.0.0.1", "no names below an IP address"),
            ("https://*.[::1]", "no names below an IP address"),
            ("https://*..example.com", "an empty label"),
        ] {
            let error = AllowedOrigin::parse(text).expect_err(text);
            assert!(error.contains(expected), "{text:?} gave: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(text in "https?://(\\*\\.)?[a-z0-9.-]{1,20}(:[0-9]{1,5})?|\\PC{0,30}") {
            if let Ok(allowed) = AllowedOrigin::parse(&text) {
                prop_assert_eq!(AllowedOrigin::parse(&allowed.to_string()), Ok(allowed));
            }
        }
    }
}
