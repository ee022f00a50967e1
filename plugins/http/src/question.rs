//! Questions to the service: the body of a request, and the name under which its answer is shared and remembered.
//!
//! **Invariant:** the name is a keyed hash of the whole body. Whatever the service is told may change its answer, so
//! questions that differ in anything never share one.
//! **Invariant:** the body is wiped when the last owner lets go of it.

use crate::sends::Sends;
use bytes::Bytes;
use pusu_plugin_api::Request;
use pusu_plugin_api::serde::{self, Serialize};
use ring::hmac;
use ring::rand::SystemRandom;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use zeroize::Zeroizing;

/// Of a client, as far as a service may be told.
pub(crate) struct Facts<'a> {
    pub(crate) authorization: &'a str,
    pub(crate) peer: Cow<'a, str>,
    /// An attribute may have several values, a line each, as the names in a certificate are.
    pub(crate) attributes: BTreeMap<&'a str, Vec<Cow<'a, str>>>,
}

impl<'a> Facts<'a> {
    /// `None` if the authorization is not text.
    pub(crate) fn of(request: &Request<'a>) -> Option<Self> {
        let mut attributes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, value) in request.attrs() {
            let values = value.split(|byte| *byte == b'\n').map(String::from_utf8_lossy);
            attributes.entry(name).or_default().extend(values);
        }
        Some(Self { authorization: request.authorization().to_str().ok()?, peer: address(request.peer()), attributes })
    }
}

/// The address without the port: that one is another with every connection, says nothing of the client, and would keep
/// answers from ever being shared.
fn address(peer: &str) -> Cow<'_, str> {
    peer.parse::<SocketAddr>().map_or(Cow::Borrowed(peer), |address| Cow::Owned(address.ip().to_string()))
}

#[derive(Serialize)]
#[serde(crate = "serde")]
struct Body<'a> {
    authorization: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<BTreeMap<&'a str, Values<'a>>>,
}

/// The values of one attribute.
#[derive(Serialize, Debug, PartialEq, Eq)]
#[serde(crate = "serde", untagged)]
pub(crate) enum Values<'a> {
    One(&'a str),
    Several(Vec<&'a str>),
}

/// The name of a question.
pub(crate) type Name = [u8; 32];

/// A question that can be sent.
pub(crate) struct Question {
    pub(crate) name: Name,
    pub(crate) body: Bytes,
}

/// Makes questions, and names them with a key that nobody else has: from a name that somehow came to light no
/// authorization could be guessed.
pub(crate) struct QuestionBuilder {
    key: hmac::Key,
    sends: Sends,
}

impl QuestionBuilder {
    /// `None` if the system has no random numbers.
    pub(crate) fn new(sends: Sends) -> Option<Self> {
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok().map(|key| Self { key, sends })
    }

    /// The question about these facts.
    pub(crate) fn question(&self, facts: &Facts<'_>) -> Question {
        let body = Body {
            authorization: facts.authorization,
            peer: self.sends.peer.then_some(&*facts.peer),
            attributes: self.sends.attributes(&facts.attributes),
        };
        let bytes = serialized(&body, facts);
        let mut name = Name::default();
        name.copy_from_slice(hmac::sign(&self.key, &bytes).as_ref());
        Question { name, body: Bytes::from_owner(bytes) }
    }
}

fn serialized(body: &Body<'_>, facts: &Facts<'_>) -> Zeroizing<Vec<u8>> {
    // A character takes at most six bytes as an escape. With room for all of it the buffer never moves, and leaves no
    // copy behind that nobody wipes.
    let length = |values: &Vec<Cow<'_, str>>| values.iter().map(|value| 6 * value.len() + 4).sum::<usize>();
    let attributes: usize = facts.attributes.iter().map(|(name, values)| 6 * name.len() + length(values) + 8).sum();
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(6 * (facts.authorization.len() + facts.peer.len()) + attributes + 64));
    serde_json::to_writer(&mut *bytes, body).expect("texts are JSON, and memory can be written to");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sends::Attributes;
    use pusu_plugin_api::testing;

    fn facts<'a>(authorization: &'a str, peer: &'a str, origin: &'a str) -> Facts<'a> {
        let attributes = BTreeMap::from([("http.origin", vec![Cow::Borrowed(origin)])]);
        Facts { authorization, peer: address(peer), attributes }
    }

    fn builder(peer: bool, attributes: bool) -> QuestionBuilder {
        let attributes = if attributes { Attributes::All } else { Attributes::Named(Vec::new()) };
        QuestionBuilder::new(Sends { peer, attributes, query: false }).unwrap()
    }

    #[test]
    fn the_service_is_told_what_it_should_be() {
        let of = |peer, attributes| {
            let question = builder(peer, attributes).question(&facts("a\"\n\u{1}ä", "203.0.113.7:50123", "https://a"));
            String::from_utf8(question.body.to_vec()).unwrap()
        };
        let authorization = r#""authorization":"a\"\n\u0001ä""#;
        let (peer, attributes) = (r#""peer":"203.0.113.7""#, r#""attributes":{"http.origin":"https://a"}"#);
        assert_eq!(of(true, true), format!("{{{authorization},{peer},{attributes}}}"));
        assert_eq!(of(true, false), format!("{{{authorization},{peer}}}"));
        assert_eq!(of(false, true), format!("{{{authorization},{attributes}}}"));
        assert_eq!(of(false, false), format!("{{{authorization}}}"));
    }

    #[test]
    fn a_name_covers_everything_that_is_sent_and_nothing_else() {
        let all = builder(true, true);
        let name = |builder: &QuestionBuilder, facts: Facts<'_>| builder.question(&facts).name;
        let first = name(&all, facts("a", "203.0.113.7:1", "o"));
        assert_eq!(first, name(&all, facts("a", "203.0.113.7:2", "o")), "the port is not sent");
        for (authorization, peer, origin) in
            [("b", "203.0.113.7:1", "o"), ("a", "203.0.113.8:1", "o"), ("a", "203.0.113.7:1", "p"), ("a\",\"", "", "o")]
        {
            assert_ne!(first, name(&all, facts(authorization, peer, origin)), "{authorization} {peer} {origin}");
        }
        let authorization = builder(false, false);
        let alone = name(&authorization, facts("a", "203.0.113.7:1", "o"));
        assert_eq!(alone, name(&authorization, facts("a", "[::1]:1", "p")));
        assert_ne!(alone, name(&authorization, facts("b", "203.0.113.7:1", "o")));
        assert_ne!(alone, name(&builder(false, false), facts("a", "", "")), "every instance has a key of its own");
    }

    #[test]
    fn requests_become_facts() {
        let request = testing::request(b"secret");
        let facts = Facts::of(&request).unwrap();
        assert_eq!((facts.authorization, &*facts.peer), ("secret", "127.0.0.1"));
        assert!(Facts::of(&testing::request(b"\xff")).is_none());
        assert_eq!((address("[2001:db8::1]:5"), address("unix")), ("2001:db8::1".into(), "unix".into()));
    }
}
