//! Encryption between one client's outbox and its socket: records are made of what waits when the socket takes them, and
//! not before.
//!
//! What waits stays plaintext that many share; it is encrypted a record at a time into the shard's scratch buffers, and
//! sent. What the kernel did not take of a record is kept as ciphertext, since a record cannot be encrypted twice, and
//! leaves before anything else.
//! **Invariant:** at most one record is kept, and what is kept is in the account of queued memory. (What has been read of a
//! record is the reader's to account for.)

use crate::frames::{self, FrameQueue};
use crate::tls::{RECORD_BYTES_MAX, Received, Session, UNREAD_BYTES_MAX};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use tokio::net::TcpStream;

/// A shard's buffers for encryption, so that clients need none of their own. Their content lives only as long as a call.
#[derive(Default)]
pub struct Scratch(RefCell<Buffers>);

#[derive(Default)]
struct Buffers {
    plaintext: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// One client's encryption.
pub struct Encrypted {
    state: RefCell<State>,
    scratch: Rc<Scratch>,
}

struct State {
    /// In the box that the handshake made: thousands that are moved at once would leave holes as large as they are.
    session: Box<Session>,
    kept: Kept,
}

/// Ciphertext that the kernel did not take yet.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// How much of it has left.
    sent: usize,
}

impl Kept {
    fn set(&mut self, bytes: &[u8]) {
        self.clear();
        // No more room than it takes.
        self.bytes = bytes.to_vec();
        frames::hold(self.bytes.len());
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    fn advance(&mut self, sent: usize) {
        self.sent += sent;
        if self.sent == self.bytes.len() {
            self.clear();
        }
    }

    fn clear(&mut self) {
        frames::release(self.bytes.len());
        *self = Self { bytes: Vec::new(), sent: 0 };
    }
}

impl Encrypted {
    /// A client's encryption whose handshake is done, with the shard's buffers.
    pub fn new(session: Box<Session>, scratch: Rc<Scratch>) -> Self {
        Self { state: RefCell::new(State { session, kept: Kept::default() }), scratch }
    }

    /// Looks at the session.
    pub(super) fn with_session<T>(&self, look: impl FnOnce(&Session) -> T) -> T {
        look(&self.state.borrow().session)
    }

    /// Ciphertext that the kernel did not take yet, in bytes.
    pub(super) fn kept_bytes(&self) -> usize {
        self.state.borrow().kept.rest().len()
    }

    /// Drops what is kept: the connection is given up.
    pub(super) fn drop_kept(&self) {
        self.state.borrow_mut().kept.clear();
    }

    /// Sends what is kept, or makes the next record of what waits in the queue and sends that; `None` where nothing waits.
    /// The result is what the kernel has taken, in bytes.
    pub(super) fn write(&self, socket: &TcpStream, queue: &mut FrameQueue) -> Option<io::Result<usize>> {
        let State { session, kept } = &mut *self.state.borrow_mut();
        if !kept.rest().is_empty() {
            return Some(socket.try_write(kept.rest()).inspect(|&sent| kept.advance(sent)));
        }
        let Buffers { plaintext, ciphertext } = &mut *self.scratch.0.borrow_mut();
        let next = next_plaintext(queue, plaintext)?;
        let (taken, encrypted) = (next.len(), session.encrypt(next, ciphertext));
        queue.advance(taken);
        Some(encrypted.map_err(io::Error::from).and_then(|len| send(socket, &ciphertext[..len], kept)))
    }

    /// Reads with `read` into `buffer` and hands the plaintext to `take`. Nothing is handed over where the client sends
    /// nothing more.
    ///
    /// # Errors
    /// `WouldBlock` where nothing whole has come, what the socket says, or that the client has broken the rules of TLS,
    /// which it is told.
    pub fn read(
        &self,
        socket: &TcpStream,
        buffer: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        debug_assert!(buffer.len() > UNREAD_BYTES_MAX);
        let State { session, kept } = &mut *self.state.borrow_mut();
        let (mut answer, mut has_taken) = (Vec::new(), false);
        let mut note = |bytes: &[u8]| {
            has_taken |= !bytes.is_empty();
            take(bytes);
        };
        let received = session.read(buffer, read, &mut note, &mut answer);
        if !answer.is_empty() {
            // An alert, whose place among the records is taken. Whether it arrives is for the network to say.
            if kept.rest().is_empty() {
                send(socket, &answer, kept).ok();
            } else {
                let all = [kept.rest(), &answer].concat();
                kept.set(&all);
            }
        }
        match received? {
            Received::Data if !has_taken => Err(io::ErrorKind::WouldBlock.into()),
            Received::Data | Received::End => Ok(()),
        }
    }

    /// Tells the client that nothing more will come, as far as the kernel takes it. Only once everything has left.
    pub(super) fn close(&self, socket: &TcpStream) {
        let State { session, kept } = &mut *self.state.borrow_mut();
        let Buffers { ciphertext, .. } = &mut *self.scratch.0.borrow_mut();
        let len = session.close_notify(ciphertext);
        if len > 0 {
            // Whether it arrives is for the network to say: the WebSocket has been closed before.
            send(socket, &ciphertext[..len], kept).ok();
        }
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        self.state.get_mut().kept.clear();
    }
}

/// The next record's plaintext: of the first frames, if they are all or enough, else of many in `room`.
fn next_plaintext<'a>(queue: &'a FrameQueue, room: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let first = queue.front()?;
    let Some(rest) = queue.behind().filter(|_| first.len() < RECORD_BYTES_MAX) else {
        return Some(&first[..first.len().min(RECORD_BYTES_MAX)]);
    };
    room.clear();
    room.extend_from_slice(first);
    for frames in rest {
        let part = frames.len().min(RECORD_BYTES_MAX - room.len());
        room.extend_from_slice(&frames[..part]);
        if room.len() == RECORD_BYTES_MAX {
            break;
        }
    }
    Some(room)
}

/// Sends ciphertext, and keeps what the kernel does not take.
fn send(socket: &TcpStream, ciphertext: &[u8], kept: &mut Kept) -> io::Result<usize> {
    match socket.try_write(ciphertext) {
        Ok(sent) => {
            if sent < ciphertext.len() {
                kept.set(&ciphertext[sent..]);
            }
            Ok(sent)
        }
        Err(error) => {
            kept.set(ciphertext);
            Err(error)
        }
    }
}
