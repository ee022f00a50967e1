//! The answer to a request for events, and what its events mean: bytes to messages, and to the reason of an end.
//!
//! Knows no socket. Messages are handed out as the text that they are, so that whoever reads very many of them need not
//! parse each.

use super::answer::{AnswerReader, Eof, Head, Media, Part};
use super::events::{Event, EventReader};
use super::problem::Refusing;
use crate::cli::client_messages::{Answer, Failure, Refusal, Said, Subscribed, ended, understand};
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
    Granted(Vec<String>),
    /// The channel has history, and begins so.
    Begins { subscribed: Subscribed, id: Option<&'a str> },
    /// A message of a channel: its JSON, or the beginning of it.
    Message { data: &'a [u8], whole: bool, id: Option<&'a str> },
    /// Messages of a channel were lost.
    Gap { channel: String, id: Option<&'a str> },
}

/// The data of `subscribed`.
#[derive(Deserialize)]
struct Granted {
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

    /// The id of the last event that had one.
    pub(in crate::cli) fn last_id(&self) -> Option<&str> {
        self.events.last_id()
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
        "" | "message" => hear(Heard::Message { data: event.data, whole: event.whole, id: event.id }),
        "subscribed" => hear(Heard::Granted(parsed::<Granted>(event.data)?.channels)),
        "end" => {
            let End { code, reason } = parsed(event.data)?;
            let close = CloseFrame { code: code.into(), reason: reason.into_owned().into() };
            Err(ended(refusal.take(), Some(&close)))
        }
        kind if MessageType::of(kind) == MessageType::Unknown => Ok(()),
        _ => {
            match understand(event.data)? {
                Said::Refusal(refused) => *refusal = Some(refused),
                Said::Answer(Answer::Expiring) => *expiring = true,
                Said::Answer(Answer::Subscribed(subscribed)) => hear(Heard::Begins { subscribed, id: event.id })?,
                Said::Answer(Answer::Gap { channel, .. }) => hear(Heard::Gap { channel, id: event.id })?,
                Said::Answer(_) => {}
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
