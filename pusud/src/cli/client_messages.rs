//! Messages between a client command and a relay, and the meaning of a connection's end.

use pusud::protocol::MessageType;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;
use thiserror::Error;
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Close codes with which the relay says: do not just connect again.
const DO_NOT_RECONNECT: std::ops::RangeInclusive<u16> = 4500..=4999;

/// What a client asks of a relay.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Request<'a> {
    /// Asks for permissions.
    Authorize { authorization: &'a str },
    /// Asks for the messages of a channel: from now on, from behind a position, or with so many of the newest.
    Subscribe {
        channel: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<u32>,
    },
    /// Sends a message to a channel.
    Publish { channel: &'a str, content: &'a RawValue },
}

/// What a relay says.
pub(super) enum Answer {
    /// The first thing a relay says, with its name.
    Hello(Option<String>),
    /// The authorization was good.
    Authorized,
    /// The authorization ends soon unless it is renewed.
    Expiring,
    /// From now on every message of a channel comes.
    Subscribed(Subscribed),
    /// The same over HTTP, where nothing is known yet of the channel's history.
    Granted(String),
    /// A message of a channel that was subscribed to, and where that is in the channel's history, if it has any.
    Publication { channel: String, position: Option<Box<str>>, content: Box<RawValue> },
    /// Messages of a channel were lost, and this is the position behind them.
    Gap { channel: String, position: Option<Box<str>> },
    /// The answer to a ping, with what the ping held.
    Pong(Bytes),
    /// Something that this version does not know.
    Other,
}

/// What a relay says when every message of a channel comes from now on.
#[derive(Default)]
pub(super) struct Subscribed {
    pub(super) channel: String,
    /// Where that is in the channel's history, if it has any.
    pub(super) position: Option<Box<str>>,
    /// Whether all follow that were published since the position that was asked with; `None`: it does not say.
    pub(super) recovered: Option<bool>,
    /// How many those are.
    pub(super) missed: u64,
}

/// Why a connection ended or did not come about.
#[derive(Debug, Error)]
#[error("{message}")]
pub(super) struct Failure {
    pub(super) message: String,
    /// Whether connecting again could help.
    pub(super) again: bool,
    /// How long the relay asks not to be connected to again; zero where it says nothing.
    pub(super) after: Duration,
}

impl Failure {
    /// A failure that may be over at the next try.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: true, after: Duration::ZERO }
    }

    /// A failure that the next try would meet again.
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: false, after: Duration::ZERO }
    }
}

/// What a relay says, before it is known what it is.
#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    channel: Option<Cow<'a, str>>,
    // A content of `null` is a content; it must not read as a missing one.
    #[serde(borrow, default, deserialize_with = "present")]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    relay: Option<Cow<'a, str>>,
    #[serde(default)]
    position: Option<Box<str>>,
    #[serde(default)]
    recovered: Option<bool>,
    #[serde(default)]
    missed: u64,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// An error that the relay answered with, before it closes.
pub(super) struct Refusal {
    text: String,
    unavailable: bool,
}

impl Refusal {
    fn new(kind: &str, channel: Option<String>, reason: &str) -> Self {
        let mut text = format!("the relay refused: {kind}");
        if let Some(channel) = channel {
            text += &format!(" for channel {channel:?}");
        }
        if !reason.is_empty() {
            text += &format!(": {reason}");
        }
        Self { text, unavailable: reason.starts_with("unavailable") }
    }
}

/// What a message of the relay is.
pub(super) enum Said {
    Answer(Answer),
    Refusal(Refusal),
}

/// What a message of the relay says.
///
/// # Errors
/// When it is no message of the protocol, or says that a subscription has ended.
pub(super) fn understand(message: &[u8]) -> Result<Said, Failure> {
    let incoming: Incoming<'_> = serde_json::from_slice(message)
        .map_err(|error| Failure::lasting(format!("the relay sent what is not understood: {error}")))?;
    let channel = incoming.channel.map(Cow::into_owned);
    let reason = incoming.reason.as_deref().unwrap_or_default();
    let answer = match MessageType::of(&incoming.kind) {
        MessageType::Hello => Answer::Hello(incoming.relay.map(Cow::into_owned)),
        MessageType::AuthorizationOk => Answer::Authorized,
        MessageType::AuthorizationExpiring => Answer::Expiring,
        MessageType::SubscribeOk => match channel {
            Some(channel) => {
                let (recovered, missed) = (incoming.recovered, incoming.missed);
                Answer::Subscribed(Subscribed { channel, position: incoming.position, recovered, missed })
            }
            None => Answer::Other,
        },
        MessageType::Publish => match (channel, incoming.content) {
            (Some(channel), Some(content)) => {
                Answer::Publication { channel, position: incoming.position, content: content.to_owned() }
            }
            _ => Answer::Other,
        },
        MessageType::SubscriptionEnded => match channel {
            Some(channel) => {
                return Err(Failure::lasting(format!("the relay ended the subscription to {channel:?}: {reason}")));
            }
            None => Answer::Other,
        },
        MessageType::AuthorizationFailed
        | MessageType::PermissionDenied
        | MessageType::UnknownMessageReceived
        | MessageType::LimitExceeded => return Ok(Said::Refusal(Refusal::new(&incoming.kind, channel, reason))),
        MessageType::Gap => {
            channel.map_or(Answer::Other, |channel| Answer::Gap { channel, position: incoming.position })
        }
        MessageType::Unknown => Answer::Other,
    };
    Ok(Said::Answer(answer))
}

/// What it means that the relay closed.
pub(super) fn ended(refusal: Option<Refusal>, close: Option<&CloseFrame>) -> Failure {
    let code = close.map(|frame| u16::from(frame.code));
    let again = match (code, &refusal) {
        (Some(code), _) => !DO_NOT_RECONNECT.contains(&code),
        (None, Some(refusal)) => refusal.unavailable,
        (None, None) => true,
    };
    let what = refusal.map_or_else(|| "the relay closed the connection".to_owned(), |refusal| refusal.text);
    let message = match close {
        Some(frame) if !frame.reason.is_empty() => {
            format!("{what} (close code {}: {})", u16::from(frame.code), frame.reason.as_str())
        }
        Some(frame) => format!("{what} (close code {})", u16::from(frame.code)),
        None => what,
    };
    Failure { message, again, after: Duration::ZERO }
}
