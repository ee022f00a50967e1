//! A shard's one buffer for reading from sockets, so that idle clients need none of their own.

use crate::hub::Transport;
use socket2::SockRef;
use std::cell::RefCell;
use std::io::{self, Read};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Most bytes taken from a socket in one call.
pub(super) const READ_BYTES_MAX: usize = 64 * 1024;

/// Whether the system says anew that a socket is readable when more comes, whatever was read before. Windows does only
/// after a read that has found nothing.
const TELLS_OF_MORE: bool = cfg!(unix);

/// The buffer. Its content lives only as long as a call.
pub struct ReadBuffer(RefCell<Box<[u8]>>);

impl Default for ReadBuffer {
    fn default() -> Self {
        Self(RefCell::new(vec![0; READ_BYTES_MAX].into()))
    }
}

impl ReadBuffer {
    /// Reads what `transport` has, without waiting, and shows it to `take`; nothing shown means the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` where nothing has come in, and whatever the socket or its encryption says.
    pub fn read(&self, transport: &Transport, take: impl FnMut(&[u8])) -> io::Result<()> {
        transport.read(&mut self.0.borrow_mut(), read_all, take)
    }
}

/// As `try_read`, but a buffer that was not filled has taken all there was, and the socket is told so: the next read waits
/// for more instead of asking the kernel first. What comes meanwhile makes the socket readable again, and an end that has
/// been seen keeps it so.
fn read_all(socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut taken = None;
    let read = socket.try_io(Interest::READABLE, || {
        let len = loop {
            match (&*SockRef::from(socket)).read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        taken = Some(len);
        if TELLS_OF_MORE && 0 < len && len < buffer.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(len) }
    });
    taken.map_or(read, Ok)
}
