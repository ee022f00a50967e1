//! Queue of commands that wait to be written to the server.
//!
//! Publications count against a bound, beyond which the newest are not taken, and what others have asked for against another one;
//! what the relay has to say of itself against none. **Invariant:** commands leave in the order in which they came in, but for those
//! that are urgent, and those that are said to be about one connection do not leave over another.

use crate::nats::server::command;
use std::collections::VecDeque;

/// What publications that wait may take, in bytes.
pub(super) const PUBLICATIONS_BYTES_MAX: usize = 16 << 20;
/// What others have asked for may take before nothing more is answered, in bytes: they ask again.
pub(super) const ANSWERS_BYTES_MAX: usize = 16 << 20;
/// Commands are joined up to this, in bytes: so much is lost at the most with the connection that it is being written to.
const CHUNK_BYTES: usize = 64 << 10;

/// What a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It leaves before others, and before the relay has joined.
    Urgent,
    /// It is in order with publications, and about this connection.
    Ordered,
    /// Publications: they leave over whatever connection there is.
    Publications,
}

/// Commands.
#[derive(Default)]
pub(super) struct Queue {
    urgent: Vec<u8>,
    chunks: VecDeque<Chunk>,
    /// Of `urgent`, the bytes of answers.
    urgent_answers: usize,
    /// PONG is among what is urgent.
    has_pong: bool,
    publications_bytes: usize,
    /// Of all chunks, the bytes of answers.
    answers_bytes: usize,
    bytes: usize,
}

struct Chunk {
    bytes: Vec<u8>,
    is_publications: bool,
    answers: usize,
}

impl Queue {
    /// Whether there is room for publications that take so many bytes. Some always fit where nothing waits.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.publications_bytes == 0 || self.publications_bytes + bytes <= PUBLICATIONS_BYTES_MAX
    }

    /// Where the next command is written to; what is appended there is one or more whole commands.
    pub(super) fn write(&mut self, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
        if kind == Kind::Urgent {
            write(&mut self.urgent);
            return;
        }
        let is_publications = kind == Kind::Publications;
        let fits = |chunk: &Chunk| chunk.is_publications == is_publications && chunk.bytes.len() < CHUNK_BYTES;
        if !self.chunks.back().is_some_and(fits) {
            self.chunks.push_back(Chunk { bytes: Vec::new(), is_publications, answers: 0 });
        }
        let chunk = self.chunks.back_mut().expect("it was put in");
        let before = chunk.bytes.len();
        write(&mut chunk.bytes);
        let written = chunk.bytes.len() - before;
        self.bytes += written;
        self.publications_bytes += if is_publications { written } else { 0 };
    }

    /// The same of what another relay has asked for.
    pub(super) fn answer(&mut self, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes();
        self.write(kind, write);
        let written = self.bytes() - before;
        match (kind, self.chunks.back_mut()) {
            (Kind::Urgent, _) | (_, None) => self.urgent_answers += written,
            (_, Some(chunk)) => {
                chunk.answers += written;
                self.answers_bytes += written;
            }
        }
    }

    /// What waits of it, in bytes.
    pub(super) fn answers_waiting(&self) -> usize {
        self.answers_bytes + self.urgent_answers
    }

    /// Whether there is room for what others have asked for.
    pub(super) fn has_room_for_answers(&self) -> bool {
        self.answers_waiting() < ANSWERS_BYTES_MAX
    }

    /// The server wants to be answered: once, however often it has asked meanwhile.
    pub(super) fn pong(&mut self) {
        if !std::mem::replace(&mut self.has_pong, true) {
            self.write(Kind::Urgent, command::pong);
        }
    }

    /// Takes out what is to be written next, behind what is in `out`; only what is urgent where not `all` may leave.
    pub(super) fn take(&mut self, out: &mut Vec<u8>, all: bool) {
        if out.is_empty() {
            std::mem::swap(out, &mut self.urgent);
        } else {
            out.append(&mut self.urgent);
        }
        (self.urgent_answers, self.has_pong) = (0, false);
        while all && out.len() < CHUNK_BYTES {
            let Some(mut chunk) = self.chunks.pop_front() else { break };
            self.bytes -= chunk.bytes.len();
            self.answers_bytes -= chunk.answers;
            self.publications_bytes -= if chunk.is_publications { chunk.bytes.len() } else { 0 };
            if out.is_empty() {
                *out = chunk.bytes;
            } else {
                out.append(&mut chunk.bytes);
            }
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.chunks.is_empty()
    }

    /// What waits, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.urgent.len() + self.bytes
    }

    /// The connection has ended: drops everything that was about it.
    pub(super) fn disconnected(&mut self) {
        self.urgent = Vec::new();
        (self.urgent_answers, self.has_pong, self.answers_bytes) = (0, false, 0);
        self.chunks.retain(|chunk| chunk.is_publications);
        self.bytes = self.publications_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(commands: &[(Kind, &str)]) -> Queue {
        let mut queue = Queue::default();
        for (kind, text) in commands {
            queue.write(*kind, |out| out.extend_from_slice(text.as_bytes()));
        }
        queue
    }

    fn taken(queue: &mut Queue, all: bool) -> String {
        let mut out = Vec::new();
        queue.take(&mut out, all);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn order_is_kept_but_for_what_is_urgent() {
        use Kind::*;
        let mut queue =
            queue(&[(Ordered, "s1 "), (Publications, "p1 "), (Urgent, "u "), (Ordered, "s2 "), (Publications, "p2 ")]);
        assert_eq!((taken(&mut queue, false), queue.bytes()), ("u ".into(), 12));
        assert_eq!((taken(&mut queue, true), queue.is_empty(), queue.bytes()), ("s1 p1 s2 p2 ".into(), true, 0));
    }

    #[test]
    fn publications_alone_outlive_a_connection() {
        use Kind::*;
        let mut queue =
            queue(&[(Ordered, "s1 "), (Publications, "p1 "), (Urgent, "u "), (Ordered, "s2 "), (Publications, "p2 ")]);
        queue.disconnected();
        assert_eq!((queue.bytes(), taken(&mut queue, true)), (6, "p1 p2 ".into()));
    }

    #[test]
    fn publications_are_bounded_and_one_always_fits() {
        let mut queue = Queue::default();
        assert!(queue.has_room(2 * PUBLICATIONS_BYTES_MAX));
        queue.write(Kind::Publications, |out| out.resize(PUBLICATIONS_BYTES_MAX - 5, b'x'));
        assert!(queue.has_room(5) && !queue.has_room(6));
        taken(&mut queue, true);
        assert!(queue.has_room(6));
    }

    #[test]
    fn answers_are_bounded_and_nothing_else_is_by_them() {
        for kind in [Kind::Ordered, Kind::Urgent] {
            let mut queue = Queue::default();
            let long = |out: &mut Vec<u8>| out.resize(out.len() + 100_000, b'x');
            while queue.has_room_for_answers() {
                queue.answer(kind, long);
            }
            let full = queue.answers_waiting();
            assert!((ANSWERS_BYTES_MAX..ANSWERS_BYTES_MAX + 100_000).contains(&full) && !queue.has_room_for_answers());
            queue.write(kind, long);
            assert_eq!((queue.bytes(), queue.answers_waiting()), (full + 100_000, full));
            queue.write(Kind::Publications, long);
            while !queue.is_empty() {
                taken(&mut queue, true);
            }
            assert_eq!((queue.bytes(), queue.answers_waiting()), (0, 0));
            queue.answer(kind, long);
            queue.disconnected();
            assert_eq!((queue.bytes(), queue.answers_waiting()), (0, 0));
        }
    }

    #[test]
    fn a_server_that_asks_and_does_not_read_is_answered_once() {
        let mut queue = Queue::default();
        for _ in 0..3 {
            (0..10).for_each(|_| queue.pong());
            assert_eq!(taken(&mut queue, true), "PONG\r\n");
        }
        queue.pong();
        queue.disconnected();
        queue.pong();
        assert_eq!(taken(&mut queue, true), "PONG\r\n");
    }

    #[test]
    fn a_long_queue_leaves_in_pieces() {
        let mut queue = Queue::default();
        for _ in 0..100 {
            queue.write(Kind::Publications, |out| out.resize(out.len() + 10_000, b'x'));
        }
        let mut pieces = Vec::new();
        while !queue.is_empty() {
            pieces.push(taken(&mut queue, true).len());
        }
        assert!(
            pieces.iter().sum::<usize>() == 1_000_000 && pieces.iter().all(|len| *len < CHUNK_BYTES + 10_000),
            "{pieces:?}"
        );
    }
}
