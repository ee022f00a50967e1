//! Payloads of relays, written from values. Each function appends one payload.

use super::about::About;
use super::kind::{self, Presence};
use super::message::Piece;
use super::{CONTENT_HEAD_BYTES, COPIES, VERSION};
use crate::peers::BootId;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nats) struct Sender {
    /// This start of the relay.
    pub boot: BootId,
    /// Which of its connections to NATS.
    pub connection: u32,
}

impl Sender {
    /// Whether it publishes copies.
    pub(in crate::nats) fn is_of_copies(self) -> bool {
        self.connection == COPIES
    }

    /// As whom the same relay publishes copies of what it publishes with numbers, for relays that take no numbers.
    pub(in crate::nats) fn of_copies(self) -> Self {
        Self { connection: COPIES, ..self }
    }

    fn head(self, out: &mut Vec<u8>, kind: u8) {
        out.extend_from_slice(&[VERSION, kind]);
        out.extend_from_slice(&self.boot.0);
        out.extend_from_slice(&self.connection.to_be_bytes());
    }
}

/// The head of PUBLICATIONS, which [`content`]s follow.
pub(in crate::nats) fn publications_head(out: &mut Vec<u8>, sender: Sender, first: u64, base: u64) {
    sender.head(out, kind::PUBLICATIONS);
    put_u64s(out, [first, base]);
}

/// One content of PUBLICATIONS.
pub(in crate::nats) fn content(out: &mut Vec<u8>, content: &[u8]) {
    let len: [u8; CONTENT_HEAD_BYTES] = (content.len() as u32).to_be_bytes();
    out.extend_from_slice(&len);
    out.extend_from_slice(content);
}

/// NOTE.
pub(in crate::nats) fn note(out: &mut Vec<u8>, sender: Sender, base: u64, last: u64) {
    sender.head(out, kind::NOTE);
    put_u64s(out, [base, last]);
}

/// HEARTBEAT, JOIN or WELCOME.
pub(in crate::nats) fn presence(out: &mut Vec<u8>, sender: Sender, presence: Presence, about: &About) {
    sender.head(out, presence.kind());
    out.extend_from_slice(&about.heartbeat.to_be_bytes());
    out.extend_from_slice(&about.minor.to_be_bytes());
    out.extend_from_slice(&about.content_bytes_max.to_be_bytes());
    let flags = [about.has_joined, about.is_stopping, about.has_history];
    out.push(flags.into_iter().rev().fold(0, |bits, is_set| bits << 1 | u8::from(is_set)));
    [&about.server, &about.cluster, &about.network, &about.name].into_iter().for_each(|text| put_text(out, text));
}

/// BARRIER about these channels.
pub(in crate::nats) fn barrier<'a>(
    out: &mut Vec<u8>,
    sender: Sender,
    number: u64,
    channels: impl Iterator<Item = &'a str>,
) {
    sender.head(out, kind::BARRIER);
    put_u64s(out, [number]);
    channels.for_each(|channel| put_text(out, channel));
}

/// PASSED: each place of the question with `base` and `last`.
pub(in crate::nats) fn passed(
    out: &mut Vec<u8>,
    sender: Sender,
    (number, floor): (u64, u64),
    lasts: impl Iterator<Item = (u32, u64, u64)>,
) {
    sender.head(out, kind::PASSED);
    put_u64s(out, [number, floor]);
    for (place, base, last) in lasts {
        out.extend_from_slice(&place.to_be_bytes());
        put_u64s(out, [base, last]);
    }
}

/// RESUME.
pub(in crate::nats) fn resume(out: &mut Vec<u8>, sender: Sender, since: u64, question: u64) {
    sender.head(out, kind::RESUME);
    put_u64s(out, [since, question]);
}

/// NUMBERS: channels with `base` and `last`.
pub(in crate::nats) fn numbers<'a>(
    out: &mut Vec<u8>,
    sender: Sender,
    piece: Piece,
    channels: impl Iterator<Item = (&'a str, u64, u64)>,
) {
    sender.head(out, kind::NUMBERS);
    put_u64s(out, [piece.question, piece.floor]);
    out.extend_from_slice(&piece.place.to_be_bytes());
    out.push(piece.is_last.into());
    for (channel, base, last) in channels {
        put_text(out, channel);
        put_u64s(out, [base, last]);
    }
}

/// GOODBYE.
pub(in crate::nats) fn goodbye(out: &mut Vec<u8>, sender: Sender) {
    sender.head(out, kind::GOODBYE);
}

/// A payload that every version ignores.
pub(in crate::nats) fn nothing(out: &mut Vec<u8>, sender: Sender) {
    sender.head(out, kind::NOTHING);
}

/// The head of PEER, which frames follow: for the receiver's connection `to`.
pub(in crate::nats) fn peer_head(out: &mut Vec<u8>, sender: Sender, to: u32, conversation: u32, number: u64) {
    sender.head(out, kind::PEER);
    out.extend_from_slice(&to.to_be_bytes());
    out.extend_from_slice(&conversation.to_be_bytes());
    put_u64s(out, [number]);
}

/// The head of HISTORY, which a message about numbers follows.
pub(in crate::nats) fn history_head(out: &mut Vec<u8>, sender: Sender) {
    sender.head(out, kind::HISTORY);
}

fn put_u64s<const N: usize>(out: &mut Vec<u8>, numbers: [u64; N]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
}

/// A text with its length before it. Names have at most 255 bytes, and what servers say of themselves is cut.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let end = (0..=text.len().min(255)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    out.push(end as u8);
    out.extend_from_slice(&text.as_bytes()[..end]);
}
