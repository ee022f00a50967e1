//! tungstenite as the daemon uses it: over a client's wire, driven by the socket's readiness, and only while something
//! comes. What comes out are messages and what is wrong with them; what they mean is not known here.

use super::wire::{NextFrame, Refused, Wire};
use crate::client::deadlines::Deadlines;
use crate::client::partial_message::LARGE_MESSAGE_BYTES;
use crate::protocol::{Disconnect, Refusal};
use std::io;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

/// tungstenite's own buffer, and what it takes from the wire at once: most messages fit into it. Idle clients have none.
const TUNGSTENITE_BUFFER_BYTES: usize = 256;

/// How tungstenite reads: strictly by RFC 6455.
pub fn config(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(TUNGSTENITE_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// The messages of one client.
///
/// Where nothing has begun to come, there is no tungstenite: what it needs is more than all else that an idle client takes,
/// and is made anew for the next message. Who publishes keeps it.
/// **Invariant:** it goes only where it holds nothing: behind a whole message, with all its bytes handled.
pub struct Messages {
    wire: State,
    /// The longest message.
    bytes_max: usize,
    /// The next message is likely to come soon.
    stays_open: bool,
}

enum State {
    Resting(Wire),
    Open(Box<WebSocket<Wire>>),
    /// There are none: what comes is dropped.
    None(Wire),
    /// On its way from one to the other.
    Between,
}

impl Messages {
    /// The messages that come over `wire`, each of at most `bytes_max`.
    pub fn over(wire: Wire, bytes_max: usize) -> Self {
        Self { wire: State::Resting(wire), bytes_max, stays_open: false }
    }

    /// None over `wire`, which only listens: what comes is dropped, until the end of the connection.
    pub fn none(wire: Wire) -> Self {
        Self { wire: State::None(wire), bytes_max: 0, stays_open: false }
    }

    /// From here on each message is of at most `bytes_max`.
    pub fn set_bytes_max(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
        if let State::Open(messages) = &mut self.wire {
            messages.set_config(|open| *open = config(bytes_max));
        }
    }

    /// The client is authorized: what it sends is read as it comes, also ahead of what is handled.
    pub fn read_ahead(&mut self) {
        match &mut self.wire {
            State::Open(messages) => messages.get_mut().end_frame_by_frame(),
            State::Resting(wire) => wire.end_frame_by_frame(),
            State::None(_) | State::Between => {}
        }
    }

    /// What is known of the frame behind the last message.
    pub fn next_frame(&self) -> NextFrame {
        match &self.wire {
            State::Open(messages) => messages.get_ref().next_frame(),
            State::Resting(wire) => wire.next_frame(),
            State::None(_) | State::Between => NextFrame::Unknown,
        }
    }

    /// Reads ahead of what is handled, as far as something has come, and ready then with what is known of the next frame;
    /// `None` at the end of the connection.
    pub fn poll_beginning(&mut self, cx: &mut Context<'_>) -> Poll<Option<NextFrame>> {
        match &mut self.wire {
            State::Open(messages) => messages.get_mut().poll_beginning(cx),
            State::Resting(wire) => wire.poll_beginning(cx),
            State::None(_) | State::Between => Poll::Ready(None),
        }
    }

    /// The client has published, and is likely to go on.
    pub fn stay_open(&mut self) {
        self.stays_open = true;
    }

    /// Nobody has read for a while: the time for an unfinished message begins anew.
    pub fn forgive(&mut self) {
        match &mut self.wire {
            State::Open(messages) => messages.get_mut().forgive(),
            State::Resting(_) | State::None(_) | State::Between => {}
        }
    }

    /// Ready with the next message or with what is wrong with it, and with `None` when the connection is at its end.
    pub fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        deadlines: &Rc<Deadlines<Instant>>,
    ) -> Poll<Option<Result<Message, Error>>> {
        loop {
            let messages = match &mut self.wire {
                State::Open(messages) => messages,
                State::Resting(wire) => {
                    if wire.is_at_rest()
                        && let Err(error) = ready!(wire.poll_readable(cx, deadlines))
                    {
                        return Poll::Ready(Some(Err(Error::Io(error))));
                    }
                    self.open();
                    continue;
                }
                State::None(wire) => return wire.poll_end(cx).map(|()| None),
                State::Between => return Poll::Ready(None),
            };
            match messages.read() {
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    match messages.get_mut().poll_readable(cx, deadlines) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(Error::Io(error)))),
                        Poll::Pending => {
                            if !self.stays_open && messages.can_write() && messages.get_ref().is_at_rest() {
                                self.rest();
                            }
                            return Poll::Pending;
                        }
                    }
                }
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Poll::Ready(None),
                message => return Poll::Ready(Some(message)),
            }
        }
    }

    /// Sends a message of its own making.
    ///
    /// # Errors
    /// The client has closed the connection, or it is gone.
    pub fn send(&mut self, message: Message) -> Result<(), Error> {
        self.open();
        match &mut self.wire {
            State::Open(messages) => messages.send(message),
            State::Resting(_) | State::None(_) | State::Between => Err(Error::AlreadyClosed),
        }
    }

    /// A message of so many bytes has been handled. tungstenite keeps the buffer of the largest one that it has read, up to
    /// `max_message_bytes` for every client. Where a large message ends the buffer is empty (the wire sees to that), and a
    /// small one takes its place.
    pub fn after_message(&mut self, message_bytes: usize) {
        if message_bytes > LARGE_MESSAGE_BYTES {
            self.rest();
        }
    }

    fn open(&mut self) {
        self.wire = match mem::replace(&mut self.wire, State::Between) {
            State::Resting(wire) => {
                let config = config(self.bytes_max);
                State::Open(Box::new(WebSocket::from_raw_socket(wire, Role::Server, Some(config))))
            }
            other => other,
        };
    }

    fn rest(&mut self) {
        self.wire = match mem::replace(&mut self.wire, State::Between) {
            State::Open(messages) => State::Resting(messages.into_inner()),
            other => other,
        };
    }
}

/// What a client is told whose messages ended with `error`; `None` where it has gone without a word.
pub fn disconnect_after(error: &Error) -> Option<Disconnect> {
    match error {
        _ if refused(error).is_some() => Some(Disconnect::PolicyViolation),
        Error::Io(_) | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Capacity(_) => Some(Disconnect::MessageTooBig),
        Error::Utf8(_) => Some(Disconnect::InvalidUtf8),
        _ => Some(Disconnect::ProtocolError),
    }
}

/// The limit that was exceeded by whoever's messages ended with `error`; `None` where it was none.
pub(crate) fn limit_of(error: &Error) -> Option<Refusal> {
    match (refused(error), error) {
        (Some(Refused::TooManyFragments), _) => Some(Refusal::MaxFragments),
        (Some(Refused::TooSlow), _) => Some(Refusal::MessageTimeout),
        (None, Error::Capacity(_)) => Some(Refusal::MaxMessageBytes),
        (None, _) => None,
    }
}

/// What the wire has refused, if it was the wire.
fn refused(error: &Error) -> Option<Refused> {
    let Error::Io(error) = error else { return None };
    error.get_ref()?.downcast_ref().copied()
}
