//! A shard: an inbox, and the listeners that it delivers to.

use super::listener::Listener;
use crate::frames;
use crate::history::{Appended, Position};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What a log has handed over.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) frames: Arc<[u8]>,
    pub(super) appended: Appended,
    /// When that was, counted in events.
    pub(super) event: u64,
    /// It was delivered before its turn.
    pub(super) is_delivered: bool,
}

/// One shard.
#[derive(Default)]
pub(super) struct Shard {
    pub(super) inbox: VecDeque<Item>,
    /// By channel, whoever listens.
    pub(super) listeners: BTreeMap<Box<str>, Vec<usize>>,
    /// It will look into its inbox.
    pub(super) is_awake: bool,
}

/// One listener at a shard.
pub(super) struct Connection {
    pub(super) relay: usize,
    pub(super) shard: usize,
    /// What comes here later than elsewhere, and was seen there.
    pub(super) skip: Option<Position>,
    /// It leaves behind so many frames.
    pub(super) frames_left: u32,
}

/// A frame as a listener reads it.
pub(super) struct Frame<'a> {
    pub(super) position: &'a str,
    /// `None`: it is a gap.
    pub(super) content: Option<&'a str>,
}

/// Delivers an item to a listener. False: it has left, at some frame of it.
pub(super) fn deliver(listener: &mut Listener, item: &Item, merges: bool) -> bool {
    let appended = &item.appended;
    for (number, frame) in (appended.first..).zip(read(appended.log.name(), &item.frames)) {
        // A gap is behind everything before its number.
        let last = if frame.content.is_some() { number } else { number - 1 };
        let connection = listener.connection.as_ref().expect("it listens");
        let skip = connection.skip.as_ref();
        if skip.and_then(|skip| skip.get(appended.origin)).is_some_and(|skip| last <= skip) {
            continue;
        }
        let stays = match skip.filter(|_| merges) {
            None => listener.take(&frame, item.event),
            Some(skip) => {
                let mut position = Position::parse(frame.position).expect("a relay has made it");
                position.merge_all(skip);
                listener.take(&Frame { position: &position.text(), ..frame }, item.event)
            }
        };
        if !stays {
            return false;
        }
    }
    let reached = appended.first + appended.count - 1;
    let connection = listener.connection.as_mut().expect("it listens");
    connection.skip = connection.skip.take().and_then(|skip| behind(&skip, appended, reached));
    true
}

/// What is still to come of what was seen elsewhere; `None`: the listener is in the stream.
fn behind(skip: &Position, appended: &Appended, reached: u64) -> Option<Position> {
    let mut left = Position { minute: skip.minute, ..Position::default() };
    for (origin, number) in skip.iter().filter(|&(origin, number)| origin != appended.origin || number > reached) {
        left.merge(origin, number);
    }
    let is_over = left.iter().next().is_none();
    (!is_over).then_some(left)
}

/// The frames of a channel.
fn read<'a>(channel: &str, bytes: &'a [u8]) -> Vec<Frame<'a>> {
    let text = |bytes| std::str::from_utf8(bytes).expect("frames are UTF-8");
    let publications = frames::publications(channel, bytes);
    let publications = publications.map(|(position, content)| Frame {
        position: position.expect("the channel has history"),
        content: Some(text(content)),
    });
    let publications: Vec<_> = publications.collect();
    if !publications.is_empty() {
        return publications;
    }
    let start = bytes.iter().position(|&byte| byte == b'{').expect("a frame has a message");
    let (_, behind) = text(&bytes[start..]).split_once("\"position\":\"").expect("a gap has a position");
    vec![Frame { position: behind.split('"').next().expect("a text ends"), content: None }]
}
