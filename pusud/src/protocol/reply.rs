//! The messages that the relay sends, in one list: the relay writes them as [`Reply`], and clients know them by their
//! [`MessageType`]. docs/protocol/client.md is the norm.
//!
//! **Invariant:** what the relay can write has a type here, so that a `match` in the client commands that forgets one does
//! not compile.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{Deserialize, IntoDeserializer as _};
use serde::ser::Serialize;

macro_rules! replies {
    ($($(#[$about:meta])* $name:ident $({ $($(#[$about_field:meta])* $field:ident: $type:ty,)+ })?,)+) => {
        /// What the relay answers, apart from publications.
        #[derive(Debug, serde::Serialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        pub enum Reply<'a> {
            $($(#[$about])* $name $({ $($(#[$about_field])* $field: $type,)+ })?,)+
        }

        /// The type of a message of the relay.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum MessageType {
            $($(#[$about])* $name,)+
            /// A message of a channel that was subscribed to; `frames` makes it.
            Publish,
            /// Messages of a channel that was subscribed to are lost; `frames` makes it.
            Gap,
            /// None that this version knows.
            #[serde(other)]
            Unknown,
        }
    };
}

replies! {
    /// First of all, after the handshake.
    Hello {
        /// The daemon's version.
        version: &'a str,
        /// The relay's name.
        relay: &'a str,
    },
    /// The authorization was granted.
    AuthorizationOk,
    /// The authorization was refused, or could not be decided.
    AuthorizationFailed {
        /// Why.
        reason: &'a str,
    },
    /// An authorization ends soon; authorizing again in time keeps what it gives.
    AuthorizationExpiring {
        /// So many whole seconds are left.
        seconds: u64,
    },
    /// Everything accepted for the channel from now on will be delivered.
    SubscribeOk {
        /// The channel's name: gopusu waits for it.
        channel: &'a str,
        /// Of a subscription since a position: whether all that was missed follows, or nothing of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        recovered: Option<bool>,
        /// How many were missed, and follow.
        #[serde(skip_serializing_if = "Option::is_none")]
        missed: Option<u64>,
        /// Of a subscription with the newest: how many of them follow.
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<u32>,
        /// Where the channel has history: what was published behind this position will be delivered.
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<&'a str>,
    },
    /// The permission to read the channel has ended, and nothing of it is delivered any more.
    SubscriptionEnded {
        /// The channel's name.
        channel: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// No permission gives the access asked for.
    PermissionDenied {
        /// The channel's name.
        channel: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// The message is none of the protocol's.
    UnknownMessageReceived {
        /// The channel's name, where the message had one.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<&'a str>,
        /// Why.
        reason: &'a str,
    },
    /// The client wants more than it may have.
    LimitExceeded {
        /// What it was about.
        channel: &'a str,
        /// Which limit.
        reason: &'a str,
    },
}

impl<'a> Reply<'a> {
    /// The answer to a subscription from now on to a channel without history.
    pub fn subscribe_ok(channel: &'a str) -> Self {
        Self::SubscribeOk { channel, recovered: None, missed: None, last: None, position: None }
    }
}

impl Reply<'_> {
    /// The reply's JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        self.serialize(&mut serde_json::Serializer::new(&mut out)).expect("text fields into memory cannot fail");
        out
    }

    /// The type in a reply's JSON text, which begins with it.
    pub fn type_of(json: &[u8]) -> &str {
        let name = json.split(|byte| *byte == b'"').nth(3).and_then(|name| std::str::from_utf8(name).ok());
        name.expect("the type comes first, and is text")
    }
}

impl MessageType {
    /// The type that a message's `type` field names.
    pub fn of(name: &str) -> Self {
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        Self::deserialize(name).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn replies() {
        for (reply, expected) in [
            (Reply::Hello { version: "1", relay: "r" }, json!({"type": "hello", "version": "1", "relay": "r"})),
            (Reply::AuthorizationOk, json!({"type": "authorization_ok"})),
            (Reply::AuthorizationFailed { reason: "no" }, json!({"type": "authorization_failed", "reason": "no"})),
            (Reply::AuthorizationExpiring { seconds: 5 }, json!({"type": "authorization_expiring", "seconds": 5})),
            (Reply::subscribe_ok("a\""), json!({"type": "subscribe_ok", "channel": "a\""})),
            (
                Reply::SubscriptionEnded { channel: "a", reason: "no" },
                json!({"type": "subscription_ended", "channel": "a", "reason": "no"}),
            ),
            (
                Reply::LimitExceeded { channel: "a", reason: "no" },
                json!({"type": "limit_exceeded", "channel": "a", "reason": "no"}),
            ),
            (
                Reply::PermissionDenied { channel: "a", reason: "no" },
                json!({"type": "permission_denied", "channel": "a", "reason": "no"}),
            ),
            (
                Reply::UnknownMessageReceived { channel: None, reason: "no" },
                json!({"type": "unknown_message_received", "reason": "no"}),
            ),
            (
                Reply::UnknownMessageReceived { channel: Some("a"), reason: "no" },
                json!({"type": "unknown_message_received", "channel": "a", "reason": "no"}),
            ),
        ] {
            let text = reply.to_json();
            assert_eq!(serde_json::from_slice::<Value>(&text).expect("JSON"), expected);
            let name = expected["type"].as_str().expect("text");
            assert_ne!(MessageType::of(name), MessageType::Unknown, "{name}");
            assert_eq!(Reply::type_of(&text), name, "the type comes first, for whoever reads a trace too");
        }
    }

    #[test]
    fn a_subscription_is_confirmed_with_what_history_knows() {
        let position = Some("TTTT-ORIGIN.5");
        for (recovered, missed, last, position, expected) in [
            (None, None, None, None, ""),
            (None, None, None, position, r#","position":"TTTT-ORIGIN.5""#),
            (Some(true), Some(0), None, position, r#","recovered":true,"missed":0,"position":"TTTT-ORIGIN.5""#),
            (Some(false), None, None, position, r#","recovered":false,"position":"TTTT-ORIGIN.5""#),
            (Some(false), None, None, None, r#","recovered":false"#),
            (None, None, Some(3), position, r#","last":3,"position":"TTTT-ORIGIN.5""#),
            (None, None, Some(0), None, r#","last":0"#),
        ] {
            let reply = Reply::SubscribeOk { channel: "a", recovered, missed, last, position };
            let text = String::from_utf8(reply.to_json()).expect("UTF-8");
            assert_eq!(text, format!(r#"{{"type":"subscribe_ok","channel":"a"{expected}}}"#));
        }
    }

    #[test]
    fn types_are_known_by_their_names() {
        assert_eq!(MessageType::of("limit_exceeded"), MessageType::LimitExceeded);
        assert_eq!(MessageType::of("publish"), MessageType::Publish);
        assert_eq!(MessageType::of("gap"), MessageType::Gap);
        assert_eq!(MessageType::of("LimitExceeded"), MessageType::Unknown);
        assert_eq!(MessageType::of("a later one"), MessageType::Unknown);
    }
}
