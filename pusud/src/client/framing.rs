//! tungstenite as the daemon uses it: over a client's wire, driven by the socket's readiness, and with hardly any memory
//! of its own. What comes out are messages and what is wrong with them; what they mean is not known here.

use super::unfinished::LARGE_MESSAGE_BYTES;
use super::wire::{Refused, Wire};
use crate::deadlines::Deadlines;
use crate::disconnect::Disconnect;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

/// tungstenite's own buffer, which every client keeps; the wire reads in larger pieces.
const TUNGSTENITE_BUFFER_BYTES: usize = 64;

/// The messages that come over `wire`, each of at most `message_bytes_max`.
pub fn over(wire: Wire, message_bytes_max: usize) -> WebSocket<Wire> {
    WebSocket::from_raw_socket(wire, Role::Server, Some(config(message_bytes_max)))
}

/// How tungstenite reads: strictly by RFC 6455.
pub fn config(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(TUNGSTENITE_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// Ready with the next message or with what is wrong with it, and with `None` when the connection is at its end.
pub fn poll_message(
    messages: &mut WebSocket<Wire>,
    cx: &mut Context<'_>,
    deadlines: &Rc<Deadlines>,
) -> Poll<Option<Result<Message, Error>>> {
    loop {
        match messages.read() {
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                if let Err(error) = ready!(messages.get_mut().poll_readable(cx, deadlines)) {
                    return Poll::Ready(Some(Err(Error::Io(error))));
                }
            }
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Poll::Ready(None),
            message => return Poll::Ready(Some(message)),
        }
    }
}

/// tungstenite keeps the buffer of the largest message that it has read, up to `max_message_bytes` for every client.
/// Where a large message ends the buffer is empty (the wire sees to that), and a small one takes its place.
pub fn after_message(messages: &mut WebSocket<Wire>, message_bytes: usize) {
    if message_bytes > LARGE_MESSAGE_BYTES {
        let config = *messages.get_config();
        let wire = messages.get_mut().take();
        *messages = WebSocket::from_raw_socket(wire, Role::Server, Some(config));
        // The old wire has taken it off the account.
        messages.get_ref().account();
    }
}

/// What a client is told whose messages ended with `error`; `None` where it has gone without a word.
pub fn disconnect_after(error: &Error) -> Option<Disconnect> {
    match error {
        Error::Io(error) if error.get_ref().is_some_and(|error| error.is::<Refused>()) => {
            Some(Disconnect::PolicyViolation)
        }
        Error::Io(_) | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Capacity(_) => Some(Disconnect::MessageTooBig),
        Error::Utf8(_) => Some(Disconnect::InvalidUtf8),
        _ => Some(Disconnect::ProtocolError),
    }
}
