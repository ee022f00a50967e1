//! Ids of streams of events: what a client has seen of all channels of one stream, in one line of text.
//!
//! A stream with one channel that has history has that channel's positions as its ids. One with several has
//! `TAG:POSITION` for each, joined by commas: the tag is a hash of the channel's name, and without a position it says that
//! nothing is known of that channel any more.

use super::log::Start;
use super::position::Position;
use super::tag::{TAG_LEN, Tag};

/// Longest id, in bytes.
pub const STREAM_ID_BYTES_MAX: usize = 4096;
const TAG_END: char = ':';
const SEPARATOR: char = ',';

/// What one channel takes in an id beside its position, in bytes.
pub const ID_ENTRY_BYTES: usize = TAG_LEN + 2;

/// What a stream's id says of one channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Nothing: the channel is not in it.
    Nothing,
    /// That nothing is known.
    Unknown,
    /// This was seen, as the text of a position.
    Upto(String),
}

/// Appends an id of at most so many bytes: who has no room left in it is unknown.
pub fn push_id<'a>(out: &mut Vec<u8>, channels: impl Iterator<Item = (Tag, &'a Seen)> + Clone, bytes_max: usize) {
    let channels = channels.filter(|(_, seen)| **seen != Seen::Nothing);
    let mut room = bytes_max.saturating_sub(channels.clone().count() * ID_ENTRY_BYTES);
    let mut tag_text = String::with_capacity(TAG_LEN);
    for (at, (tag, seen)) in channels.enumerate() {
        if at > 0 {
            out.push(SEPARATOR as u8);
        }
        tag_text.clear();
        tag.push(&mut tag_text);
        out.extend_from_slice(tag_text.as_bytes());
        out.push(TAG_END as u8);
        if let Seen::Upto(position) = seen
            && position.len() <= room
        {
            room -= position.len();
            out.extend_from_slice(position.as_bytes());
        }
    }
}

/// Where each of the `channels` of a stream begins whose client has come with this id, which may be of another stream or no
/// id at all. `otherwise`: those that it says nothing of.
pub fn starts(id: Option<&str>, channels: &[&str], otherwise: &Start) -> Vec<Start> {
    let Some(id) = id else { return vec![otherwise.clone(); channels.len()] };
    let entries: Vec<(Option<Tag>, Option<Position>)> = if id.contains(TAG_END) {
        let entries = id.split(SEPARATOR).filter_map(|entry| entry.split_once(TAG_END));
        entries.map(|(tag, position)| (Tag::parse(tag.as_bytes()), Position::parse(position))).collect()
    } else {
        // That of a stream with one channel.
        let is_of_one = |position: &Position| channels.iter().any(|channel| Tag::of(channel) == position.tag);
        let Some(position) = Position::parse(id).filter(is_of_one) else {
            return vec![Start::Since(None); channels.len()];
        };
        vec![(Some(position.tag), Some(position))]
    };
    let tags: Vec<_> = channels.iter().map(|channel| Tag::of(channel)).collect();
    let start = |tag: &Tag| match entries.iter().find(|(of, _)| *of == Some(*tag)) {
        None => otherwise.clone(),
        Some((_, position)) => {
            let is_ambiguous = tags.iter().filter(|other| *other == tag).count() > 1;
            Start::Since(position.clone().filter(|_| !is_ambiguous))
        }
    };
    tags.iter().map(start).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of channel `a`.
    const POSITION: &str = "AABNypeB-AAAAAF.12";

    fn id(channels: &[(&str, Seen)], bytes_max: usize) -> String {
        let mut out = Vec::new();
        push_id(&mut out, channels.iter().map(|(channel, seen)| (Tag::of(channel), seen)), bytes_max);
        String::from_utf8(out).expect("ASCII")
    }

    fn since(text: &str) -> Start {
        Start::Since(Position::parse(text))
    }

    #[test]
    fn an_id_of_several_channels_is_read_channel_by_channel() {
        let seen = Seen::Upto(POSITION.into());
        let id = id(&[("a", seen.clone()), ("b", Seen::Nothing), ("c", Seen::Unknown), ("d", seen)], 4096);
        assert_eq!(id, format!("ypeB:{POSITION},Ln0s:,GKw-:{POSITION}"));
        let starts = |channels: &[&str]| starts(Some(&id), channels, &Start::Last(3));
        let expected = [since(POSITION), Start::Last(3), Start::Since(None), since(POSITION)];
        assert_eq!(starts(&["a", "b", "c", "d"]), expected);
        assert_eq!(starts(&["d"]), [since(POSITION)], "a page listens to fewer channels");
    }

    #[test]
    fn an_id_of_one_channel_is_its_position() {
        assert_eq!(starts(Some(POSITION), &["a"], &Start::Now), [since(POSITION)]);
        assert_eq!(starts(Some(POSITION), &["a", "b"], &Start::Now), [since(POSITION), Start::Now]);
        assert_eq!(starts(Some(POSITION), &["b"], &Start::Now), [Start::Since(None)], "it is of another stream");
        assert_eq!(starts(Some("null"), &["a", "b"], &Start::Now), [Start::Since(None), Start::Since(None)]);
        assert_eq!(starts(Some("7"), &["a"], &Start::Last(1)), [Start::Since(None)]);
        assert_eq!(starts(None, &["a", "b"], &Start::Last(1)), [Start::Last(1), Start::Last(1)]);
    }

    #[test]
    fn what_has_no_room_is_unknown() {
        let seen = Seen::Upto(POSITION.into());
        let id = id(&[("a", seen.clone()), ("b", seen.clone()), ("c", seen)], 3 * ID_ENTRY_BYTES + 2 * POSITION.len());
        assert_eq!(
            starts(Some(&id), &["a", "b", "c"], &Start::Now),
            [since(POSITION), since(POSITION), Start::Since(None)]
        );
    }

    #[test]
    fn channels_that_cannot_be_told_apart_are_unknown() {
        // The first 24 bits of both hashes are the same.
        let (one, other) = alike();
        let id = id(&[(&one, Seen::Upto(POSITION.into()))], 4096);
        assert_eq!(starts(Some(&id), &[&one], &Start::Now), [since(POSITION)]);
        assert_eq!(starts(Some(&id), &[&one, &other], &Start::Now), [Start::Since(None), Start::Since(None)]);
    }

    fn alike() -> (String, String) {
        let mut seen = std::collections::HashMap::new();
        for number in 0.. {
            let name = number.to_string();
            if let Some(other) = seen.insert(Tag::of(&name), name.clone()) {
                return (other, name);
            }
        }
        unreachable!("there are more numbers than tags")
    }

    proptest! {
        /// Whatever a client sends is read, and what an id may hold bounds it.
        #[test]
        fn any_text_is_read(text in "[a-cyLG4-9:,.*-]{0,80}", bytes_max in 40usize..200) {
            prop_assert_eq!(starts(Some(&text), &["a", "b"], &Start::Now).len(), 2);
            let seen = Seen::Upto(text.clone());
            prop_assert!(id(&[("a", seen.clone()), ("b", seen.clone()), ("c", seen)], bytes_max).len() <= bytes_max);
        }
    }
}
