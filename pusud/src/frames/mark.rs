//! Marks tell the frames and events of channels from all others; here is also where each of them ends.
//!
//! A name in JSON ends with the one quote in it that no backslash stands before, so no name's bytes begin another's.

use super::event_stream;
use super::frame::{FIN, TEXT_FRAME, payload};
use super::publication::{self, Kind};

/// What tells the publications and gaps of a channel, or of any channel, from all other frames and events.
pub struct Mark {
    /// The channel's name as JSON; empty: any.
    name: Vec<u8>,
}

impl Mark {
    /// Of publications and gaps of `channel`; `None`: of any.
    pub fn of(channel: Option<&str>) -> Self {
        let mut name = Vec::new();
        if let Some(channel) = channel {
            publication::push_name(&mut name, channel);
        }
        Self { name }
    }

    /// Whether it is on the first of these frames or events: in a run it is then on all of them.
    pub fn is_on(&self, frames: &[u8]) -> bool {
        named(frames).is_some_and(|(_, named)| named.starts_with(&self.name))
    }
}

/// What the first of these frames or events of a channel is, and its bytes from the channel's name on.
fn named(frames: &[u8]) -> Option<(Kind, &[u8])> {
    match *frames.first()? {
        TEXT_FRAME => publication::named(payload(frames)?.0),
        FIN.. => None,
        _ => event_stream::named(frames),
    }
}

/// How many publications these are, if that is what they are.
pub(super) fn count_publications(frames: &[u8]) -> u64 {
    count_publications_behind(frames, 0)
}

/// How many of these publications end behind `at`.
pub(super) fn count_publications_behind(frames: &[u8], at: usize) -> u64 {
    // Other bytes, answers of HTTP among them, have nothing that could be counted one by one.
    if named(frames).is_none() {
        return 0;
    }
    let mut end = 0;
    let behind = pieces(frames).filter(|piece| {
        end += piece.len();
        end > at
    });
    behind.filter(|piece| named(piece).is_some_and(|(kind, _)| kind == Kind::Publication)).count() as u64
}

/// Where the frame of a channel ends in which `at` lies, of whole ones, or the event.
pub(super) fn end_of_frame(frames: &[u8], at: usize) -> usize {
    let mut end = 0;
    let mut ends = pieces(frames).map(|piece| {
        end += piece.len();
        end
    });
    ends.find(|end| *end >= at).unwrap_or(frames.len())
}

/// Whole frames or events of channels one by one.
fn pieces(frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = frames;
    std::iter::from_fn(move || {
        let behind = match *rest.first()? {
            FIN.. => payload(rest)?.1,
            _ => event_stream::behind_event(rest),
        };
        let piece;
        (piece, rest) = rest.split_at(rest.len() - behind.len());
        Some(piece)
    })
}
