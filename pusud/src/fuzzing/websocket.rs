//! Frames of clients, as the daemon has them taken apart.

use crate::client::{self, Unfinished};
use std::io::{self, ErrorKind, Read, Write};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

const MESSAGE_BYTES_MAX: usize = 1000;
const FRAGMENTS_MAX: usize = 5;
/// The longest close frame (RFC 6455, section 5.5).
const CLOSE_BYTES_MAX: usize = 127;

/// The same messages come out, and the same end, whatever pieces the bytes come in; none is longer than allowed, and what
/// is answered is hardly ever more than what came.
///
/// # Panics
/// Where that does not hold.
pub fn websocket_frames(bytes: &[u8]) {
    let whole = read_all(bytes, usize::MAX);
    for piece in [1, 7] {
        assert_eq!(whole, read_all(bytes, piece), "in pieces of {piece}");
    }
    let walked = walk_all(bytes, usize::MAX);
    for piece in [1, 7] {
        assert_eq!(walked, walk_all(bytes, piece), "walked in pieces of {piece}");
    }
    for message in &whole.messages {
        assert!(message.len() <= MESSAGE_BYTES_MAX, "{message:?}");
    }
    // An empty frame of a client has 6 bytes, and its pong 2; what answers a close frame may say why, once.
    assert!(whole.answered.len() <= bytes.len() + CLOSE_BYTES_MAX, "{:?}", whole.answered);
    assert!(whole.answered.first().is_none_or(|&first| matches!(first, 0x88 | 0x8a)), "{:?}", whole.answered);
}

/// What became of a client's bytes.
#[derive(Debug, PartialEq)]
struct Outcome {
    messages: Vec<Message>,
    /// The close code, or `None` without one.
    end: Option<u16>,
    answered: Vec<u8>,
}

fn read_all(bytes: &[u8], piece: usize) -> Outcome {
    let stream = Pieces { left: bytes, piece, answered: Vec::new() };
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, Some(client::config(MESSAGE_BYTES_MAX)));
    let mut messages = Vec::new();
    let end = loop {
        match socket.read() {
            Ok(message) => messages.push(message),
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => break None,
            Err(error) => break client::disconnect_after(&error).map(|disconnect| disconnect.code()),
        }
    };
    Outcome { messages, end, answered: std::mem::take(&mut socket.get_mut().answered) }
}

/// How far the walk over frames comes before there are too many in a message, and whether that is between messages.
fn walk_all(bytes: &[u8], piece: usize) -> (usize, bool) {
    let mut unfinished = Unfinished::default();
    let mut at = 0;
    while at < bytes.len() {
        let end = at.saturating_add(piece).min(bytes.len());
        let walked = unfinished.walk(&bytes[at..end], FRAGMENTS_MAX, false);
        at += walked;
        if unfinished.has_too_many() {
            return (0, false);
        }
        assert!(walked > 0, "it walks on");
    }
    (at, unfinished.is_empty())
}

/// A stream that gives a piece at a time, and has nothing to read after each.
struct Pieces<'a> {
    left: &'a [u8],
    piece: usize,
    answered: Vec<u8>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (piece, left) = self.left.split_at(self.piece.min(self.left.len()).min(into.len()));
        into[..piece.len()].copy_from_slice(piece);
        self.left = left;
        Ok(piece.len())
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.answered.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
