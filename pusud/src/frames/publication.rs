//! The frames of a channel: publications, with a position where the channel has history, and gaps. From values to bytes,
//! and the values cut out again.
//!
//! **Invariant:** the position stands before the content and holds nothing that JSON escapes, so that both are found without
//! parsing.

use super::frame::{TEXT, payload, push_header};

const PUBLISH_HEAD: &[u8] = br#"{"type":"publish","channel":"#;
const GAP_HEAD: &[u8] = br#"{"type":"gap","channel":"#;
/// In front of a position, with its first quote.
pub(super) const POSITION: &[u8] = br#","position":""#;
pub(super) const CONTENT: &[u8] = br#","content":"#;
pub(super) const TAIL: &[u8] = b"}";

/// What a channel's frame says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Publication,
    /// Publications are lost.
    Gap,
}

/// What is in one frame of a channel.
pub(super) struct Entry<'a> {
    pub(super) position: Option<&'a str>,
    /// JSON text; `None`: it is a gap.
    pub(super) content: Option<&'a [u8]>,
}

/// About how long the frame that delivers `content` on `channel` is, in bytes: at least as long, unless the name needs many
/// escapes.
pub fn publish_len(channel: &str, content: &str) -> usize {
    PUBLISH_HEAD.len() + CONTENT.len() + TAIL.len() + channel.len() + content.len() + 16
}

/// As [`publish_len`], with a position of so many bytes.
pub fn publish_at_len(channel: &str, position_bytes: usize, content: &str) -> usize {
    publish_len(channel, content) + POSITION.len() + position_bytes + 1
}

/// Appends the frame that delivers `content` (JSON text) on `channel` to `out`.
///
/// The message is made anew from channel and content: whatever else a source sent never reaches a listener.
pub fn push_publish(out: &mut Vec<u8>, channel: &str, content: &str) {
    push_message(out, PUBLISH_HEAD, channel, None, Some(content));
}

/// As [`push_publish`], with the position behind this publication, which holds nothing that JSON escapes.
pub fn push_publish_at(out: &mut Vec<u8>, channel: &str, position: &str, content: &str) {
    push_message(out, PUBLISH_HEAD, channel, Some(position), Some(content));
}

/// Appends the frame that says that publications to `channel` are lost, with the position behind them.
pub fn push_gap(out: &mut Vec<u8>, channel: &str, position: &str) {
    push_message(out, GAP_HEAD, channel, Some(position), None);
}

#[inline]
fn push_message(out: &mut Vec<u8>, head: &[u8], channel: &str, position: Option<&str>, content: Option<&str>) {
    let position_len = position.map_or(0, |position| POSITION.len() + position.len() + 1);
    let content_len = content.map_or(0, |content| CONTENT.len() + content.len());
    let payload_len = head.len() + (escaped_len(channel) + 2) + position_len + content_len + TAIL.len();
    out.reserve(payload_len + 10);
    push_header(out, TEXT, payload_len);
    let payload_start = out.len();
    out.extend_from_slice(head);
    push_name(out, channel);
    if let Some(position) = position {
        push_position(out, position);
    }
    if let Some(content) = content {
        out.extend_from_slice(CONTENT);
        out.extend_from_slice(content.as_bytes());
    }
    out.extend_from_slice(TAIL);
    debug_assert_eq!(out.len() - payload_start, payload_len);
}

/// Appends a name as JSON.
pub(super) fn push_name(out: &mut Vec<u8>, channel: &str) {
    out.push(b'"');
    if escaped_len(channel) == channel.len() {
        out.extend_from_slice(channel.as_bytes());
    } else {
        for byte in channel.bytes() {
            if byte == b'"' || byte == b'\\' {
                out.push(b'\\');
            }
            out.push(byte);
        }
    }
    out.push(b'"');
}

/// Appends a position, behind a name.
pub(super) fn push_position(out: &mut Vec<u8>, position: &str) {
    debug_assert!(position.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'), "{position}");
    out.extend_from_slice(POSITION);
    out.extend_from_slice(position.as_bytes());
    out.push(b'"');
}

/// A name as it stands between the quotes of JSON, in bytes. It has no control characters, so that only quotes and
/// backslashes are written differently.
fn escaped_len(channel: &str) -> usize {
    channel.len() + channel.bytes().filter(|&byte| byte == b'"' || byte == b'\\').count()
}

/// The contents (JSON text) of the publications in frames that were made here for `channel`, without copying or checking
/// them.
pub fn contents<'a>(channel: &str, frames: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    entries(channel, frames).filter_map(|entry| entry.content)
}

/// As [`contents`], with their positions where they have some.
pub fn publications<'a>(channel: &str, frames: &'a [u8]) -> impl Iterator<Item = (Option<&'a str>, &'a [u8])> {
    entries(channel, frames).filter_map(|entry| Some((entry.position, entry.content?)))
}

/// The position of the last of these frames, if it has one.
pub fn last_position<'a>(channel: &str, frames: &'a [u8]) -> Option<&'a str> {
    entries(channel, frames).last()?.position
}

/// What is in frames that were made here for `channel`.
pub(super) fn entries<'a>(channel: &str, frames: &'a [u8]) -> impl Iterator<Item = Entry<'a>> {
    let name_len = escaped_len(channel) + 2;
    let mut rest = frames;
    std::iter::from_fn(move || {
        let (payload, behind) = payload(rest)?;
        rest = behind;
        let (_, named) = named(payload).expect("nothing else is in a channel's run");
        Some(entry(&named[name_len..named.len() - TAIL.len()]))
    })
}

/// What is in the fields behind a channel's name.
fn entry(fields: &[u8]) -> Entry<'_> {
    let Some(behind) = fields.strip_prefix(POSITION) else {
        return Entry { position: None, content: fields.strip_prefix(CONTENT) };
    };
    let end = memchr::memchr(b'"', behind).expect("its quote ends a position");
    let position = std::str::from_utf8(&behind[..end]).expect("a position is ASCII");
    Entry { position: Some(position), content: behind[end + 1..].strip_prefix(CONTENT) }
}

/// What a message of a channel is, and its bytes from the channel's name on; `None`: it is of no channel.
pub(super) fn named(payload: &[u8]) -> Option<(Kind, &[u8])> {
    let of = |head, kind| payload.strip_prefix(head).map(|named| (kind, named));
    of(PUBLISH_HEAD, Kind::Publication).or_else(|| of(GAP_HEAD, Kind::Gap))
}
