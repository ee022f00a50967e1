//! `http_send`: what of a client the service is told, and so what an answer may depend on.
//!
//! **Invariant:** what is not named is not sent. The cache knows questions by what is sent, so nothing else may reach
//! the service and change its answer.

use crate::question::Values;
use pusu_plugin_api::CreateError;
use pusu_plugin_api::options::Place;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The attribute that has the query in it.
const PATH: &str = "http.path";
/// What the attributes of the request's headers begin with; which there are, the relay's setting `authenticator_sees` says.
const HEADER: &str = "http.header.";
/// The other attributes that the relay gives, and so those that can be named one by one.
const ATTRIBUTES: [&str; 16] = [
    PATH,
    "http.origin",
    "proxy.address",
    "tls.version",
    "tls.sni",
    "tls.client.subject",
    "tls.client.common_name",
    "tls.client.issuer",
    "tls.client.serial",
    "tls.client.san.dns",
    "tls.client.san.uri",
    "tls.client.san.email",
    "tls.client.san.ip",
    "tls.client.sha256",
    "tls.client.key_sha256",
    "tls.client.not_after",
];

/// What the service is told beside the authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sends {
    pub(crate) peer: bool,
    pub(crate) attributes: Attributes,
    /// The query of the path too. A client may write anything into it.
    pub(crate) query: bool,
}

/// Which attributes it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attributes {
    All,
    /// There may be none.
    Named(Vec<String>),
}

impl Default for Sends {
    fn default() -> Self {
        Self { peer: true, attributes: Attributes::All, query: false }
    }
}

impl Sends {
    /// Reads the option.
    ///
    /// # Errors
    /// A name that is none; a query without its path.
    pub(crate) fn of(wanted: Option<&[String]>) -> Result<Self, CreateError> {
        let Some(wanted) = wanted else { return Ok(Self::default()) };
        let place = Place::option("http_send");
        let (mut peer, mut all, mut query, mut named) = (false, false, false, Vec::new());
        for (index, what) in wanted.iter().enumerate() {
            match what.as_str() {
                "peer" => peer = true,
                "attributes" => all = true,
                "query" => query = true,
                name if ATTRIBUTES.contains(&name) || is_header(name) => named.push(name.to_owned()),
                name => {
                    return Err(place.item(index).error(format_args!(
                        "expected `peer`, `attributes` (all of them), one of `{}`, `{HEADER}` and the name of a header in \
                         lower case, or `query`, found `{}`",
                        ATTRIBUTES.join("`, `"),
                        name.escape_debug()
                    )));
                }
            }
        }
        if query && !all && !named.iter().any(|name| name == PATH) {
            return Err(place.error(format_args!(
                "`query` is sent as a part of `{PATH}`, which is not there; add `{PATH}` or `attributes`, or remove it"
            )));
        }
        let attributes = if all { Attributes::All } else { Attributes::Named(named) };
        Ok(Self { peer, attributes, query })
    }

    /// Of these attributes, what the service is told. `None`: it is told of none whatever there is.
    pub(crate) fn attributes<'a>(
        &self,
        attributes: &'a BTreeMap<&'a str, Vec<Cow<'a, str>>>,
    ) -> Option<BTreeMap<&'a str, Values<'a>>> {
        let is_sent = |name: &str| match &self.attributes {
            Attributes::All => true,
            Attributes::Named(named) => named.iter().any(|sent| sent == name),
        };
        if self.attributes == Attributes::Named(Vec::new()) {
            return None;
        }
        let sent = attributes.iter().filter(|(name, _)| is_sent(name));
        let values = |name, values: &'a [Cow<'a, str>]| match values {
            [one] => Values::One(self.value(name, one)),
            several => Values::Several(several.iter().map(|value| self.value(name, value)).collect()),
        };
        Some(sent.map(|(&name, all)| (name, values(name, all))).collect())
    }

    fn value<'a>(&self, name: &str, value: &'a str) -> &'a str {
        match value.split_once('?') {
            Some((path, _)) if name == PATH && !self.query => path,
            _ => value,
        }
    }
}

/// Whether it is the attribute of a header, whose name is a token (RFC 9110, section 5.6.2) in lower case.
fn is_header(name: &str) -> bool {
    let is_in_names =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    name.strip_prefix(HEADER).is_some_and(|header| !header.is_empty() && header.bytes().all(is_in_names))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wanted: &[&str]) -> Result<Sends, CreateError> {
        let wanted: Vec<String> = wanted.iter().map(|&what| what.to_owned()).collect();
        Sends::of(Some(&wanted))
    }

    #[test]
    fn what_is_named_is_sent_and_the_query_only_if_asked_for() {
        let attributes = BTreeMap::from([
            ("http.header.x-tenant", vec![Cow::Borrowed("t?1")]),
            ("http.origin", vec![Cow::Borrowed("https://a?b")]),
            ("http.path", vec![Cow::Borrowed("/chat?room=1?2")]),
            ("of.later", vec![Cow::Borrowed("x?y")]),
        ]);
        let (origin, later) = (("http.origin", "https://a?b"), ("of.later", "x?y"));
        let tenant = ("http.header.x-tenant", "t?1");
        let (path, with_query) = (("http.path", "/chat"), ("http.path", "/chat?room=1?2"));
        for (wanted, peer, expected) in [
            (&["peer", "attributes"][..], true, Some(vec![tenant, origin, path, later])),
            (&["query", "attributes"], false, Some(vec![tenant, origin, with_query, later])),
            (&["http.path"], false, Some(vec![path])),
            (&["http.path", "query", "peer"], true, Some(vec![with_query])),
            (&["http.header.x-tenant", "http.header.x-absent"], false, Some(vec![tenant])),
            (&["http.origin", "http.origin"], false, Some(vec![origin])),
            (&["attributes", "http.origin"], false, Some(vec![tenant, origin, path, later])),
            (&["peer"], true, None),
            (&[], false, None),
        ] {
            let sends = of(wanted).unwrap();
            let one = |(name, value)| (name, Values::One(value));
            let expected = expected.map(|sent| sent.into_iter().map(one).collect());
            assert_eq!((sends.peer, sends.attributes(&attributes)), (peer, expected), "{wanted:?}");
        }
        assert_eq!(Sends::of(None).unwrap(), of(&["peer", "attributes"]).unwrap());
        assert_eq!(of(&["http.origin"]).unwrap().attributes(&BTreeMap::new()), Some(BTreeMap::new()));
    }

    #[test]
    fn what_is_there_several_times_is_a_list() {
        let names = ["a.example", "b.example"];
        let attributes = BTreeMap::from([("tls.client.san.dns", names.map(Cow::Borrowed).to_vec())]);
        let sent = of(&["tls.client.san.dns"]).unwrap().attributes(&attributes).unwrap();
        assert_eq!(sent["tls.client.san.dns"], Values::Several(names.to_vec()));
        assert_eq!(serde_json::to_string(&sent).unwrap(), r#"{"tls.client.san.dns":["a.example","b.example"]}"#);
    }

    #[test]
    fn unknown_names_are_refused_by_name() {
        let error = |wanted: &[&str]| of(wanted).unwrap_err().to_string();
        let text = error(&["peer", "origin"]);
        assert!(text.contains("option `http_send`, item 2: expected `peer`"), "{text}");
        assert!(text.contains("`http.origin`") && text.ends_with("found `origin`"), "{text}");
        for name in ["http.header.", "http.header.X-Tenant", "http.header.a b"] {
            let text = error(&[name]);
            assert!(text.contains("`http.header.` and the name of a header in lower case"), "{text}");
        }
        let text = error(&["peer", "query"]);
        assert!(text.contains("`query` is sent as a part of `http.path`, which is not there"), "{text}");
    }
}
