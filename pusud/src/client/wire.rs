//! The stream under tungstenite: reads come from the client's socket, writes go to its outbox. Neither ever waits.
//!
//! So whatever tungstenite answers by itself (pongs, the echo of a close frame) queues behind what is on its way, and
//! control frames can never cut a half-written publication.

use crate::disconnect::Disconnect;
use crate::frame::Frames;
use crate::hub::Hub;
use crate::outbox::Outbox;
use crate::read_buffer::ReadBuffer;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

/// tungstenite's own buffer, which every client keeps; the wire reads in larger pieces.
const TUNGSTENITE_BUFFER_BYTES: usize = 64;

/// One client's stream.
pub struct Wire {
    hub: Rc<Hub>,
    outbox: Rc<Outbox>,
    buffer: Rc<ReadBuffer>,
    /// Read from the socket and not yet asked for. A client that sends nothing owns no memory here.
    unread: Vec<u8>,
    unread_at: usize,
}

impl Wire {
    /// The stream of the client that `outbox` belongs to; `unread` are bytes that came in before.
    pub fn new(hub: Rc<Hub>, outbox: Rc<Outbox>, buffer: Rc<ReadBuffer>, unread: Vec<u8>) -> Self {
        Self { hub, outbox, buffer, unread, unread_at: 0 }
    }

    /// Ready when the socket has something to read, its end included.
    ///
    /// # Errors
    /// The runtime is stopping.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbox.socket().poll_read_ready(cx)
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() {
            let mut taken = 0;
            self.buffer.read(self.outbox.socket(), |bytes| {
                taken = bytes.len().min(into.len());
                into[..taken].copy_from_slice(&bytes[..taken]);
                self.unread.extend_from_slice(&bytes[taken..]);
            })?;
            return Ok(taken);
        }
        let unread = &self.unread[self.unread_at..];
        let taken = unread.len().min(into.len());
        into[..taken].copy_from_slice(&unread[..taken]);
        self.unread_at += taken;
        if self.unread_at == self.unread.len() {
            self.unread = Vec::new();
            self.unread_at = 0;
        }
        Ok(taken)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hub.send(&self.outbox, Frames::from(bytes));
        Ok(bytes.len())
    }

    /// What was written is in the outbox, and the hub flushes that.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The messages that come over `wire`, each of at most `message_bytes_max`.
pub fn messages(wire: Wire, message_bytes_max: usize) -> WebSocket<Wire> {
    WebSocket::from_raw_socket(wire, Role::Server, Some(config(message_bytes_max)))
}

/// How tungstenite reads clients' frames: strictly by RFC 6455, and with hardly any memory of its own.
pub fn config(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(TUNGSTENITE_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// Ready with the next message or with what is wrong with it, and with `None` when the connection is at its end.
pub fn poll_message(messages: &mut WebSocket<Wire>, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
    loop {
        match messages.read() {
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                if ready!(messages.get_ref().poll_readable(cx)).is_err() {
                    return Poll::Ready(None);
                }
            }
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Poll::Ready(None),
            message => return Poll::Ready(Some(message)),
        }
    }
}

/// What a client is told whose frames ended with `error`; `None` where it has gone without a word.
pub fn disconnect_after(error: &Error) -> Option<Disconnect> {
    match error {
        Error::Io(_) | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Capacity(_) => Some(Disconnect::MessageTooBig),
        Error::Utf8(_) => Some(Disconnect::InvalidUtf8),
        _ => Some(Disconnect::ProtocolError),
    }
}
