//! The answer to a request for events, and what its events mean: bytes to messages, and to the reason of an end.
//!
//! Knows no socket. Messages are handed out as the text that they are, so that whoever reads very many of them need not
//! parse each.

use super::answer::{AnswerReader, Eof, Head, Media, Part};
use super::events::{Event, EventReader};
use super::problem::Refusing;
use crate::cli::client_messages::{Answer, Failure, Refusal, Said, ended, understand};
use pusud::protocol::MessageType;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// The answer to one request for events.
pub(in crate::cli) struct EventStream {
    answer: AnswerReader,
    events: EventReader,
    /// The only channel that was asked for.
    channel: Option<String>,
    /// What says no, until all of it is there.
    refusing: Option<Refusing>,
    begun: bool,
    /// What the relay refused; the end that follows says how final it is.
    refusal: Option<Refusal>,
    /// Whether the authorization is about to end. Nothing can be sent on this connection to renew it.
    expiring: bool,
}

/// What a relay says to a listener.
pub(in crate::cli) enum Heard<'a> {
    /// From now on every message of these channels comes.
    Subscribed(Vec<String>),
    /// A message of a channel: its JSON, or the beginning of it.
    Message { data: &'a [u8], whole: bool },
}

/// The data of `subscribed`.
#[derive(Deserialize)]
struct Subscribed {
    channels: Vec<String>,
}

/// The data of `end`, which is what a close frame says.
#[derive(Deserialize)]
struct End<'a> {
    code: u16,
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
}

/// The data of a message.
#[derive(Deserialize)]
struct Delivery<'a> {
    channel: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// Reads a message's data.
///
/// # Errors
/// When it is no message.
pub(in crate::cli) fn delivery(data: &[u8]) -> Result<Answer, Failure> {
    let Delivery { channel, content } = parsed(data)?;
    Ok(Answer::Publication { channel, position: None, content: content.to_owned() })
}

fn parsed<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(data)
        .map_err(|error| Failure::lasting(format!("the relay sent an event that is not understood: {error}")))
}

impl EventStream {
    /// The answer to a request for these channels, with so many bytes kept of each event.
    pub(in crate::cli) fn new(channels: &[&str], data_max: usize) -> Self {
        let channel = match channels {
            [only] => Some((*only).to_owned()),
            _ => None,
        };
        Self {
            answer: AnswerReader::default(),
            events: EventReader::new(data_max),
            channel,
            refusing: None,
            begun: false,
            refusal: None,
            expiring: false,
        }
    }

    /// Whether the relay has granted the request.
    pub(in crate::cli) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Hands out what ends in `bytes`.
    ///
    /// # Errors
    /// Why there will be no more: the relay refused or ended it, it sent what is not understood, or `hear` says so.
    pub(in crate::cli) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut hear: impl FnMut(Heard<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while let Some(part) = self.answer.next(&mut bytes)? {
            match (part, &mut self.refusing) {
                (Part::Head(Head { status: 200, media: Media::Events, .. }), _) => self.begun = true,
                (Part::Head(head), refusing) => *refusing = Some(Refusing::new(head)),
                (Part::Body(body), Some(refusing)) => refusing.body(body),
                (Part::Body(body), None) => {
                    let Self { events, refusal, expiring, .. } = self;
                    let taken = events.feed(body, |event| take(&event, refusal, expiring, &mut hear));
                    taken.map_err(|failure| self.with_what_was_said(failure))?;
                }
                (Part::End, _) => return Err(self.end()),
            }
        }
        Ok(())
    }

    /// Why there will be no more, where the connection has ended.
    pub(in crate::cli) fn eof(&mut self) -> Failure {
        match self.answer.eof() {
            Eof::Cut if self.refusing.is_none() && !self.begun => {
                Failure::passing("the connection to the relay ended in the middle of its answer")
            }
            Eof::Between => Failure::passing("the connection to the relay ended before it answered"),
            _ => self.end(),
        }
    }

    fn end(&mut self) -> Failure {
        match self.refusing.take() {
            Some(refusing) => refusing.failure(self.channel.as_deref()),
            None => {
                let failure = ended(self.refusal.take(), None);
                self.with_what_was_said(failure)
            }
        }
    }

    /// An authorization that was about to end may be good for another connection.
    fn with_what_was_said(&self, failure: Failure) -> Failure {
        let again = failure.again || self.expiring;
        Failure { again, after: self.events.retry().unwrap_or(failure.after), ..failure }
    }
}

/// Takes one event.
fn take(
    event: &Event<'_>,
    refusal: &mut Option<Refusal>,
    expiring: &mut bool,
    hear: &mut impl FnMut(Heard<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match event.kind {
        "" | "message" => hear(Heard::Message { data: event.data, whole: event.whole }),
        "subscribed" => hear(Heard::Subscribed(parsed::<Subscribed>(event.data)?.channels)),
        "end" => {
            let End { code, reason } = parsed(event.data)?;
            let close = CloseFrame { code: code.into(), reason: reason.into_owned().into() };
            Err(ended(refusal.take(), Some(&close)))
        }
        kind if matches!(MessageType::of(kind), MessageType::Gap | MessageType::Unknown) => Ok(()),
        _ => {
            match understand(event.data)? {
                Said::Refusal(refused) => *refusal = Some(refused),
                Said::Answer(Answer::Expiring) => *expiring = true,
                Said::Answer(_) => {}
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    const SUBSCRIBED: &str = "event: subscribed\ndata: {\"relay\":\"relay-1\",\"channels\":[\"a\",\"b\"]}\n\n";

    /// What is heard, and why it ended.
    fn heard(bytes: &str) -> (Vec<String>, Failure) {
        let mut stream = EventStream::new(&["a"], 4096);
        let mut all = Vec::new();
        let fed = stream.feed(bytes.as_bytes(), |heard| {
            all.push(match heard {
                Heard::Subscribed(channels) => channels.join("+"),
                Heard::Message { data, .. } => String::from_utf8_lossy(data).into_owned(),
            });
            Ok(())
        });
        (all, fed.err().unwrap_or_else(|| stream.eof()))
    }

    #[test]
    fn events_have_their_meaning() {
        let message = r#"{"channel":"a","content":null}"#;
        let text = format!(
            "{HEAD}{SUBSCRIBED}data: {message}\n\n:\n\nevent: something\ndata: new\n\nevent: message\ndata: {message}\n\n"
        );
        let (all, failure) = heard(&text);
        assert_eq!(all, ["a+b", message, message]);
        assert_eq!((failure.message.as_str(), failure.again), ("the relay closed the connection", true));
        let Answer::Publication { channel, content, .. } = delivery(message.as_bytes()).unwrap() else { panic!("none") };
        assert_eq!((channel.as_str(), content.get()), ("a", "null"));
        assert!(delivery(b"{\"channel\":\"a\"}").is_err());
    }

    #[test]
    fn an_end_is_what_a_close_frame_says() {
        let failed = r#"{"type":"authorization_failed","reason":"expired"}"#;
        let ended = r#"{"type":"subscription_ended","channel":"a","reason":"revoked"}"#;
        let expiring = "event: authorization_expiring\ndata: {\"type\":\"authorization_expiring\",\"seconds\":7}\n\n";
        for (events, expected, again, after) in [
            (
                "event: end\ndata: {\"code\":4001,\"reason\":\"slow consumer\"}\n\n".to_owned(),
                "the relay closed the connection (close code 4001: slow consumer)",
                true,
                0,
            ),
            (
                "event: end\nretry: 1500\ndata: {\"code\":1001,\"reason\":\"\"}\n\n".to_owned(),
                "the relay closed the connection (close code 1001)",
                true,
                1500,
            ),
            (
                format!("event: authorization_failed\ndata: {failed}\n\nevent: end\ndata: {{\"code\":4501}}\n\n"),
                "the relay refused: authorization_failed: expired (close code 4501)",
                false,
                0,
            ),
            (
                format!(
                    "{expiring}event: authorization_failed\ndata: {failed}\n\nevent: end\ndata: {{\"code\":4501}}\n\n"
                ),
                "the relay refused: authorization_failed: expired (close code 4501)",
                true,
                0,
            ),
            (
                format!("event: subscription_ended\ndata: {ended}\n\n"),
                "the relay ended the subscription to \"a\": revoked",
                false,
                0,
            ),
            (
                format!("event: authorization_failed\ndata: {failed}\n\n"),
                "the relay refused: authorization_failed: expired",
                false,
                0,
            ),
            (
                "event: end\ndata: soon\n\n".to_owned(),
                "the relay sent an event that is not understood: expected value at line 1 column 1",
                false,
                0,
            ),
        ] {
            let (_, failure) = heard(&format!("{HEAD}{SUBSCRIBED}{events}"));
            assert_eq!((failure.message.as_str(), failure.again), (expected, again), "{events}");
            assert_eq!(failure.after, Duration::from_millis(after), "{events}");
        }
    }

    #[test]
    fn a_refusal_is_read_to_its_end() {
        let body = r#"{"detail":"no permission to read"}"#;
        let problem = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\n";
        for text in [format!("{problem}Content-Length: {}\r\n\r\n{body}", body.len()), format!("{problem}\r\n{body}")] {
            let expected = "the relay refused: permission_denied for channel \"a\": no permission to read (HTTP 403)";
            assert_eq!(heard(&text).1.message, expected);
        }
        for (text, expected) in [
            ("", "ended before it answered"),
            ("HTTP/1.1 200", "ended in the middle of its answer"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "found a server that answers HTTP 200: hi"),
        ] {
            let failure = heard(text).1;
            assert!(failure.message.contains(expected), "{failure}");
        }
    }
}
