//! The two halves of a listener's stream: one that its task reads from, and one that says goodbye when it shall leave.
//!
//! Over TCP and Unix sockets they are the system's, and nothing stands before a read. Over TLS both are one session, which
//! belongs to the listeners' thread.

use crate::cli::relay_stream::RelayStream;
use pusud::tls::ClientStream;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::{TcpStream, tcp};

type Session = Rc<RefCell<ClientStream<TcpStream>>>;

/// The half that is read from.
pub(super) enum ReadHalf {
    Tcp(tcp::OwnedReadHalf),
    Tls(Session),
    #[cfg(unix)]
    Unix(tokio::net::unix::OwnedReadHalf),
}

/// The half that says goodbye.
pub(super) enum WriteHalf {
    Tcp(tcp::OwnedWriteHalf),
    Tls(Session),
    #[cfg(unix)]
    Unix(tokio::net::unix::OwnedWriteHalf),
}

/// Both halves of a stream.
pub(super) fn halves(stream: RelayStream) -> (ReadHalf, WriteHalf) {
    match stream {
        RelayStream::Tcp(stream) => {
            let (read, write) = stream.into_split();
            (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
        }
        RelayStream::Tls(stream) => {
            let session = Rc::new(RefCell::new(stream));
            (ReadHalf::Tls(session.clone()), WriteHalf::Tls(session))
        }
        #[cfg(unix)]
        RelayStream::Unix(stream) => {
            let (read, write) = stream.into_split();
            (ReadHalf::Unix(read), WriteHalf::Unix(write))
        }
    }
}

impl ReadHalf {
    /// Reads once.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, out),
            Self::Tls(session) => Pin::new(&mut *session.borrow_mut()).poll_read(cx, out),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, out),
        }
    }

    /// Sends what the kernel has room for; of so little it is all.
    pub(super) fn send_now(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.as_ref().try_write(bytes).map(drop),
            Self::Tls(session) => session.borrow_mut().send_now(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.as_ref().try_write(bytes).map(drop),
        }
    }
}

impl WriteHalf {
    /// As [`ReadHalf::send_now`].
    pub(super) fn send_now(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes).map(drop),
            Self::Tls(session) => session.borrow_mut().send_now(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_write(bytes).map(drop),
        }
    }
}
