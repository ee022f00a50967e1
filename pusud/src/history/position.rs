//! A position: what a listener has seen of a channel, as text that it keeps and gives back.
//!
//! `TTTT` is the minute in which it was made, by the maker's clock, and `CCCC` a hash of the channel's name; then `-ORIGIN.n` follows for each origin: everything of
//! that origin up to number n was seen, or told as lost. A `.` in front of it, in place of the `-`, says that the maker did not know
//! that origin, and has said that something is lost. A `*` at the end says that there were more origins than have room.
//! Characters of JSON that would need an escape are not in it.

use super::base64;
use super::origin::{self, Origin};
use super::tag::{TAG_LEN, Tag};
use crate::protocol::POSITION_BYTES_MAX;
use smallvec::SmallVec;

/// Origins that a position names at most.
pub const ORIGINS_MAX: usize = 40;
/// The largest number that a publication may have: what programs in other languages hold as a whole number.
pub const NUMBER_MAX: u64 = 1 << 53;
const MINUTE_LEN: usize = 4;

/// A minute of the wall clock, counted from the beginning of 2020; enough until 2051.
pub type Minute = u32;

/// The largest minute that has room in a text.
pub(super) const MINUTE_MAX: Minute = (1 << (6 * MINUTE_LEN)) - 1;

/// What was seen of a channel.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Position {
    /// When it was made.
    pub minute: Minute,
    /// Of which channel it is.
    pub tag: Tag,
    /// Each origin once, and the highest number of it that was seen.
    pub(super) seen: SmallVec<[(Origin, u64); 3]>,
    /// Of which of these it was told that something is lost, since nobody knew them: a bit for each.
    told: u64,
    /// It does not say all: there were more origins.
    pub(super) is_partial: bool,
}

impl Position {
    /// Reads a position. `None`: it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > POSITION_BYTES_MAX {
            return None;
        }
        let (minute, mut rest) = text.as_bytes().split_first_chunk::<MINUTE_LEN>()?;
        let minute = Minute::try_from(base64::parse(minute)?).ok()?;
        let (tag, behind) = rest.split_first_chunk::<TAG_LEN>()?;
        rest = behind;
        let mut position = Self { minute, tag: Tag::parse(tag)?, ..Self::default() };
        while let Some((&separator, behind)) = rest.split_first() {
            if separator == b'*' && behind.is_empty() {
                position.is_partial = true;
                break;
            }
            let (origin, behind) = behind.split_first_chunk::<{ origin::TEXT_LEN }>()?;
            let origin = Origin::parse(origin)?;
            let (&dot, behind) = behind.split_first()?;
            let digits = behind.iter().take_while(|digit| digit.is_ascii_digit()).count();
            let (number, behind) = behind.split_at(digits);
            let number = parse_number(number)?;
            if !matches!(separator, b'-' | b'.') || dot != b'.' || position.get(origin).is_some() {
                return None;
            }
            if position.seen.len() == ORIGINS_MAX {
                return None;
            }
            position.told |= u64::from(separator == b'.') << position.seen.len();
            position.seen.push((origin, number));
            rest = behind;
        }
        // A relay names itself, if there is nobody else.
        (!position.seen.is_empty()).then_some(position)
    }

    /// One of these origins, each of which stands there once.
    pub(super) fn of(minute: Minute, tag: Tag, seen: impl Iterator<Item = (Origin, u64)>, is_partial: bool) -> Self {
        Self { minute, tag, seen: seen.collect(), told: 0, is_partial }
    }

    /// Appends its text.
    pub fn push(&self, out: &mut String) {
        let parts = self.seen.iter().enumerate().map(|(at, &(origin, number))| (origin, number, self.is_told(at)));
        push_parts(out, self.minute, self.tag, parts, self.is_partial);
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.push(&mut out);
        out
    }

    /// The highest number of `origin` that was seen, if it names that one.
    pub fn get(&self, origin: Origin) -> Option<u64> {
        self.seen.iter().find(|(other, _)| *other == origin).map(|&(_, number)| number)
    }

    /// One that says nothing of any origin.
    #[cfg(test)]
    pub(super) fn empty(minute: Minute) -> Self {
        Self { minute, ..Self::default() }
    }

    /// Whether whoever has this was told that something of `origin` is lost, by a relay that did not know it.
    pub(super) fn was_told_of(&self, origin: Origin) -> bool {
        self.seen.iter().position(|(other, _)| *other == origin).is_some_and(|at| self.is_told(at))
    }

    fn is_told(&self, at: usize) -> bool {
        self.told & 1 << at != 0
    }

    /// Everything of `origin` up to this number was seen as well.
    pub fn merge(&mut self, origin: Origin, number: u64) {
        self.merge_part(origin, number, false);
    }

    /// The same of an origin that nobody knows, of which is told now that something is lost.
    pub(super) fn merge_told(&mut self, origin: Origin, number: u64) {
        self.merge_part(origin, number, true);
    }

    fn merge_part(&mut self, origin: Origin, number: u64, is_told: bool) {
        if let Some(at) = self.seen.iter().position(|(other, _)| *other == origin) {
            let seen = &mut self.seen[at].1;
            // What was said of the higher number holds.
            if number > *seen {
                self.told = self.told & !(1 << at) | u64::from(is_told) << at;
                *seen = number;
            } else if number == *seen && !is_told {
                self.told &= !(1 << at);
            }
        } else if self.seen.len() < ORIGINS_MAX {
            self.told |= u64::from(is_told) << self.seen.len();
            self.seen.push((origin, number));
        } else {
            self.is_partial = true;
        }
    }

    /// Everything that the other one says was seen as well.
    pub fn merge_all(&mut self, other: &Self) {
        self.is_partial |= other.is_partial;
        for (at, &(origin, number)) in other.seen.iter().enumerate() {
            self.merge_part(origin, number, other.is_told(at));
        }
    }

    /// The origins that it names, each with the highest number seen.
    pub fn iter(&self) -> impl Iterator<Item = (Origin, u64)> + '_ {
        self.seen.iter().copied()
    }
}

/// Appends the text of a position.
pub(super) fn push_text(
    out: &mut String,
    minute: Minute,
    tag: Tag,
    seen: impl Iterator<Item = (Origin, u64)>,
    is_partial: bool,
) {
    push_parts(out, minute, tag, seen.map(|(origin, number)| (origin, number, false)), is_partial);
}

fn push_parts(
    out: &mut String,
    minute: Minute,
    tag: Tag,
    parts: impl Iterator<Item = (Origin, u64, bool)>,
    is_partial: bool,
) {
    base64::push::<MINUTE_LEN>(out, minute.min(MINUTE_MAX).into());
    tag.push(out);
    for (origin, number, is_told) in parts {
        out.push(if is_told { '.' } else { '-' });
        origin.push(out);
        out.push('.');
        push_number(out, number);
    }
    if is_partial {
        out.push('*');
    }
}

fn push_number(out: &mut String, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push_str(str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

/// A number as [`push_number`] writes it: one text for each.
fn parse_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 || (digits.len() > 1 && digits[0] == b'0') {
        return None;
    }
    let number = digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    (number <= NUMBER_MAX).then_some(number)
}

#[cfg(test)]
mod tests;
