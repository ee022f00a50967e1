//! The partial message of a client, which has begun to come and is not finished: a pure function of the bytes, which
//! are passed on as they are.
//!
//! The WebSocket library joins fragments without saying so, and knows no bound on how many there are or on how long they
//! take. Frames are walked here before it sees them, by their headers alone; what is wrong with them is for it to say.
//! Nearly all messages come whole, and then nothing is kept.

use crate::client::deadlines::{Alarm, Deadlines};
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

/// Past this many bytes of payload a message is a large one: where it ends, a walk ends too, so that the library's buffer
/// is empty there and can be replaced by a small one.
pub(crate) const LARGE_MESSAGE_BYTES: usize = 512;

/// A message counts with all that it announces once this part of it has come.
const ANNOUNCED_PARTS: usize = 16;

const FIN: u8 = 0x80;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;
/// First byte, length, and its longest extension.
const HEAD_BYTES_MAX: usize = 10;
const MASK_BYTES: u64 = 4;

/// A message of which not everything has come yet.
#[derive(Default)]
pub struct Unfinished {
    /// The head of a frame as far as it has come, without the mask.
    head: [u8; HEAD_BYTES_MAX],
    head_len: usize,
    /// What is still to come of the frame whose head has come.
    frame_left: u64,
    /// Frames of the message that have begun; 0: none has.
    fragments: usize,
    message_bytes: usize,
    /// What of it has been walked over.
    walked_bytes: usize,
    has_too_many: bool,
    alarm: Option<Alarm<Instant>>,
}

impl Unfinished {
    /// Walks over the next bytes and returns how many of them may be passed on: up to the end of a large message, or of
    /// each frame if `stops_at_each`, and up to the frame that is one too many for its message. Only behind that frame's
    /// beginning it is 0.
    pub fn walk(&mut self, bytes: &[u8], fragments_max: usize, stops_at_each: bool) -> usize {
        let mut at = 0;
        while at < bytes.len() && !self.has_too_many {
            if self.is_empty()
                && let Some(whole) = whole_frame(&bytes[at..])
            {
                at += whole;
                if stops_at_each {
                    return at;
                }
            } else if self.frame_left == 0 {
                let frame_at = at.saturating_sub(self.head_len);
                self.head[self.head_len] = bytes[at];
                self.head_len += 1;
                at += 1;
                self.walked_bytes += 1;
                if self.head_is_complete() && !self.begin_frame(fragments_max) {
                    return frame_at;
                }
            } else {
                let step = usize::try_from(self.frame_left).unwrap_or(usize::MAX).min(bytes.len() - at);
                self.frame_left -= step as u64;
                at += step;
                self.walked_bytes += step;
            }
            if self.frame_left == 0 && self.head_is_complete() && (self.end_frame() || stops_at_each) {
                return at;
            }
        }
        if self.has_too_many { 0 } else { at }
    }

    /// Whether a message came in too many frames.
    pub fn has_too_many(&self) -> bool {
        self.has_too_many
    }

    /// Whether nothing is unfinished.
    pub fn is_empty(&self) -> bool {
        self.head_len == 0 && self.fragments == 0
    }

    /// What the unfinished message takes, in bytes: what its frames have announced, since the library makes room for
    /// all of a frame when it begins, and the allocator keeps what was touched. But no more than 16 times what has
    /// come: announcing alone takes nothing. Frames that announce more than `message_bytes_max` are refused.
    pub fn bytes(&self, message_bytes_max: usize) -> usize {
        let announced =
            self.message_bytes.min(message_bytes_max).min(self.walked_bytes.saturating_mul(ANNOUNCED_PARTS));
        self.walked_bytes.max(announced)
    }

    /// Whether the message has been unfinished for longer than `timeout`. `waker` is woken when it is.
    pub fn is_late(&mut self, timeout: Duration, deadlines: &Rc<Deadlines<Instant>>, waker: &Waker) -> bool {
        let now = Instant::now();
        self.alarm.get_or_insert_with(|| deadlines.set(now + timeout, waker.clone())).at() <= now
    }

    /// The time for it begins anew: nobody has read meanwhile.
    pub fn forgive(&mut self) {
        self.alarm = None;
    }

    fn length_bytes(&self) -> usize {
        match self.head[1] & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    fn head_is_complete(&self) -> bool {
        self.head_len >= 2 && self.head_len == 2 + self.length_bytes()
    }

    fn is_control(&self) -> bool {
        self.head[0] & CONTROL != 0
    }

    /// False if the frame is one too many.
    fn begin_frame(&mut self, fragments_max: usize) -> bool {
        let payload = match self.length_bytes() {
            0 => u64::from(self.head[1] & !MASKED),
            more => self.head[2..2 + more].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        let mask = if self.head[1] & MASKED == 0 { 0 } else { MASK_BYTES };
        self.frame_left = payload.saturating_add(mask);
        if !self.is_control() {
            self.fragments += 1;
            self.message_bytes = self.message_bytes.saturating_add(usize::try_from(payload).unwrap_or(usize::MAX));
            self.has_too_many = self.fragments > fragments_max;
        }
        !self.has_too_many
    }

    /// True if a large message ends with the frame.
    fn end_frame(&mut self) -> bool {
        self.head_len = 0;
        if !self.is_control() && self.head[0] & FIN != 0 {
            let was_large = self.message_bytes > LARGE_MESSAGE_BYTES;
            *self = Self::default();
            return was_large;
        }
        if self.fragments == 0 {
            *self = Self::default();
        }
        false
    }
}

/// The length of the frame that `bytes` begin with, if it is there whole and neither continues in another one nor is large.
/// Nearly all frames are like that, and where nothing is unfinished before them, nothing more has to be known of them.
fn whole_frame(bytes: &[u8]) -> Option<usize> {
    let &[first, second, ref behind @ ..] = bytes else { return None };
    let (payload, behind) = match second & !MASKED {
        126 => behind.split_first_chunk().map(|(length, behind)| (u16::from_be_bytes(*length).into(), behind))?,
        127 => return None,
        short => (usize::from(short), behind),
    };
    let mask = if second & MASKED == 0 { 0 } else { MASK_BYTES as usize };
    let is_whole = first & FIN != 0 && payload <= LARGE_MESSAGE_BYTES && behind.len() >= mask + payload;
    is_whole.then(|| bytes.len() - behind.len() + mask + payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(first_byte: u8, payload: usize) -> Vec<u8> {
        let mut bytes = vec![first_byte];
        match payload {
            0..=125 => bytes.push(MASKED | payload as u8),
            126..=0xffff => {
                bytes.push(MASKED | 126);
                bytes.extend((payload as u16).to_be_bytes());
            }
            _ => {
                bytes.push(MASKED | 127);
                bytes.extend((payload as u64).to_be_bytes());
            }
        }
        bytes.extend([0xff; MASK_BYTES as usize]);
        bytes.resize(bytes.len() + payload, 0x81);
        bytes
    }

    #[test]
    fn a_large_message_ends_a_walk() {
        let bytes = [frame(0x81, 600), frame(0x81, 1)].concat();
        let mut unfinished = Unfinished::default();
        assert_eq!(unfinished.walk(&bytes, 8, false), bytes.len() - 7);
        assert!(unfinished.is_empty());
        assert_eq!(unfinished.walk(&bytes[bytes.len() - 7..], 8, false), 7);
        assert!(unfinished.is_empty() && unfinished.bytes(0) == 0);
    }

    #[test]
    fn frame_by_frame_each_one_ends_a_walk() {
        let frames = [frame(0x01, 3), frame(0x80, 600), frame(0x88, 2)];
        let bytes = frames.concat();
        let (mut unfinished, mut at) = (Unfinished::default(), 0);
        for one in &frames {
            let walked = unfinished.walk(&bytes[at..], 8, true);
            assert_eq!(walked, one.len());
            at += walked;
        }
        assert!(unfinished.is_empty() && at == bytes.len());
    }

    #[test]
    fn a_frame_too_many_is_not_passed_on() {
        let mut bytes = [frame(0x81, 3), frame(0x01, 0)].concat();
        bytes.extend(frame(0x00, 0).repeat(7));
        bytes.extend(frame(0x89, 5));
        let good = bytes.len();
        bytes.extend(frame(0x00, 0).repeat(2));
        let mut unfinished = Unfinished::default();
        assert_eq!(unfinished.walk(&bytes, 8, false), good);
        assert!(unfinished.has_too_many() && unfinished.walk(&bytes, 8, false) == 0);
    }

    #[test]
    fn a_length_that_no_machine_holds_is_only_walked_over() {
        let mut unfinished = Unfinished::default();
        let head = [&[0x81, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 100]].concat();
        assert_eq!((unfinished.walk(&head, 8, false), unfinished.bytes(0)), (110, 110));
        assert!(!unfinished.is_empty());
    }

    proptest! {
        /// However the bytes are cut, the walk passes all on and is empty exactly between messages.
        #[test]
        fn cuts_do_not_matter(
            messages in proptest::collection::vec((proptest::collection::vec(0usize..700, 1..6), any::<bool>()), 1..6),
            cut in 1usize..900,
        ) {
            let (mut bytes, mut ends) = (Vec::new(), vec![0]);
            for (fragments, has_ping) in &messages {
                for (n, payload) in fragments.iter().enumerate() {
                    let opcode = if n == 0 { 1 } else { 0 };
                    let fin = if n + 1 == fragments.len() { FIN } else { 0 };
                    bytes.extend(frame(fin | opcode, *payload));
                    if fin == 0 && *has_ping {
                        bytes.extend(frame(FIN | 9, 7));
                    }
                }
                ends.push(bytes.len());
            }
            let mut unfinished = Unfinished::default();
            let mut at = 0;
            for piece in bytes.chunks(cut) {
                let mut left = piece;
                while !left.is_empty() {
                    let passed = unfinished.walk(left, 5, false);
                    prop_assert!(passed > 0);
                    at += passed;
                    left = &left[passed..];
                    prop_assert_eq!(unfinished.is_empty(), ends.contains(&at), "at {} of {:?}", at, ends);
                    let since = ends.iter().rev().find(|end| **end <= at).unwrap();
                    prop_assert_eq!(unfinished.bytes(0), at - since);
                }
            }
            prop_assert_eq!(at, bytes.len());
        }
    }
}
