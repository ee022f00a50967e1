//! Cross-origin requests of pages (WHATWG Fetch, section 3.2): which may see the answers, and whether their cookies count.

use crate::protocol::{AllowedOrigin, Origin};

/// What the pages of an origin may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrossOrigin {
    /// No page has sent the request, or one of the relay's own origin.
    None,
    /// Any page may, since no origins are set; but nobody's cookies count.
    Anybody,
    /// The settings name this origin, as it was sent.
    Named(Box<str>),
    /// The settings name others.
    Refused,
}

impl CrossOrigin {
    /// Of a request with this `Origin`, where these are allowed; none: all are.
    pub(crate) fn of(origin: Option<&str>, allowed: &[AllowedOrigin]) -> Self {
        let Some(text) = origin else { return Self::None };
        if allowed.is_empty() {
            return Self::Anybody;
        }
        match Origin::parse(text) {
            Some(page) if allowed.iter().any(|origin| origin.allows(&page)) => Self::Named(text.into()),
            _ => Self::Refused,
        }
    }

    /// Whether a cookie that came with the request is its page's doing, or the relay's own page's. The cookies of a user
    /// whom any page can have send requests prove nothing.
    pub fn may_use_cookies(&self) -> bool {
        matches!(self, Self::None | Self::Named(_))
    }

    /// The header lines that let the page see the answer.
    pub fn headers(&self) -> String {
        match self {
            Self::None | Self::Refused => String::new(),
            Self::Anybody => "Access-Control-Allow-Origin: *\r\n".to_owned(),
            Self::Named(origin) => format!(
                "Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n"
            ),
        }
    }
}

/// The header lines of the answer to a page that asks whether it may send a request with this method.
pub(crate) fn preflight(method: &str) -> String {
    format!(
        "Access-Control-Allow-Methods: {method}\r\n\
         Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Cache-Control\r\n\
         Access-Control-Max-Age: 7200\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_count_only_for_named_origins() {
        let named = [AllowedOrigin::parse("https://shop.example").expect("an origin")];
        for (origin, allowed, expected) in [
            (None, &named[..], CrossOrigin::None),
            (None, &[], CrossOrigin::None),
            (Some("https://evil.example"), &[], CrossOrigin::Anybody),
            (Some("https://shop.example"), &named, CrossOrigin::Named("https://shop.example".into())),
            (Some("HTTPS://Shop.Example:443"), &named, CrossOrigin::Named("HTTPS://Shop.Example:443".into())),
            (Some("https://evil.example"), &named, CrossOrigin::Refused),
            (Some("null"), &named, CrossOrigin::Refused),
            (Some("nonsense"), &named, CrossOrigin::Refused),
        ] {
            let found = CrossOrigin::of(origin, allowed);
            let cookies = matches!(found, CrossOrigin::None | CrossOrigin::Named(_));
            assert_eq!((found.may_use_cookies(), &found), (cookies, &expected), "{origin:?}");
            assert_eq!(found.headers().contains("Credentials"), matches!(found, CrossOrigin::Named(_)));
        }
    }
}
