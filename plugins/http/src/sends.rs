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
/// The attributes that the relay gives, and so those that can be named one by one.
const ATTRIBUTES: [&str; 17] = [
    PATH,
    "http.origin",
    "http.header.cookie",
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
    Named(Vec<&'static str>),
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
                name => match ATTRIBUTES.into_iter().find(|known| *known == name) {
                    Some(known) => named.push(known),
                    None => {
                        return Err(place.item(index).error(format_args!(
                            "expected `peer`, `attributes` (all of them), one of `{}`, or `query`, found `{}`",
                            ATTRIBUTES.join("`, `"),
                            name.escape_debug()
                        )));
                    }
                },
            }
        }
        if query && !all && !named.contains(&PATH) {
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
            Attributes::Named(named) => named.contains(&name),
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
            ("http.origin", vec![Cow::Borrowed("https://a?b")]),
            ("http.path", vec![Cow::Borrowed("/chat?room=1?2")]),
            ("of.later", vec![Cow::Borrowed("x?y")]),
        ]);
        let (origin, later) = (("http.origin", "https://a?b"), ("of.later", "x?y"));
        let (path, with_query) = (("http.path", "/chat"), ("http.path", "/chat?room=1?2"));
        for (wanted, peer, expected) in [
            (&["peer", "attributes"][..], true, Some(vec![origin, path, later])),
            (&["query", "attributes"], false, Some(vec![origin, with_query, later])),
            (&["http.path"], false, Some(vec![path])),
            (&["http.path", "query", "peer"], true, Some(vec![with_query])),
            (&["http.origin", "http.origin"], false, Some(vec![origin])),
            (&["attributes", "http.origin"], false, Some(vec![origin, path, later])),
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
        let text = error(&["peer", "query"]);
        assert!(text.contains("`query` is sent as a part of `http.path`, which is not there"), "{text}");
    }
}
