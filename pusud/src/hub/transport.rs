//! One client's way to the network: its socket, and the encryption over it where there is one.
//!
//! It never waits, and it knows nothing of frames but that they are bytes in a queue.

use super::encrypted::Encrypted;
use super::unacknowledged;
use crate::admission::{self, ClientAddress};
use crate::frames::{FrameQueue, Frames};
use crate::tls::Session;
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;

/// Most buffers handed to the kernel in one call; Linux takes up to 1024, and past a few dozen nothing is gained.
const WRITE_SLICES_MAX: usize = 64;

/// The socket of one client, with or without encryption.
pub struct Transport {
    socket: TcpStream,
    /// `None`: bytes leave as they are.
    encrypted: Option<Box<Encrypted>>,
    /// Where the client is, if the socket does not know: there is a proxy in between, or it is a Unix socket.
    client: Cell<Option<Box<ClientAddress>>>,
}

impl From<TcpStream> for Transport {
    /// A socket whose bytes leave as they are.
    fn from(socket: TcpStream) -> Self {
        Self { socket, encrypted: None, client: Cell::new(None) }
    }
}

impl Transport {
    /// A socket whose bytes are encrypted.
    pub fn encrypted(socket: TcpStream, encryption: Encrypted) -> Self {
        Self { encrypted: Some(Box::new(encryption)), ..Self::from(socket) }
    }

    /// The socket itself, to wait for it.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether bytes are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted.is_some()
    }

    /// What has been read of a record that has not come whole, in bytes.
    pub fn half_record_bytes(&self) -> usize {
        self.encrypted.as_ref().map_or(0, |encrypted| encrypted.with_session(Session::unread_bytes))
    }

    /// Ready when there is something to read, the end included: of the socket, or of the session over it.
    ///
    /// # Errors
    /// The runtime is stopping.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.with_session(Session::has_peer_closed) {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) | None => self.socket.poll_read_ready(cx),
        }
    }

    /// Looks at the TLS session, if there is one.
    pub fn with_session<T>(&self, look: impl FnOnce(&Session) -> T) -> Option<T> {
        self.encrypted.as_ref().map(|encrypted| encrypted.with_session(look))
    }

    /// Somebody who is trusted has said where the client is. The last word counts: who speaks first is nearest to the relay,
    /// and may name another proxy, whose word on the client is heard next.
    pub fn set_client(&self, client: ClientAddress) {
        self.client.set(Some(Box::new(client)));
    }

    /// Where the client is, if somebody has said so.
    fn said(&self) -> Option<ClientAddress> {
        let said = self.client.take();
        let client = said.as_deref().copied();
        self.client.set(said);
        client
    }

    /// Where the client is; `None` where the connection is gone.
    pub fn client(&self) -> Option<ClientAddress> {
        // Otherwise the socket knows, and so nobody else has to.
        self.said().or_else(|| self.peer())
    }

    /// The same for the log; once the connection is gone, hardly anybody knows it.
    pub fn describe_client(&self) -> String {
        self.client().map_or_else(|| "gone".to_owned(), |client| client.to_string())
    }

    /// Who hands the client's connection on, where somebody does.
    pub fn proxy(&self) -> Option<ClientAddress> {
        self.said().and_then(|client| self.peer().filter(|peer| *peer != client))
    }

    /// Who is at the other end of the socket.
    fn peer(&self) -> Option<ClientAddress> {
        admission::peer_of(socket2::SockRef::from(&self.socket).peer_addr().ok()?)
    }

    /// Reads with `read` into `buffer`, without waiting, and hands what came to `take`; nothing handed over means the end
    /// of the stream.
    ///
    /// # Errors
    /// `WouldBlock` where nothing has come in, and whatever `read` or the encryption says.
    pub fn read(
        &self,
        buffer: &mut [u8],
        read: impl FnOnce(&TcpStream, &mut [u8]) -> io::Result<usize>,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        if let Some(encrypted) = &self.encrypted {
            return encrypted.read(&self.socket, buffer, |room| read(&self.socket, room), take);
        }
        let len = read(&self.socket, buffer)?;
        if len > 0 {
            take(&buffer[..len]);
        }
        Ok(())
    }

    /// Has the system end the connection when its peer has acknowledged nothing for so long.
    pub(super) fn limit_sending(&self, time: Duration) {
        // A Unix socket knows no such thing and needs none; one that is broken ends by itself.
        unacknowledged::limit(socket2::SockRef::from(&self.socket), time).ok();
    }

    /// Writes what the kernel takes in one call, and advances the queue by what waits there no more; `None` where nothing
    /// waits.
    pub(super) fn write(&self, queue: &mut FrameQueue) -> Option<io::Result<usize>> {
        if let Some(encrypted) = &self.encrypted {
            return encrypted.write(&self.socket, queue);
        }
        let first = queue.front()?;
        let written = match queue.behind() {
            None => self.socket.try_write(first),
            Some(rest) => write_many(&self.socket, first, rest),
        };
        Some(written.inspect(|&bytes| queue.advance(bytes)))
    }

    /// What has left the queue and not been taken by the kernel, in bytes.
    pub(super) fn kept_bytes(&self) -> usize {
        self.encrypted.as_ref().map_or(0, |encrypted| encrypted.kept_bytes())
    }

    /// Gives the connection up: what was kept is dropped.
    pub(super) fn give_up(&self) {
        if let Some(encrypted) = &self.encrypted {
            encrypted.drop_kept();
        }
    }

    /// Tells the peer that nothing more will come. Only once everything has left.
    pub(super) fn shut_down(&self) {
        if let Some(encrypted) = &self.encrypted {
            encrypted.close(&self.socket);
        }
        // An error means that the connection is gone, which is what was wanted.
        socket2::SockRef::from(&self.socket).shutdown(Shutdown::Write).ok();
    }
}

fn write_many<'a>(socket: &TcpStream, first: &'a [u8], rest: impl Iterator<Item = &'a Frames>) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
    slices[0] = IoSlice::new(first);
    let mut count = 1;
    for (slice, frames) in slices[1..].iter_mut().zip(rest) {
        *slice = IoSlice::new(frames);
        count += 1;
    }
    socket.try_write_vectored(&slices[..count])
}
