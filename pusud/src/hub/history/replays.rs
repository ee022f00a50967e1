//! Replays: what listeners have missed, as frames.
//!
//! Those that come back together come with few different positions, so what was made for one serves the others.

use crate::frames::{self, Frames};
use crate::history::{Joining, Position};
use std::rc::Rc;

/// Bytes of frames that share a buffer, at most, beside the last one.
pub(super) const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Replays that are remembered.
const REPLAYS_MAX: usize = 16;
/// Longest replay that is remembered, in bytes.
const REMEMBERED_BYTES_MAX: usize = 1024 * 1024;

/// Those that were made lately.
#[derive(Default)]
pub(super) struct Replays {
    made: Vec<Made>,
}

struct Made {
    channel: Box<str>,
    from: Position,
    to: Position,
    frames: Rc<[Frames]>,
}

impl Replays {
    /// The frames of what was missed, each with the position behind it.
    pub(super) fn frames(&mut self, channel: &str, joining: &Joining) -> Rc<[Frames]> {
        let is_it = |made: &&Made| *made.channel == *channel && made.from == joining.position && made.to == joining.at;
        if let Some(made) = self.made.iter().find(is_it) {
            return made.frames.clone();
        }
        let frames = encode(channel, joining);
        if frames.iter().map(|frames| frames.len()).sum::<usize>() <= REMEMBERED_BYTES_MAX {
            if self.made.len() == REPLAYS_MAX {
                self.made.remove(0);
            }
            let (from, to) = (joining.position.clone(), joining.at.clone());
            self.made.push(Made { channel: channel.into(), from, to, frames: frames.clone() });
        }
        frames
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.made.clear();
    }
}

fn encode(channel: &str, joining: &Joining) -> Rc<[Frames]> {
    let mut position = joining.position.clone();
    let (mut chunks, mut chunk, mut messages, mut text) = (Vec::new(), Vec::new(), 0, String::new());
    for missed in &joining.missed {
        position.merge(missed.origin, missed.number);
        text.clear();
        position.push(&mut text);
        frames::push_publish_at(&mut chunk, channel, &text, &missed.content);
        messages += 1;
        if chunk.len() >= CHUNK_BYTES_MAX {
            chunks.push(Frames::from(std::mem::take(&mut chunk)).of_messages(std::mem::take(&mut messages)));
        }
    }
    if messages > 0 {
        chunks.push(Frames::from(chunk).of_messages(messages));
    }
    chunks.into()
}
