//! The target of a request: its path, its query, and the text behind their escapes (RFC 3986).
//!
//! A malformed escape is an error here, where the crates that decode let it through as it is: two readings of one
//! channel's name would be two channels.

/// The path of a request's target and its query, without the `?`: of a path, or of a whole URL as a proxy is sent (RFC 9112,
/// section 3.2). `None` for anything else, and for a target with a `#`.
pub fn path_and_query(target: &str) -> Option<(&str, Option<&str>)> {
    if target.contains('#') {
        return None;
    }
    let path = if target.starts_with('/') { target } else { path_of_url(target)? };
    Some(match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    })
}

fn path_of_url(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let known = ["ws", "wss", "http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let path_at = rest.find(['/', '?']).unwrap_or(rest.len());
    match &rest[path_at..] {
        _ if !known || path_at == 0 => None,
        "" => Some("/"),
        path => path.starts_with('/').then_some(path),
    }
}

/// The names and values of a query in their order (application/x-www-form-urlencoded; `+` is a space). A name without `=` has
/// an empty value, and nothing between two `&` is no pair. `None` stands for a pair that cannot be decoded.
pub fn query_pairs(query: &str) -> impl Iterator<Item = Option<(String, String)>> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((percent_decode(name, true)?, percent_decode(value, true)?))
    })
}

/// The text with its escapes (`%2F`) decoded, and each `+` as a space where that is asked for. `None` if a `%` has no two hex
/// digits behind it, or if the bytes are not UTF-8.
pub fn percent_decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            b'+' if plus_is_space => b' ',
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    #[test]
    fn targets() {
        for (target, expected) in [
            ("/", Some(("/", None))),
            ("/a/b", Some(("/a/b", None))),
            ("/a?", Some(("/a", Some("")))),
            ("/a?b?c/d", Some(("/a", Some("b?c/d")))),
            ("//a", Some(("//a", None))),
            ("/%23", Some(("/%23", None))),
            ("http://h", Some(("/", None))),
            ("HTTPS://h:1/a?b", Some(("/a", Some("b")))),
            ("ws://h/", Some(("/", None))),
            ("wss://[::1]/a", Some(("/a", None))),
            ("", None),
            ("*", None),
            ("a", None),
            ("?a", None),
            ("h:443", None),
            ("http:///a", None),
            ("http://", None),
            ("http://h?a", None),
            ("ftp://h/a", None),
            ("/#a", None),
            ("/a?b#c", None),
            ("http://h#a", None),
            ("http://h/#a", None),
        ] {
            assert_eq!(path_and_query(target), expected, "{target}");
        }
    }

    #[test]
    fn escapes() {
        for (text, plus_is_space, expected) in [
            ("", false, Some("")),
            ("a+b", false, Some("a+b")),
            ("a+b%2B", true, Some("a b+")),
            ("%41%c3%A4", false, Some("A\u{e4}")),
            ("%2525", false, Some("%25")),
            ("a%2Fb/c", false, Some("a/b/c")),
            ("%00", false, Some("\0")),
            ("\u{e4}", false, Some("\u{e4}")),
            ("%", false, None),
            ("%4", false, None),
            ("%4g", false, None),
            ("%g4", false, None),
            ("%+4", true, None),
            ("%%41", false, None),
            ("%c3", false, None),
            ("%c3a", false, None),
            ("%ff", false, None),
            ("%ed%a0%80", false, None),
            ("%c0%af", false, None),
            ("%u0041", false, None),
        ] {
            assert_eq!(percent_decode(text, plus_is_space).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn queries() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        for (query, expected) in [
            ("", vec![]),
            ("a", vec![pair("a", "")]),
            ("a=", vec![pair("a", "")]),
            ("=", vec![pair("", "")]),
            ("a=b=c", vec![pair("a", "b=c")]),
            ("&a=1&&b=2&", vec![pair("a", "1"), pair("b", "2")]),
            ("a=1&a=1", vec![pair("a", "1"), pair("a", "1")]),
            ("a+b=c+d", vec![pair("a b", "c d")]),
            ("%61%3D=%26;", vec![pair("a=", "&;")]),
            ("a=%&b=1", vec![None, pair("b", "1")]),
            ("%=1", vec![None]),
        ] {
            assert_eq!(query_pairs(query).collect::<Vec<_>>(), expected, "{query}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_back(text in ".{0,20}") {
            let encoded = text.bytes().fold(String::new(), |mut encoded, byte| {
                write!(encoded, "%{byte:02X}").unwrap();
                encoded
            });
            prop_assert_eq!(percent_decode(&encoded, true), Some(text.clone()));
            prop_assert_eq!(percent_decode(&encoded.to_lowercase(), false), Some(text.clone()));
            let pairs: Vec<_> = query_pairs(&format!("{encoded}={encoded}")).collect();
            prop_assert_eq!(pairs, [Some((text.clone(), text))]);
        }
    }
}
